package ipvs

import (
	"net/netip"
	"time"
)

// Connection is one entry of the kernel's connection table, a line of /proc/net/ip_vs_conn
// (ip_vs_conn_seq_show, net/netfilter/ipvs/ip_vs_conn.c).
type Connection struct {
	Protocol    string // the kernel's name for it, such as "TCP"; "IP" for a template that is of no protocol
	Client      netip.AddrPort
	Virtual     netip.AddrPort // for a firewall mark's template the address is the mark
	Destination netip.AddrPort
	State       string        // the protocol's state, such as "ESTABLISHED"
	Expires     time.Duration // how long the entry is kept without traffic, in whole seconds
	Engine      string        // persistence engine, empty for none
	EngineData  string        // what the engine remembers, such as a SIP Call-ID; any bytes
}
