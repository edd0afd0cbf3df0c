package check

import (
	"encoding/json"
	"io"
)

type jsonReport struct {
	Findings []jsonFinding `json:"findings"`
	RulesRun int           `json:"rules_run"`
	Skipped  []jsonSkipped `json:"rules_skipped"`
}

type jsonFinding struct {
	Name        string   `json:"name"`
	Severity    Severity `json:"severity"`
	Service     *string  `json:"service"` // null for a fault of the machine
	Object      string   `json:"object"`
	Summary     string   `json:"summary"`
	Evidence    string   `json:"evidence"`
	Consequence string   `json:"consequence"`
	Advice      string   `json:"advice"`
	SideEffects string   `json:"side_effects"`
}

type jsonSkipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// WriteJSON writes a report as a JSON document, which man/ipvsadm-check.schema.json describes.
func WriteJSON(w io.Writer, r Report) error {
	document := jsonReport{Findings: []jsonFinding{}, RulesRun: r.Ran, Skipped: []jsonSkipped{}}
	for _, f := range r.Findings {
		var service *string
		if name := ServiceName(f.Service); name != "" {
			service = &name
		}
		document.Findings = append(document.Findings, jsonFinding{f.Name, f.Severity, service, f.Object, f.Summary,
			f.Evidence, f.Consequence, f.Advice, f.SideEffects})
	}
	for _, skipped := range r.Skipped {
		document.Skipped = append(document.Skipped, jsonSkipped{skipped.Name, skipped.Reason})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
