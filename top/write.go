package top

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// WriteTable writes all lines as text, for a width, or for 132 columns if it is zero. An empty line follows.
func (s *Screen) WriteTable(w io.Writer, width int) error {
	if width == 0 {
		width = 132
	}
	all := len(s.visible())
	lines := append([]string{cut(s.heading(), width)}, s.table(width, all, false)...)
	if s.Status != "" {
		lines = append(lines, cut(s.Status, width))
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ") + "\n"
	}
	_, err := io.WriteString(w, strings.Join(lines, "")+"\n")
	return err
}

// jsonLine is a service or a server. A rate or share that is unknown is null.
type jsonLine struct {
	Service         string     `json:"service,omitempty"`
	Server          string     `json:"server,omitempty"`
	Weight          uint32     `json:"weight"`
	WeightShare     *float64   `json:"weight_share"`
	TrafficShare    *float64   `json:"traffic_share"`
	Active          uint64     `json:"active_connections"`
	Inactive        uint64     `json:"inactive_connections"`
	Connections     *float64   `json:"connections_per_second"`
	IncomingPackets *float64   `json:"incoming_packets_per_second"`
	OutgoingPackets *float64   `json:"outgoing_packets_per_second"`
	IncomingBits    *float64   `json:"incoming_bits_per_second"`
	OutgoingBits    *float64   `json:"outgoing_bits_per_second"`
	Drained         bool       `json:"drained"`
	OverThreshold   bool       `json:"over_threshold"`
	Servers         []jsonLine `json:"servers,omitempty"`
}

// WriteJSON writes the services as a document on one line.
func (s *Screen) WriteJSON(w io.Writer) error {
	document := struct {
		Time     time.Time  `json:"time"`
		Interval float64    `json:"interval_seconds"`
		Services []jsonLine `json:"services"`
	}{s.now.UTC(), s.Interval.Seconds(), []jsonLine{}}
	for _, line := range sortLines(s.lines, s.Sort) {
		service := asJSON(&line)
		service.Service = serviceName(line.Service)
		for i := range line.Servers {
			server := asJSON(&line.Servers[i])
			server.Server = line.Servers[i].Server.String()
			service.Servers = append(service.Servers, server)
		}
		document.Services = append(document.Services, service)
	}
	return json.NewEncoder(w).Encode(document)
}

func asJSON(l *Line) jsonLine {
	return jsonLine{
		Weight: l.Weight, WeightShare: known(l.WeightShare), TrafficShare: known(l.TrafficShare),
		Active: l.Active, Inactive: l.Inactive, Connections: known(l.Connections),
		IncomingPackets: known(l.PacketsIn), OutgoingPackets: known(l.PacketsOut),
		IncomingBits: known(l.BitsIn), OutgoingBits: known(l.BitsOut),
		Drained: l.Drained, OverThreshold: l.OverThreshold,
	}
}

// known returns a number, or nil if it is unknown.
func known(n float64) *float64 {
	if math.IsNaN(n) {
		return nil
	}
	return &n
}

func serviceName(id ipvs.ServiceID) string { return strings.ToLower(id.String()) }
