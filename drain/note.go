package drain

import (
	"fmt"
	"time"
)

// notes returns what keeps servers from being drained, and what ends it.
func notes(request Request, s settings, remaining map[key]Remaining) []string {
	var all []string
	var longest, longestTemplate time.Duration
	templates, udp := 0, 0
	for _, r := range remaining {
		templates += r.Templates
		udp += r.UDP
		longest, longestTemplate = max(longest, r.Longest), max(longestTemplate, r.LongestTemplate)
	}
	if templates > 0 {
		all = append(all, fmt.Sprintf("%s of persistent clients lead them to this server for up to %s, and each new connection "+
			"renews one; to send these clients elsewhere, type: sysctl -w net.ipv4.vs.expire_quiescent_template=1",
			plural(templates, "template"), short(longestTemplate)))
	}
	if udp > 0 {
		all = append(all, fmt.Sprintf("%s: a UDP client stays on this server as long as it sends, and no setting changes that",
			plural(udp, "UDP connection")))
	}
	if s.reusePorts == 0 {
		all = append(all, "a client that uses a port again returns to this server; to send it elsewhere, type: "+
			"sysctl -w net.ipv4.vs.conn_reuse_mode=1")
	}
	if request.Delete && request.Force {
		all = append(all, "at the deadline the server is deleted; then "+s.deletion(longest))
	}
	return all
}

// deletion returns what the kernel does to the connections of a server that is deleted.
func (s settings) deletion(longest time.Duration) string {
	if s.expireConnections {
		return "remaining TCP clients get a reset, and UDP clients go to other servers (net.ipv4.vs.expire_nodest_conn is 1)"
	}
	text := "the kernel silently drops the packets of remaining clients"
	if longest > 0 {
		text += fmt.Sprintf(" for up to %s", short(longest)) // they do not renew the time
	}
	return text + "; for a reset instead, type: sysctl -w net.ipv4.vs.expire_nodest_conn=1"
}
