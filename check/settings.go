package check

import (
	"fmt"
	"strconv"
)

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

const osRelease = "kernel.osrelease"

// release returns a version of Linux, such as 5.9, as a number that grows with it.
func release(major, minor int) int { return major<<16 | minor }

// Release returns the version of the kernel as release does, or 0 if it is unknown.
func (s Settings) Release() int {
	var major, minor int
	_, _ = fmt.Sscanf(s[osRelease], "%d.%d", &major, &minor) // unknown stays zero
	return release(major, minor)
}

// unlessSet returns the condition of a rule that applies only while a setting is 0.
func unlessSet(name string) func(*Snapshot) string {
	return func(s *Snapshot) string {
		if s.Settings.Number(name) != 0 {
			return s.Settings.Evidence(name)
		}
		return ""
	}
}
