package format

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/netip"
	"strings"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// JSON writes listings for other programs: each is one document with everything that the kernel told. Its form is that
// of man/ipvsadm.schema.json.
type JSON struct {
	Names *names.Resolver // nil for numbers alone
}

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
	PrefixLength      *uint32      `json:"prefix_length"`
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

type jsonTimeouts struct {
	TCP    int64 `json:"tcp_timeout_seconds"`
	TCPFin int64 `json:"tcpfin_timeout_seconds"`
	UDP    int64 `json:"udp_timeout_seconds"`
}

type jsonDaemons struct {
	Daemons []jsonDaemon `json:"daemons"`
}

type jsonDaemon struct {
	State     string      `json:"state"`
	Interface string      `json:"mcast_interface"`
	SyncID    uint32      `json:"syncid"`
	MaxLength uint16      `json:"sync_maxlen_bytes"`
	Group     *netip.Addr `json:"mcast_group"`
	Port      uint16      `json:"mcast_port"`
	TTL       uint8       `json:"mcast_ttl"`
}

type jsonConnection struct {
	Protocol    string       `json:"protocol"`
	State       string       `json:"state"`
	Expires     int64        `json:"expires_seconds"`
	Client      jsonEndpoint `json:"client"`
	Virtual     jsonEndpoint `json:"virtual"`
	Destination jsonEndpoint `json:"destination"`
	Engine      *string      `json:"persistence_engine"`
	EngineData  *string      `json:"persistence_engine_data"`
}

type jsonEndpoint struct {
	Address     netip.Addr `json:"address"`
	AddressName *string    `json:"address_name"`
	Port        uint16     `json:"port"`
	PortName    *string    `json:"port_name"`
}

// Table writes services and their real servers.
func (j *JSON) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	all, err := ipvs.Gather(resolved(ctx, j.Names, entries))
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

// Timeouts writes the timeouts of connections.
func (j *JSON) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	return writeDocument(w, jsonTimeouts{seconds(timeouts.TCP), seconds(timeouts.TCPFin), seconds(timeouts.UDP)})
}

// Daemons writes the synchronization daemons.
func (j *JSON) Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	document := jsonDaemons{Daemons: make([]jsonDaemon, len(daemons))}
	for i, daemon := range daemons {
		document.Daemons[i] = jsonDaemon{
			State:     daemon.State.String(),
			Interface: daemon.Interface,
			SyncID:    daemon.SyncID,
			MaxLength: daemon.MaxLength,
			Port:      daemon.Port,
			TTL:       daemon.TTL,
		}
		if daemon.Group.IsValid() {
			document.Daemons[i].Group = &daemon.Group
		}
	}
	return writeDocument(w, document)
}

// Connections writes the connections as they come: one array, with each of them on a line of its own. If they begin
// with an error nothing is written; if they end with one the array is not closed.
func (j *JSON) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	separator := "[\n"
	var err error
	for connection, failure := range resolvedConnections(ctx, j.Names, connections) {
		if err = failure; err != nil {
			break
		}
		out.WriteString(separator)
		separator = ","
		if err = lines.Encode(j.connection(&connection)); err != nil {
			break
		}
	}
	if err == nil {
		if separator == "[\n" {
			out.WriteString(separator)
		}
		out.WriteString("]\n")
	}
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	return err
}

func writeDocument(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func (j *JSON) service(entry *ipvs.Entry) jsonService {
	s := &entry.ListedService
	service := jsonService{
		Protocol:          protocolOption(s),
		Family:            familyWord(s.Family),
		Scheduler:         s.Scheduler,
		SchedulerFlags:    schedulerFlags(s),
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
		endpoint := j.endpoint(s.Address, portProtocol(s.Protocol))
		service.Address, service.AddressName = &endpoint.Address, endpoint.AddressName
		service.Port, service.PortName = &endpoint.Port, endpoint.PortName
	}
	if s.Family == ipvs.IPv6 {
		length := uint32(s.Netmask)
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

func (j *JSON) server(s *ipvs.ListedService, d *ipvs.ListedDestination) jsonServer {
	endpoint := j.endpoint(d.Address, portProtocol(s.Protocol))
	return jsonServer{
		Family:                familyWord(ipvs.FamilyOf(d.Address.Addr())),
		Address:               endpoint.Address,
		AddressName:           endpoint.AddressName,
		Port:                  endpoint.Port,
		PortName:              endpoint.PortName,
		Forwarding:            forwardingOption(d.Forwarding),
		Tunnel:                jsonTunnel{d.Tunnel.Type.String(), d.Tunnel.Port, checksumOption(d.Tunnel.Checksum)},
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

func (j *JSON) connection(c *ipvs.Connection) jsonConnection {
	protocol := connectionPortProtocol(c.Protocol)
	return jsonConnection{
		Protocol:    strings.ToLower(c.Protocol),
		State:       c.State,
		Expires:     seconds(c.Expires),
		Client:      j.endpoint(c.Client, protocol),
		Virtual:     j.endpoint(c.Virtual, protocol),
		Destination: j.endpoint(c.Destination, protocol),
		Engine:      orNull(c.Engine),
		EngineData:  orNull(c.EngineData),
	}
}

func (j *JSON) endpoint(endpoint netip.AddrPort, protocol string) jsonEndpoint {
	e := jsonEndpoint{Address: endpoint.Addr(), Port: endpoint.Port()}
	if j.Names != nil {
		if name, ok := j.Names.AddressName(e.Address); ok {
			e.AddressName = &name
		}
		if name, ok := j.Names.ServiceName(e.Port, protocol); ok {
			e.PortName = &name
		}
	}
	return e
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// orNull returns nil, which is written as null, for what the kernel did not tell.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
