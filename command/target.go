package command

import (
	"net/netip"

	"ipvsadm/ipvs"
)

// Target is a virtual service, and one of its servers, that the flags of a verb name. It reads them as the classic line
// does, with the same messages.
type Target struct{ line Parser }

// NewTarget returns a Target that names nothing yet.
func NewTarget(lookup Lookup) *Target {
	t := new(Target)
	t.line.begin(nil, lookup)
	return t
}

// TargetFlag is an option that names a service or a server, for the flags of a verb. It is a flag.Value.
type TargetFlag struct {
	Name  string // without dashes
	Alias string // a letter, or empty
	Usage string
	o     *option
	t     *Target
}

// Flags returns -t, -u, --sctp-service, -f, -6 and -r, which set what they name. Their order on the command line counts,
// as in the classic line.
func (t *Target) Flags() []*TargetFlag {
	var flags []*TargetFlag
	for _, name := range []string{"tcp-service", "udp-service", "sctp-service", "fwmark-service", "ipv6", "real-server"} {
		o := longOption(name)
		f := &TargetFlag{Name: o.long, Usage: o.help, o: o, t: t}
		if o.letter != 0 {
			f.Alias = string(o.letter)
		}
		flags = append(flags, f)
	}
	return flags
}

// Set reads the value of the flag.
func (f *TargetFlag) Set(value string) error { return f.t.line.setOption(f.o, value) }

// String returns nothing: no such flag has a default.
func (f *TargetFlag) String() string { return "" }

// IsBoolFlag reports whether the flag has no value.
func (f *TargetFlag) IsBoolFlag() bool { return f.o != nil && f.o.takes == nothing }

// Service returns the service, if one is named.
func (t *Target) Service() (id ipvs.ServiceID, ok bool) {
	return t.line.command.Service.ServiceID, t.line.command.HasService()
}

// Server returns the server, if one is named. Without a port it has the service's.
func (t *Target) Server() (address netip.AddrPort, ok bool) {
	address = t.line.command.Server.Address
	return address, address.IsValid()
}
