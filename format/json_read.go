package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// jsonTable is what ReadJSON needs of a document: it has no names, connections or counters.
type jsonTable struct {
	Services []jsonService `json:"services"`
}

type jsonService struct {
	Protocol          string       `json:"protocol"`
	Family            string       `json:"family"`
	Address           *netip.Addr  `json:"address"`
	Port              *uint16      `json:"port"`
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
	Servers           []jsonServer `json:"servers"`
}

type jsonServer struct {
	Address        netip.Addr `json:"address"`
	Port           uint16     `json:"port"`
	Forwarding     string     `json:"forwarding"`
	Tunnel         jsonTunnel `json:"tunnel"`
	Weight         uint32     `json:"weight"`
	UpperThreshold uint32     `json:"upper_threshold"`
	LowerThreshold uint32     `json:"lower_threshold"`
}

type jsonTunnel struct {
	Type     string `json:"type"`
	Port     uint16 `json:"port"`
	Checksum string `json:"checksum"`
}

// ReadJSON reads a table that the JSON format wrote. The servers of each entry have the order of the document.
func ReadJSON(r io.Reader) ([]ipvs.Entry, error) {
	var table jsonTable
	decoder := json.NewDecoder(r)
	if err := decoder.Decode(&table); err != nil {
		return nil, fmt.Errorf("not a listing as JSON: %w", err)
	}
	if table.Services == nil {
		return nil, errors.New(`not a listing of services as JSON: "services" is missing`)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one listing as JSON")
	}
	entries := make([]ipvs.Entry, 0, len(table.Services))
	known := make(map[ipvs.ServiceID]bool)
	for i := range table.Services {
		entry, err := table.Services[i].entry()
		if err == nil && known[entry.ServiceID] {
			err = fmt.Errorf("%s is there twice", entry.ServiceID)
		}
		if err != nil {
			return nil, fmt.Errorf("service %d of the JSON: %w", i+1, err)
		}
		known[entry.ServiceID] = true
		entries = append(entries, entry)
	}
	return entries, nil
}

// entry returns the service, with its servers and without its counters.
func (s *jsonService) entry() (entry ipvs.Entry, err error) {
	if entry.ServiceID, err = s.id(); err != nil {
		return entry, err
	}
	entry.Scheduler = s.Scheduler
	entry.Timeout = time.Duration(s.PersistentSeconds) * time.Second
	if s.Engine != nil {
		entry.Engine = *s.Engine
	}
	if !isName(entry.Scheduler) || entry.Engine != "" && !isName(entry.Engine) {
		return entry, fmt.Errorf("the scheduler %q or the persistence engine %q cannot be a name", entry.Scheduler, entry.Engine)
	}
	if s.PersistentSeconds < 0 || s.PersistentSeconds > math.MaxUint32 {
		return entry, fmt.Errorf("a timeout of %d s", s.PersistentSeconds)
	}
	for flag, set := range map[ipvs.ServiceFlags]bool{ipvs.OnePacket: s.OnePacket, ipvs.Hashed: s.Hashed, ipvs.Persistent: s.Persistent} {
		if set {
			entry.Flags |= flag
		}
	}
	for _, name := range s.SchedulerFlags {
		flag, err := named(name, []ipvs.ServiceFlags{ipvs.SchedulerFlag1, ipvs.SchedulerFlag2, ipvs.SchedulerFlag3},
			func(flag ipvs.ServiceFlags) string {
				return (&ipvs.Service{Scheduler: s.Scheduler, Flags: flag}).SchedulerFlagNames()[0]
			})
		if err != nil {
			return entry, err
		}
		entry.Flags |= flag
	}
	switch {
	case s.Netmask != nil && s.Netmask.Is4():
		entry.Netmask = ipvs.IPv4Netmask(s.Netmask.As4())
	case s.PrefixLength != nil:
		entry.Netmask = ipvs.IPv6Netmask(*s.PrefixLength)
	}
	known := make(map[netip.AddrPort]bool)
	for i := range s.Servers {
		server, err := s.Servers[i].destination()
		if err == nil && known[server.Address] {
			err = errors.New("it is there twice")
		}
		if err != nil {
			return entry, fmt.Errorf("server %s of %s: %w", server.Address, entry.ServiceID, err)
		}
		known[server.Address] = true
		entry.Destinations = append(entry.Destinations, ipvs.ListedDestination{Destination: server})
	}
	return entry, nil
}

// isName reports whether a text can be the name of a module. A document of another machine may hold anything.
func isName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(char rune) bool { return char <= ' ' || char > '~' })
}

func (s *jsonService) id() (ipvs.ServiceID, error) {
	if s.Mark != nil {
		family, err := named(s.Family, []ipvs.Family{ipvs.IPv4, ipvs.IPv6}, ipvs.Family.String)
		return ipvs.MarkService(*s.Mark, family), err
	}
	if s.Address == nil || s.Port == nil || !isAddress(*s.Address) {
		return ipvs.ServiceID{}, errors.New("it has neither an address with a port nor a mark")
	}
	protocol, err := named(s.Protocol, []ipvs.Protocol{ipvs.TCP, ipvs.UDP, ipvs.SCTP}, func(p ipvs.Protocol) string {
		return protocolName(&ipvs.ListedService{Service: ipvs.Service{ServiceID: ipvs.ServiceID{Protocol: p}}})
	})
	return ipvs.AddressService(protocol, netip.AddrPortFrom(*s.Address, *s.Port)), err
}

// isAddress reports whether an address is one that IPVS knows: without a zone.
func isAddress(address netip.Addr) bool { return address.IsValid() && address.Zone() == "" }

func (d *jsonServer) destination() (server ipvs.Destination, err error) {
	server = ipvs.Destination{
		Address:        netip.AddrPortFrom(d.Address, d.Port),
		Weight:         d.Weight,
		UpperThreshold: d.UpperThreshold,
		LowerThreshold: d.LowerThreshold,
	}
	if !isAddress(d.Address) {
		return server, errors.New("it has no address")
	}
	server.Forwarding, err = named(d.Forwarding,
		[]ipvs.Forwarding{ipvs.Masquerading, ipvs.LocalNode, ipvs.Tunneling, ipvs.DirectRouting, ipvs.Bypass}, ipvs.Forwarding.String)
	if err != nil {
		return server, err
	}
	server.Tunnel.Port = d.Tunnel.Port
	server.Tunnel.Type, err = named(d.Tunnel.Type, []ipvs.TunnelType{ipvs.IPIP, ipvs.GUE, ipvs.GRE}, ipvs.TunnelType.String)
	if err != nil {
		return server, err
	}
	server.Tunnel.Checksum, err = named(d.Tunnel.Checksum,
		[]ipvs.TunnelChecksum{ipvs.NoChecksum, ipvs.Checksum, ipvs.RemoteChecksum}, ipvs.TunnelChecksum.String)
	return server, err
}

// named returns the value of that name.
func named[T any](name string, values []T, nameOf func(T) string) (value T, err error) {
	i := slices.IndexFunc(values, func(v T) bool { return nameOf(v) == name })
	if i < 0 {
		return value, fmt.Errorf("unknown word %q", name)
	}
	return values[i], nil
}
