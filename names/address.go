package names

import (
	"context"
	"net/netip"
	"strings"
)

// maxRemembered bounds the memory of a listing of connections, whose clients may be any number.
const maxRemembered = 1 << 16

// ResolveAddresses looks up the names of all the addresses, side by side and each once, for AddressName to return.
// It fails for none: an address without a valid name has no name.
func (r *Resolver) ResolveAddresses(ctx context.Context, addresses []netip.Addr) {
	r.findNames(ctx, addresses)
	if r.ReversibleOnly {
		r.forgetIrreversible(ctx, addresses)
	}
}

// forgetIrreversible forgets the names of addresses that LookupHost does not lead back to.
func (r *Resolver) forgetIrreversible(ctx context.Context, addresses []netip.Addr) {
	var found []string
	for _, address := range addresses {
		if name, ok := r.AddressName(address); ok {
			found = append(found, name)
		}
	}
	r.ResolveHosts(ctx, found)
	for _, address := range addresses {
		name, ok := r.AddressName(address)
		if !ok {
			continue
		}
		if back, err := r.LookupHost(ctx, name); err != nil || back != address {
			r.addressNames[address] = ""
		}
	}
}

func (r *Resolver) findNames(ctx context.Context, addresses []netip.Addr) {
	if r.addressNames == nil || len(r.addressNames) > maxRemembered {
		r.addressNames = make(map[netip.Addr]string)
	}
	var unknown []netip.Addr
	for _, address := range addresses {
		if _, ok := r.addressNames[address]; ok {
			continue
		}
		name, ok := r.readHosts().names[address]
		if !ok {
			unknown = append(unknown, address)
		}
		r.addressNames[address] = printable(name)
	}
	if len(unknown) == 0 {
		return
	}

	ctx, done := r.patience(ctx)
	defer done()
	for answer := range sideBySide(ctx, r.Parallel, unknown, r.LookupAddress) {
		if len(answer.value) > 0 {
			r.addressNames[answer.question] = printable(answer.value[0])
		}
	}
}

// AddressName returns the name of an address that was given to ResolveAddresses, if it has one that is valid.
func (r *Resolver) AddressName(address netip.Addr) (string, bool) {
	name := r.addressNames[address]
	return name, name != ""
}

// printable returns a name as it may be shown and saved: without the DNS's final dot, and nothing for what is no valid
// host name. Whoever owns an address writes its name in the DNS, and may write anything.
func printable(name string) string {
	name = strings.TrimSuffix(name, ".")
	if !ValidHost(name) {
		return ""
	}
	return name
}

// ValidHost tells whether a name is a host's: labels of letters, digits, dashes and underscores, with no dash to begin
// with that would make it an option, and no number to end with that would make it an address.
func ValidHost(name string) bool {
	if len(name) > 253 || strings.HasPrefix(name, "-") {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.IndexFunc(label, notInHost) >= 0 {
			return false
		}
		last = label
	}
	return !isNumber(last)
}

func notInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		return false
	default:
		return true
	}
}

// isNumber tells whether inet_aton would read the last label of a name as part of an address.
func isNumber(label string) bool {
	digits := "0123456789"
	if rest, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		label, digits = rest, "0123456789abcdef"
	}
	return strings.Trim(label, digits) == ""
}
