package maglev

import (
	"fmt"
	"net/netip"
)

// AppendText appends the servers in the order of their addition, each with its weight, its slots and its share of the
// clients, and the digest of the table.
func (t *Table) AppendText(b []byte) []byte {
	server, weight := len("SERVER"), len("WEIGHT")
	for _, d := range t.servers {
		server = max(server, len(d.Address.String()))
		weight = max(weight, len(fmt.Sprint(d.Weight)))
	}
	counts := t.Counts()
	b = fmt.Appendf(b, "%-*s  %*s  %5s  %8s\n", server, "SERVER", weight, "WEIGHT", "SLOTS", "SHARE")
	for _, d := range t.servers {
		slots := counts[d.Address]
		b = fmt.Appendf(b, "%-*s  %*d  %5d  %8s\n", server, d.Address, weight, d.Weight, slots, Percent(share(slots)))
	}
	return fmt.Appendf(b, "digest %s of %d slots\n", t.Digest(), Slots)
}

// Percent returns a share with two decimals.
func Percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// Share returns the share of the clients that a server has.
func (t *Table) Share(server netip.AddrPort) float64 { return share(t.Counts()[server]) }
