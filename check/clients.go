package check

import (
	"cmp"
	"net/netip"
	"slices"
)

// TopClients finds the clients with the most connections in little memory. It is the space-saving algorithm of Metwally,
// Agrawal and El Abbadi (2005): a client with more than Total/keptClients connections is certainly among them.
type TopClients struct {
	Total   int
	clients []clientCount
}

// clientCount counts the connections of a client: at most Count, at least Count - over.
type clientCount struct {
	Client netip.Addr
	Count  int
	over   int
}

const keptClients = 16

// Add counts a connection of a client.
func (t *TopClients) Add(client netip.Addr) {
	t.Total++
	for i := range t.clients {
		if t.clients[i].Client == client {
			t.clients[i].Count++
			return
		}
	}
	if len(t.clients) < keptClients {
		t.clients = append(t.clients, clientCount{client, 1, 0})
		return
	}
	least := slices.MinFunc(t.clients, func(a, b clientCount) int { return cmp.Compare(a.Count, b.Count) })
	i := slices.Index(t.clients, least)
	t.clients[i] = clientCount{client, least.Count + 1, least.Count}
}

// Heaviest returns the clients with the most connections, at most n, and how many connections they certainly have.
func (t *TopClients) Heaviest(n int) (clients []netip.Addr, connections int) {
	sorted := slices.Clone(t.clients)
	slices.SortFunc(sorted, func(a, b clientCount) int {
		return cmp.Or(cmp.Compare(b.Count-b.over, a.Count-a.over), a.Client.Compare(b.Client))
	})
	for _, c := range sorted[:min(n, len(sorted))] {
		clients = append(clients, c.Client)
		connections += c.Count - c.over
	}
	return clients, connections
}
