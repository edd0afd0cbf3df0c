package command

import (
	"net/netip"

	"ipvsadm/ipvs"
)

// Target is the service, and the server, that the flags of a verb name. It reads them as the classic line does, with the
// same messages.
type Target struct{ line Parser }

// NewTarget returns a Target that has no service and no server yet.
func NewTarget(lookup Lookup) *Target {
	t := new(Target)
	t.line.begin(nil, lookup)
	return t
}

// TargetFlag is an option that names a service or a server, for the flags of a verb. It is a flag.Value.
type TargetFlag struct {
	Name  string // without dashes
	Alias string // a letter, or empty
	Usage string // with its argument in backquotes
	Err   error  // why the last Set failed, as a parse error
	o     *option
	t     *Target
	text  string
}

// Flags returns -t, -u, --sctp-service, -f, -6 and -r. Their order counts, as in the classic line.
func (t *Target) Flags() []*TargetFlag {
	var flags []*TargetFlag
	for _, name := range []string{"tcp-service", "udp-service", "sctp-service", "fwmark-service", "ipv6", "real-server"} {
		o := longOption(name)
		f := &TargetFlag{Name: o.long, Usage: o.help, o: o, t: t}
		if o.takes != nothing {
			f.Usage += ": `" + o.argument + "`"
		}
		if o.letter != 0 {
			f.Alias = string(o.letter)
		}
		flags = append(flags, f)
	}
	return flags
}

// Set reads the value of the flag. Setting it again to the same text does nothing: cli copies a flag to its aliases so.
func (f *TargetFlag) Set(text string) error {
	if f.text != "" && text == f.text {
		return nil
	}
	f.text = text
	f.Err = f.t.line.setOption(f.o, text)
	return f.Err
}

// String returns the text of the value, or nothing.
func (f *TargetFlag) String() string { return f.text }

// IsBoolFlag reports whether the flag has no value.
func (f *TargetFlag) IsBoolFlag() bool { return f.o != nil && f.o.takes == nothing }

// Service returns the service, if one was named.
func (t *Target) Service() (id ipvs.ServiceID, ok bool) {
	return t.line.command.Service.ServiceID, t.line.command.HasService()
}

// Server returns the server, if one was named. Without a port of its own it has the service's.
func (t *Target) Server() (address netip.AddrPort, ok bool) {
	address = t.line.command.Server.Address
	return address, address.IsValid()
}

// HasPort reports whether the server was named with a port.
func (t *Target) HasPort() bool { return t.line.command.Typed.HasPort }
