package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ipvsadm/ipvs"
)

const (
	backupOnly    = "net.ipv4.vs.backup_only"
	syncThreshold = "net.ipv4.vs.sync_threshold"
	sloppyTCP     = "net.ipv4.vs.sloppy_tcp"
)

// syncRules judge several directors: connection synchronization, and services that any director can serve.
var syncRules = []Rule{{
	Name:     "sync-roles",
	Severity: Error,
	Summary:  "the device of a synchronization daemon cannot send or receive multicast",
	Symptom:  "After a move to the other director, all connections break, although both run synchronization daemons.",
	Cause:    `The daemons exchange connections by multicast over one device. That device is missing or down, has no carrier, or does no multicast.`,
	Fix: `Set the device up, or start the daemon on another one: ipvsadm --stop-daemon and ipvsadm --start-daemon with
--mcast-interface.`,
	Needs:   []Fact{FactDaemons, FactLinks},
	Applies: needsDaemon,
	Find:    findSyncDevice,
}, {
	Name:     "sync-silent",
	Severity: Warning,
	Summary:  "a backup daemon receives nothing, because the other director's messages have another sync ID",
	Symptom:  "After a move to this director, all connections break, although both directors run synchronization daemons.",
	Cause: `A backup daemon takes only messages with its own sync ID, unless that is 0. The rule listens for two seconds, if the daemon
has received nothing and this machine has no address of a service. Without messages it cannot know: the master may have no
connections.`,
	Fix:   `Start the daemons of both directors with the same --syncid.`,
	Needs: []Fact{FactDaemons, FactAddresses, FactTable, FactSync},
	Applies: func(s *Snapshot) string {
		if _, ok := s.StandsBy(); !ok {
			return "no backup daemon runs on a machine that stands by"
		}
		return ""
	},
	Find: findSyncSilent,
}, {
	Name:     "sync-loop",
	Severity: Warning,
	Summary:  "a backup director that is also a real server balances again what the other director sent it",
	Symptom: `Some connections hang, and packets go round between two directors until their TTL ends. It began when the service was
also added to the backup.`,
	Cause: `With direct routing or tunnels a packet keeps the service's address. If the machine that gets it has that address, and
the service in its own table, it may send the packet on to the next server, or back. This machine runs only a backup daemon, so
the other director balances.`,
	Fix:      `Run sysctl -w net.ipv4.vs.backup_only=1: the kernel then balances nothing while only the backup daemon runs.`,
	Needs:    []Fact{FactTable, FactDaemons, FactAddresses},
	Settings: []string{backupOnly},
	Applies: func(s *Snapshot) string {
		if !s.runs(ipvs.Backup) || s.runs(ipvs.Master) {
			return "no backup daemon runs alone"
		}
		return needsAddressServices(s)
	},
	Find: findSyncLoop,
}, {
	Name:     "sync-short",
	Severity: Information,
	Summary:  "short connections are not synchronized",
	Symptom:  "After a move to the other director, connections break that had few packets.",
	Cause: `The master sends a connection after as many packets as the first number of net.ipv4.vs.sync_threshold. With more than the
default of 3, many connections end before.`,
	Fix:      `Run sysctl -w net.ipv4.vs.sync_threshold="3 50".`,
	Needs:    []Fact{FactDaemons},
	Settings: []string{syncThreshold},
	Applies: func(s *Snapshot) string {
		if !s.runs(ipvs.Master) {
			return "no master daemon runs"
		}
		return ""
	},
	Find: func(s *Snapshot) []Finding {
		numbers := strings.Fields(s.Settings[syncThreshold])
		if len(numbers) == 0 {
			return nil
		}
		first, err := strconv.Atoi(numbers[0])
		if err != nil || first <= defaultThreshold {
			return nil
		}
		return []Finding{{
			Object:      syncThreshold,
			Summary:     fmt.Sprintf("connections of fewer than %d packets are not synchronized", first),
			Evidence:    s.Settings.Evidence(syncThreshold),
			Consequence: "they break when the other director takes over",
			Advice:      setting(syncThreshold, `"3 50"`),
			SideEffects: "the daemons send more messages",
		}}
	},
}, {
	Name:     "scale-out-resets",
	Severity: Warning,
	Summary:  "several directors share a service without sharing connections, and refuse those of each other",
	Symptom:  "Whenever a director comes or goes, the connections that move to another director are reset.",
	Cause: `Routers spread the packets of a service over several directors, which choose the same server by mh. A director that gets
the middle of a connection does not know it. Unless net.ipv4.vs.sloppy_tcp is 1, it resets the connection instead of choosing
the server. The rule looks for a service with mh whose address is on loopback or a dummy device, and a routing daemon.`,
	Fix:      `Run sysctl -w net.ipv4.vs.sloppy_tcp=1 on all directors.`,
	Needs:    []Fact{FactTable, FactAddresses, FactLinks, FactPrograms},
	Settings: []string{sloppyTCP},
	Applies: func(s *Snapshot) string {
		if s.running(announcers) == "" {
			return "no routing daemon runs"
		}
		return needsHash(s)
	},
	Find: findScaleOutResets,
}}

const defaultThreshold = 3

// needsDaemon returns why a rule about synchronization does not apply.
func needsDaemon(s *Snapshot) string {
	if len(s.Daemons) == 0 {
		return "no synchronization daemon runs"
	}
	return ""
}

func findSyncDevice(s *Snapshot) []Finding {
	var findings []Finding
	for _, daemon := range s.Daemons {
		f := Finding{
			Object:      daemon.State.String(),
			Evidence:    fmt.Sprintf("ipvsadm -L --daemon: %s, mcast=%s", daemon.State, daemon.Interface),
			Consequence: "the other director does not know the connections, so they break when it takes over",
			Advice:      fmt.Sprintf("ip link set dev %s up multicast on", daemon.Interface),
			SideEffects: "none",
		}
		link, ok := s.linkNamed(daemon.Interface)
		switch {
		case !ok:
			f.Summary = fmt.Sprintf("the device %s of the %s daemon is missing", daemon.Interface, daemon.State)
			f.Advice = fmt.Sprintf("ipvsadm --stop-daemon %s && ipvsadm --start-daemon %[1]s --mcast-interface DEVICE --syncid %d", daemon.State, daemon.SyncID)
		case !link.Up || !link.Carrier:
			f.Summary = fmt.Sprintf("the device %s of the %s daemon is %s", link.Name, daemon.State, linkState(link))
		case !link.Multicast:
			f.Summary = fmt.Sprintf("the device %s of the %s daemon does no multicast", link.Name, daemon.State)
		default:
			continue
		}
		findings = append(findings, f)
	}
	return findings
}

func (s *Snapshot) linkNamed(name string) (Link, bool) {
	for _, link := range s.Links {
		if link.Name == name {
			return link, true
		}
	}
	return Link{}, false
}

// StandsBy returns the backup daemon of a machine that has no address of a service.
func (s *Snapshot) StandsBy() (ipvs.Daemon, bool) {
	for _, entry := range s.Table {
		if entry.Mark == 0 && s.Has(entry.Address.Addr()) {
			return ipvs.Daemon{}, false
		}
	}
	for _, daemon := range s.Daemons {
		if daemon.State == ipvs.Backup {
			return daemon, true
		}
	}
	return ipvs.Daemon{}, false
}

func findSyncSilent(s *Snapshot) []Finding {
	daemon, _ := s.StandsBy()
	others := slices.Sorted(maps.Keys(s.SyncIDs))
	if daemon.SyncID == 0 || s.SyncIDs[daemon.SyncID] > 0 || len(others) == 0 {
		return nil
	}
	id := others[0]
	return []Finding{{
		Object:      daemon.State.String(),
		Summary:     fmt.Sprintf("messages with the sync ID %d come, and the daemon takes only those with %d", id, daemon.SyncID),
		Evidence:    fmt.Sprintf("%d messages came by %s; ipvsadm -L --daemon: syncid=%d", s.SyncIDs[id], daemon.Interface, daemon.SyncID),
		Consequence: "this director does not know the connections, so they break when it takes over",
		Advice: fmt.Sprintf("ipvsadm --stop-daemon backup && ipvsadm --start-daemon backup --mcast-interface %s --syncid %d",
			daemon.Interface, id),
		SideEffects: "none, unless the messages are those of other directors",
	}}
}

func findSyncLoop(s *Snapshot) []Finding {
	if s.Settings.Number(backupOnly) != 0 {
		return nil
	}
	var findings []Finding
	for id, own := range s.addressesOfServices() {
		f := serviceFinding(id)
		f.Summary = "this machine runs only a backup daemon, has the address of the service, and balances it"
		f.Evidence = fmt.Sprintf("%s; ip address show dev %s: %s", s.Settings.Evidence(backupOnly), s.Links[own.Link].Name, own.Prefix)
		f.Consequence = "packets that the other director sends here as to a real server may go round between the two"
		f.Advice = setting(backupOnly, "1")
		f.SideEffects = "this machine balances nothing until the master daemon runs"
		findings = append(findings, f)
	}
	return findings
}

func findScaleOutResets(s *Snapshot) []Finding {
	if s.Settings.Number(sloppyTCP) != 0 {
		return nil
	}
	for _, entry := range s.Table {
		if entry.Scheduler != "mh" || entry.Protocol != ipvs.TCP {
			continue
		}
		for _, own := range s.Addresses {
			link := s.Links[own.Link]
			if own.Prefix.Addr() != entry.Address.Addr() || !link.Loopback && link.Kind != "dummy" {
				continue
			}
			return []Finding{{
				Object:      sloppyTCP,
				Summary:     fmt.Sprintf("%s announces addresses, and this director resets connections that began on another one", s.running(announcers)),
				Evidence:    fmt.Sprintf("%s; ip address show dev %s: %s", s.Settings.Evidence(sloppyTCP), link.Name, own.Prefix),
				Consequence: "when a director comes or goes, the connections that move are reset",
				Advice:      setting(sloppyTCP, "1"),
				SideEffects: "a packet in the middle of an unknown connection makes an entry in the connection table",
			}}
		}
	}
	return nil
}
