package format

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/netip"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// jsonFormat is the format for programs: one document with everything that the kernel sent. man/ipvsadm.schema.json is
// its schema.
type jsonFormat struct {
	resolver *names.Resolver // nil for numbers only
	warnings io.Writer       // for malformed lines; may be nil
}

// Counters reports true: documents always contain counters.
func (j jsonFormat) Counters() bool { return true }

type jsonTable struct {
	Version             string        `json:"version"`
	ConnectionTableSize uint32        `json:"connection_table_size"`
	Services            []jsonService `json:"services"`
}

type jsonService struct {
	Protocol          string       `json:"protocol"`
	Family            string       `json:"family"`
	Address           *netip.Addr  `json:"address"`
	AddressName       *string      `json:"address_name"`
	Port              *uint16      `json:"port"`
	PortName          *string      `json:"port_name"`
	Mark              *uint32      `json:"fwmark"`
	Scheduler         string       `json:"scheduler"`
	SchedulerFlags    []string     `json:"scheduler_flags"`
	OnePacket         bool         `json:"ops"`
	Hashed            bool         `json:"hashed"`
	Persistent        bool         `json:"persistent"`
	PersistentSeconds int64        `json:"persistent_timeout_seconds"`
	Netmask           *netip.Addr  `json:"netmask"`
	PrefixLength      *uint8       `json:"prefix_length"`
	Engine            *string      `json:"persistence_engine"`
	Totals            jsonTotals   `json:"totals"`
	Rates             jsonRates    `json:"rates"`
	Servers           []jsonServer `json:"servers"`
}

type jsonServer struct {
	Family                string     `json:"family"`
	Address               netip.Addr `json:"address"`
	AddressName           *string    `json:"address_name"`
	Port                  uint16     `json:"port"`
	PortName              *string    `json:"port_name"`
	Forwarding            string     `json:"forwarding"`
	Tunnel                jsonTunnel `json:"tunnel"`
	Weight                uint32     `json:"weight"`
	UpperThreshold        uint32     `json:"upper_threshold"`
	LowerThreshold        uint32     `json:"lower_threshold"`
	ActiveConnections     uint32     `json:"active_connections"`
	InactiveConnections   uint32     `json:"inactive_connections"`
	PersistentConnections uint32     `json:"persistent_connections"`
	Totals                jsonTotals `json:"totals"`
	Rates                 jsonRates  `json:"rates"`
}

type jsonTunnel struct {
	Type     string `json:"type"`
	Port     uint16 `json:"port"`
	Checksum string `json:"checksum"`
}

type jsonTotals struct {
	Connections     uint64 `json:"connections"`
	IncomingPackets uint64 `json:"incoming_packets"`
	OutgoingPackets uint64 `json:"outgoing_packets"`
	IncomingBytes   uint64 `json:"incoming_bytes"`
	OutgoingBytes   uint64 `json:"outgoing_bytes"`
}

type jsonRates struct {
	Connections     uint64 `json:"connections_per_second"`
	IncomingPackets uint64 `json:"incoming_packets_per_second"`
	OutgoingPackets uint64 `json:"outgoing_packets_per_second"`
	IncomingBytes   uint64 `json:"incoming_bytes_per_second"`
	OutgoingBytes   uint64 `json:"outgoing_bytes_per_second"`
}

type jsonEndpoint struct {
	Address     netip.Addr `json:"address"`
	AddressName *string    `json:"address_name"`
	Port        uint16     `json:"port"`
	PortName    *string    `json:"port_name"`
}

// Table writes the services and their servers.
func (j jsonFormat) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	all, err := ipvs.Gather(resolvedEntries(ctx, j.resolver, entries))
	if err != nil {
		return err
	}
	table := jsonTable{
		Version:             info.Version.String(),
		ConnectionTableSize: info.ConnectionTableSize,
		Services:            make([]jsonService, len(all)),
	}
	for i := range all {
		table.Services[i] = j.service(&all[i])
	}
	return writeDocument(w, table)
}

func writeDocument(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func (j jsonFormat) service(entry *ipvs.Entry) jsonService {
	s := &entry.ListedService
	service := jsonService{
		Protocol:          protocolName(s),
		Family:            s.Family.String(),
		Scheduler:         s.Scheduler,
		SchedulerFlags:    flagNames(s),
		OnePacket:         s.Flags&ipvs.OnePacket != 0,
		Hashed:            s.Flags&ipvs.Hashed != 0,
		Persistent:        s.Flags&ipvs.Persistent != 0,
		PersistentSeconds: seconds(s.Timeout),
		Engine:            orNull(s.Engine),
		Totals:            jsonTotals(s.Totals),
		Rates:             jsonRates(s.Rates),
		Servers:           make([]jsonServer, len(entry.Destinations)),
	}
	if s.Mark != 0 {
		service.Mark = &s.Mark
	} else {
		endpoint := j.endpoint(s.Address, portProtocol(s))
		service.Address, service.AddressName = &endpoint.Address, endpoint.AddressName
		service.Port, service.PortName = &endpoint.Port, endpoint.PortName
	}
	if s.Family == ipvs.IPv6 {
		length := s.Netmask.PrefixLength()
		service.PrefixLength = &length
	} else {
		mask := s.Netmask.Address()
		service.Netmask = &mask
	}
	for i := range entry.Destinations {
		service.Servers[i] = j.server(s, &entry.Destinations[i])
	}
	return service
}

func (j jsonFormat) server(s *ipvs.ListedService, d *ipvs.ListedDestination) jsonServer {
	endpoint := j.endpoint(d.Address, portProtocol(s))
	return jsonServer{
		Family:                ipvs.FamilyOf(d.Address.Addr()).String(),
		Address:               endpoint.Address,
		AddressName:           endpoint.AddressName,
		Port:                  endpoint.Port,
		PortName:              endpoint.PortName,
		Forwarding:            d.Forwarding.String(),
		Tunnel:                jsonTunnel{d.Tunnel.Type.String(), d.Tunnel.Port, d.Tunnel.Checksum.String()},
		Weight:                d.Weight,
		UpperThreshold:        d.UpperThreshold,
		LowerThreshold:        d.LowerThreshold,
		ActiveConnections:     d.ActiveConnections,
		InactiveConnections:   d.InactiveConnections,
		PersistentConnections: d.PersistentConnections,
		Totals:                jsonTotals(d.Totals),
		Rates:                 jsonRates(d.Rates),
	}
}

func (j jsonFormat) endpoint(endpoint netip.AddrPort, protocol string) jsonEndpoint {
	e := jsonEndpoint{Address: endpoint.Addr(), Port: endpoint.Port()}
	if j.resolver != nil {
		if name, ok := j.resolver.AddressName(e.Address); ok {
			e.AddressName = &name
		}
		if name, ok := j.resolver.ServiceName(e.Port, protocol); ok {
			e.PortName = &name
		}
	}
	return e
}

// flagNames returns the names of the scheduler flags that are set. Without any it returns an empty list, which JSON does not
// write as null.
func flagNames(s *ipvs.ListedService) []string {
	return append([]string{}, s.SchedulerFlagNames()...)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// orNull returns nil, which JSON writes as null, for an empty text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
