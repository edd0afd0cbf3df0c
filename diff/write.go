package diff

import (
	"encoding/json"
	"io"
	"slices"

	"ipvsadm/command"
)

// AppendText appends the differences as lines. Behind "- " and "+ " stands the command that makes the object as it is in
// the first and in the second table. A server whose place alone differs has both.
func AppendText(b []byte, differences []Difference) []byte {
	for _, d := range differences {
		inA, inB := d.A, d.B
		if d.Object == Order {
			moves := moved(d.A, d.B)
			stays := func(c command.Command) bool { return !slices.Contains(moves, c.Server.Address) }
			inA, inB = slices.DeleteFunc(slices.Clone(d.A), stays), slices.DeleteFunc(slices.Clone(d.B), stays)
			b = append(b, "# "+d.Service.String()+": the servers of mh are in another order\n"...)
		}
		b = appendLines(b, "- ", inA)
		b = appendLines(b, "+ ", inB)
	}
	return b
}

func appendLines(b []byte, sign string, commands []command.Command) []byte {
	for _, c := range commands {
		b = append(c.AppendRule(append(b, sign...), nil), '\n')
	}
	return b
}

type document struct {
	A           string           `json:"a"`
	B           string           `json:"b"`
	Same        bool             `json:"same"`
	Differences []jsonDifference `json:"differences"`
}

type jsonDifference struct {
	Object  Object   `json:"object"`
	Service *string  `json:"service"`
	A       []string `json:"a"`
	B       []string `json:"b"`
}

// WriteJSON writes the differences as one document. The names are those of the tables.
func WriteJSON(w io.Writer, nameA, nameB string, differences []Difference) error {
	d := document{A: nameA, B: nameB, Same: len(differences) == 0, Differences: []jsonDifference{}}
	for _, difference := range differences {
		object := jsonDifference{Object: difference.Object, A: rules(difference.A), B: rules(difference.B)}
		if service := difference.Service.String(); difference.Object != Timeouts && difference.Object != Daemon {
			object.Service = &service
		}
		d.Differences = append(d.Differences, object)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

func rules(commands []command.Command) []string {
	lines := []string{}
	for _, c := range commands {
		lines = append(lines, string(c.AppendRule(nil, nil)))
	}
	return lines
}
