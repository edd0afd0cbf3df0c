package connections

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// Property is what connections are grouped by: a word of --by.
type Property struct {
	Name string // client, service, server, state or protocol
	Bits int    // how many bits of the client's address count; -1 for all
}

// Properties lists the words that ParseProperty knows.
func Properties() []string {
	return []string{"client", "client/24", "service", "server", "state", "protocol"}
}

// ParseProperty reads a word such as "server" or "client/24".
func ParseProperty(word string) (Property, error) {
	if digits, ok := strings.CutPrefix(word, "client/"); ok {
		bits, err := strconv.Atoi(digits)
		if err != nil || bits < 0 || bits > 128 {
			return Property{}, fmt.Errorf("%q has no number of bits from 0 to 128", word)
		}
		return Property{"client", bits}, nil
	}
	if !slices.Contains(Properties(), word) {
		return Property{}, fmt.Errorf("%q is not one of %s", word, strings.Join(Properties(), ", "))
	}
	return Property{word, -1}, nil
}

// Value is the value of a property. One of its fields is set.
type Value struct {
	Client  netip.Prefix
	Service ipvs.ServiceID
	Server  netip.AddrPort
	Word    string // a state or a protocol
}

// of returns the connection's value.
func (p Property) of(c Connection) Value {
	switch p.Name {
	case "client":
		address := c.Client.Addr()
		bits := address.BitLen()
		if p.Bits >= 0 {
			bits = min(bits, p.Bits)
		}
		return Value{Client: netip.PrefixFrom(address, bits).Masked()}
	case "service":
		return Value{Service: c.ServiceID()}
	case "server":
		return Value{Server: c.Destination}
	case "state":
		return Value{Word: c.State}
	default:
		return Value{Word: c.Protocol}
	}
}

func compareValues(a, b Value) int {
	return cmp.Or(a.Client.Addr().Compare(b.Client.Addr()), a.Service.Compare(b.Service), a.Server.Compare(b.Server), strings.Compare(a.Word, b.Word))
}

// Group is the connections with the same values.
type Group struct {
	Values      []Value // of the properties, in their order; nil for others
	Connections uint64
	Share       float64       // of all selected connections, from 0 to 1
	Expires     time.Duration // the longest time that one of them stays without traffic
}

// Groups counts connections by one or two properties.
type Groups struct {
	properties []Property
	limit      int
	groups     map[[2]Value]*Group
	others     Group
	all        uint64
}

// NewGroups returns groups by one or two properties. Connections beyond the first limit groups count as others.
func NewGroups(properties []Property, limit int) *Groups {
	return &Groups{properties: properties, limit: limit, groups: make(map[[2]Value]*Group)}
}

// Add counts a connection.
func (g *Groups) Add(c Connection) {
	var key [2]Value
	for i, property := range g.properties {
		key[i] = property.of(c)
	}
	group, ok := g.groups[key]
	switch {
	case ok:
	case len(g.groups) >= g.limit:
		group = &g.others
	default:
		group = &Group{Values: slices.Clone(key[:len(g.properties)])}
		g.groups[key] = group
	}
	g.all++
	group.Connections++
	group.Expires = max(group.Expires, c.Expires)
}

// Largest returns the largest groups, the largest first, and the others last if there are any. A limit of zero stands for
// all groups.
func (g *Groups) Largest(limit int) []Group {
	var largest []Group
	for _, group := range g.groups {
		largest = append(largest, *group)
	}
	slices.SortFunc(largest, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), slices.CompareFunc(a.Values, b.Values, compareValues))
	})
	if limit > 0 && len(largest) > limit {
		largest = largest[:limit]
	}
	if g.others.Connections > 0 {
		largest = append(largest, g.others)
	}
	for i := range largest {
		largest[i].Share = float64(largest[i].Connections) / float64(g.all)
	}
	return largest
}
