package why

import (
	"errors"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
)

// Entries are the entries of the connection table that decide about a client.
type Entries struct {
	Connection *ipvs.Connection // of the client's address and port
	Template   *ipvs.Connection // of persistence, for the client or its group
	Others     int              // other connections of the client with the service
}

// Read picks the entries of a question from the connection table.
func Read(q Question, table []ipvs.Entry, connections iter.Seq2[ipvs.Connection, error]) (Entries, error) {
	var found Entries
	service := Match(table, q.Service)
	if service == nil {
		return found, nil
	}
	servers := ipvs.NewServers(table)
	group := masked(q.Client.Addr(), service.Netmask)
	for c, err := range connections {
		var malformed *ipvs.LineError
		if errors.As(err, &malformed) {
			continue
		}
		if err != nil {
			return found, err
		}
		if c.Client.Addr() != group && c.Client.Addr() != q.Client.Addr() {
			continue
		}
		switch owner, _ := servers.Find(&c); {
		case owner != service:
		case c.IsTemplate():
			if c.Client.Addr() == group {
				found.Template = kept(c)
			}
		case c.Client.Addr() != q.Client.Addr():
		case c.Client == q.Client && (q.Service.Mark != 0 || c.Virtual == q.Service.Address):
			found.Connection = kept(c)
		default:
			found.Others++
		}
	}
	return found, nil
}

// kept returns a copy, so that the loop does not allocate each connection.
func kept(c ipvs.Connection) *ipvs.Connection { return &c }

// masked returns the address of a client's group, by which templates name it.
func masked(client netip.Addr, mask ipvs.Netmask) netip.Addr {
	if client.Is6() {
		return netip.PrefixFrom(client, int(mask.PrefixLength())).Masked().Addr()
	}
	octets, bits := client.As4(), mask.Address().As4()
	for i := range octets {
		octets[i] &= bits[i]
	}
	return netip.AddrFrom4(octets)
}
