// Package drain takes servers out of service without breaking connections, and puts them back.
//
// Begin sets the weight of servers to 0 and stores the old weights. Watch waits until their connections have ended.
// Undrain sets the old weights again. Read returns what is stored, and InForce compares it with the table.
package drain

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Server is a server of one service.
type Server struct {
	Service ipvs.Service
	ipvs.Destination
}

// String returns the server and its service as every message names them: "TCP 192.0.2.100:80 -> 10.0.0.11:80".
func (s Server) String() string { return s.key().String() }

func (s Server) key() key { return key{s.Service.ServiceID, s.Address} }

// key names a server of a service.
type key struct {
	service ipvs.ServiceID
	server  netip.AddrPort
}

func (k key) String() string { return fmt.Sprintf("%s -> %s", k.service, k.server) }

// rule returns the classic line of a command, which can be typed.
func rule(c command.Command) string { return "ipvsadm " + string(c.AppendRule(nil, nil)) }

// serviceOption returns the option that names a service, such as "-t 192.0.2.100:80".
func serviceOption(id ipvs.ServiceID) string {
	line := command.Command{Kind: command.DeleteService, Service: ipvs.Service{ServiceID: id}}.AppendRule(nil, nil)
	return strings.TrimPrefix(string(line), "-D ")
}

// edit returns the command that gives the server a weight and changes nothing else.
func (s Server) edit(weight uint32) command.Command {
	s.Weight = weight
	return command.Command{Kind: command.EditServer, Service: s.Service, Server: s.Destination}
}

// Selection chooses servers of the table.
type Selection struct {
	Service ipvs.ServiceID // zero for every service
	Address netip.Addr     // zero for every server
	Port    uint16
	AnyPort bool // Port does not count
}

// String returns what chooses the servers on a command line, such as "-r 10.0.0.11 -t 192.0.2.100:80".
func (s Selection) String() string {
	text := "--all"
	if s.Address.IsValid() {
		text = "-r " + s.server()
	}
	if s.hasService() {
		text += " " + serviceOption(s.Service)
	}
	return text
}

// server returns the address, with the port if it counts.
func (s Selection) server() string {
	if s.AnyPort {
		return s.Address.String()
	}
	return netip.AddrPortFrom(s.Address, s.Port).String()
}

func (s Selection) hasService() bool { return s.Service != ipvs.ServiceID{} }

func (s Selection) chooses(k key) bool {
	return (!s.hasService() || k.service == s.Service) &&
		(!s.Address.IsValid() || k.server.Addr() == s.Address && (s.AnyPort || k.server.Port() == s.Port))
}

// Chooses reports whether the selection chooses the server of a record.
func (s Selection) Chooses(r Record) bool { return s.chooses(r.key()) }

// Select returns the chosen servers of a table, at least one.
func (s Selection) Select(table []ipvs.Entry) ([]Server, error) {
	var chosen []Server
	for _, entry := range table {
		for _, d := range entry.Destinations {
			server := Server{entry.Service, d.Destination}
			if s.chooses(server.key()) {
				chosen = append(chosen, server)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, s.missing(table)
	}
	return chosen, nil
}

// missing returns the error of a selection that chooses nothing. Its hints name the servers that were perhaps meant.
func (s Selection) missing(table []ipvs.Entry) error {
	exists := slices.ContainsFunc(table, func(e ipvs.Entry) bool { return e.ServiceID == s.Service })
	if s.hasService() && !exists {
		return fmt.Errorf("there is no service %s", s.Service)
	}
	var hints []string
	elsewhere := Selection{Address: s.Address, AnyPort: true}
	for _, entry := range table {
		for _, d := range entry.Destinations {
			if k := (key{entry.ServiceID, d.Address}); elsewhere.chooses(k) && len(hints) < mostHints {
				hints = append(hints, fmt.Sprintf("type -r %s %s for the server of %s", d.Address, serviceOption(k.service), k.service))
			}
		}
	}
	err := errors.New("no service has the server " + s.server())
	if s.hasService() {
		err = fmt.Errorf("%s has no server %s", s.Service, s.server())
	}
	return &command.Hinted{Err: err, Hints: hints}
}

const mostHints = 5

// find returns a server of the table, or nil.
func find(table []ipvs.Entry, k key) *ipvs.ListedDestination {
	for i := range table {
		if table[i].ServiceID != k.service {
			continue
		}
		for j := range table[i].Destinations {
			if table[i].Destinations[j].Address == k.server {
				return &table[i].Destinations[j]
			}
		}
	}
	return nil
}

// services returns how many services the servers belong to.
func services(servers []Server) int {
	seen := make(map[ipvs.ServiceID]bool)
	for _, s := range servers {
		seen[s.Service.ServiceID] = true
	}
	return len(seen)
}

// sorted puts servers in the order of the listings.
func sorted(servers []Server) []Server {
	slices.SortFunc(servers, func(a, b Server) int {
		return cmp.Or(a.Service.Compare(b.Service.ServiceID), a.Destination.Compare(b.Destination))
	})
	return servers
}
