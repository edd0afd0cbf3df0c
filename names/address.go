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
	if !r.reversibleOnly {
		return
	}
	var found []string
	for _, address := range addresses {
		if name := r.memory.addressNames[address]; name != "" {
			found = append(found, name)
		}
	}
	r.ResolveHosts(ctx, found)
}

func (r *Resolver) findNames(ctx context.Context, addresses []netip.Addr) {
	memory := r.learned()
	if memory.addressNames == nil || len(memory.addressNames) > maxRemembered {
		memory.addressNames = make(map[netip.Addr]string)
	}
	var unknown []netip.Addr
	for _, address := range addresses {
		if _, ok := memory.addressNames[address]; ok {
			continue
		}
		name, ok := r.readHosts().names[address]
		if !ok {
			unknown = append(unknown, address)
		}
		memory.addressNames[address] = printable(name)
	}
	if len(unknown) == 0 {
		return
	}

	ctx, done := r.patience(ctx)
	defer done()
	for answer := range sideBySide(ctx, r.Parallel, unknown, r.LookupAddress) {
		if len(answer.value) > 0 {
			// Every name in the DNS ends with a dot, which nobody writes.
			memory.addressNames[answer.question] = printable(strings.TrimSuffix(answer.value[0], "."))
		}
	}
}

// AddressName returns the name of an address that was given to ResolveAddresses, if it has one that is valid.
func (r *Resolver) AddressName(address netip.Addr) (string, bool) {
	if r.memory == nil {
		return "", false
	}
	name := r.memory.addressNames[address]
	if name == "" || r.reversibleOnly && r.memory.hosts[name].address != address {
		return "", false
	}
	return name, true
}

// printable returns a name as it may be shown and saved, and nothing for one that is not a valid host name: whoever owns
// an address writes its name in the DNS, and may write anything. A name in the hosts file may end with a dot.
func printable(name string) string {
	if !ValidHost(strings.TrimSuffix(name, ".")) {
		return ""
	}
	return name
}

// ValidHost reports whether a name is a valid host name: labels of letters, digits, dashes and underscores. It does not
// begin with a dash, which would make it an option, nor end with a number, which would make it an address.
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

// isNumber reports whether inet_aton would read the last label of a name as part of an address.
func isNumber(label string) bool {
	digits := "0123456789"
	if rest, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		label, digits = rest, "0123456789abcdef"
	}
	return strings.Trim(label, digits) == ""
}
