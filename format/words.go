package format

import (
	"strconv"
	"strings"

	"ipvsadm/ipvs"
)

// The words for what the original's tables write otherwise: those that the options use, in JSON and in aligned tables.

func protocolOption(s *ipvs.ListedService) string {
	if s.Mark != 0 {
		return "fwmark"
	}
	return strings.ToLower(s.Protocol.String())
}

func familyWord(f ipvs.Family) string {
	if f == ipvs.IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

func forwardingOption(f ipvs.Forwarding) string {
	switch f {
	case ipvs.Masquerading:
		return "masquerading"
	case ipvs.LocalNode:
		return "local"
	case ipvs.Tunneling:
		return "ipip"
	case ipvs.DirectRouting:
		return "gatewaying"
	case ipvs.Bypass:
		return "bypass"
	default:
		return strconv.FormatUint(uint64(f), 10)
	}
}

func checksumOption(c ipvs.TunnelChecksum) string {
	switch c {
	case ipvs.NoChecksum:
		return "nocsum"
	case ipvs.Checksum:
		return "csum"
	case ipvs.RemoteChecksum:
		return "remcsum"
	default:
		return strconv.FormatUint(uint64(c), 10)
	}
}

// schedulerFlags returns the flags that are set, by the names that the schedulers sh and mh have for theirs.
func schedulerFlags(s *ipvs.ListedService) []string {
	if s.Flags&ipvs.SchedulerFlags == 0 {
		return []string{}
	}
	words := [3]string{"flag-1", "flag-2", "flag-3"}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		words[0], words[1] = s.Scheduler+"-fallback", s.Scheduler+"-port"
	}
	set := []string{}
	for i, flag := range [3]ipvs.ServiceFlags{ipvs.SchedulerFlag1, ipvs.SchedulerFlag2, ipvs.SchedulerFlag3} {
		if s.Flags&flag != 0 {
			set = append(set, words[i])
		}
	}
	return set
}
