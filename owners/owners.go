// Package owners finds the programs that keep an IPVS table as their own configuration says. Such a program sets back what
// others change in the table.
package owners

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Owner is a running program that keeps the table.
type Owner struct {
	Name    string // "keepalived", "ldirectord" or "kube-proxy"
	Process int    // its number
}

// String returns the owner as messages name it, such as "keepalived (process 812)".
func (o Owner) String() string { return fmt.Sprintf("%s (process %d)", o.Name, o.Process) }

// Find returns the owners of the table in the calling thread's network namespace, each name once. proc is the file system
// /proc. Find sees only the processes of its own process-ID namespace, and needs root to see what files they have open.
func Find(proc fs.FS) ([]Owner, error) {
	processes, err := inNamespace(proc)
	if err != nil {
		return nil, fmt.Errorf("look for keepalived, ldirectord and kube-proxy: %w", err)
	}
	interfaces, err := fs.ReadFile(proc, "thread-self/net/dev")
	if err != nil {
		return nil, err
	}
	return among(processes, strings.Contains(string(interfaces), kubeInterface+":")), nil
}

// kubeInterface is the interface that holds the addresses of services while kube-proxy uses IPVS.
const kubeInterface = "kube-ipvs0"

// among returns the owners among processes, each name once.
//
//   - keepalived is one if it talks generic netlink. It does not if it has no virtual servers, or only VRRP (-P).
//   - ldirectord is a Perl script.
//   - kube-proxy is one only in its mode ipvs.
func among(processes []process, kube bool) []Owner {
	var found []Owner
	for _, p := range processes {
		name := p.name
		if slices.ContainsFunc(p.words[:min(len(p.words), 3)], isDirector) { // /usr/bin/perl -w /usr/sbin/ldirectord
			name = "ldirectord"
		}
		owner := name == "keepalived" && p.generic || name == "ldirectord" || name == "kube-proxy" && kube
		if owner && !slices.ContainsFunc(found, func(o Owner) bool { return o.Name == name }) {
			found = append(found, Owner{name, p.number})
		}
	}
	return found
}

func isDirector(word string) bool { return path.Base(word) == "ldirectord" }
