package system

import (
	"os"
	"path/filepath"
	"strings"

	"ipvsadm/check"
)

const sysctls = "/proc/sys/"

// settings are those that rules judge, besides all of net.ipv4.vs.
var settings = [...]string{
	"kernel.osrelease",
	"net.ipv4.ip_forward",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv6.conf.all.forwarding",
	"net.netfilter.nf_conntrack_count",
	"net.netfilter.nf_conntrack_max",
}

// deviceSettings are those that each device has.
var deviceSettings = [...]string{"accept_redirects", "arp_announce", "arp_ignore", "rp_filter", "send_redirects"}

// Settings reads the settings that rules judge, without those of devices.
func Settings() check.Settings { return readSettings(nil) }

// readSettings reads settings, and those of devices. A setting that cannot be read is missing.
func readSettings(links map[int]check.Link) check.Settings {
	all := make(check.Settings)
	read := func(name, path string) {
		if value, err := os.ReadFile(sysctls + path); err == nil {
			all[name] = strings.TrimSpace(string(value))
		}
	}
	for _, name := range settings {
		read(name, strings.ReplaceAll(name, ".", "/"))
	}
	entries, _ := os.ReadDir(sysctls + "net/ipv4/vs")
	for _, entry := range entries {
		read("net.ipv4.vs."+entry.Name(), filepath.Join("net/ipv4/vs", entry.Name()))
	}
	devices := []string{"all"}
	for _, link := range links {
		devices = append(devices, link.Name)
	}
	for _, device := range devices {
		for _, name := range deviceSettings {
			read("net.ipv4.conf."+device+"."+name, filepath.Join("net/ipv4/conf", device, name))
		}
	}
	return all
}
