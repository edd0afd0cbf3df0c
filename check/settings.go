package check

import "strconv"

// Settings are the kernel's settings by their names, such as "net.ipv4.vs.conntrack". A setting that the kernel does not
// have is missing.
type Settings map[string]string

// Number returns the number that a setting holds, or 0 if it is missing.
func (s Settings) Number(name string) int {
	number, _ := strconv.Atoi(s[name])
	return number
}

// Larger returns the larger of the values of a setting for all devices and for one, which is the one in force for
// rp_filter, arp_ignore and arp_announce.
func (s Settings) Larger(setting, device string) int {
	return max(s.Number("net.ipv4.conf.all."+setting), s.Number("net.ipv4.conf."+device+"."+setting))
}

// Evidence returns a setting as a finding quotes it.
func (s Settings) Evidence(name string) string { return name + " = " + s[name] }
