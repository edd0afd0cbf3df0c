package owners

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// Two processes of keepalived, of which the second one has a socket of generic netlink; and processes in another network
// namespace.
const netlinkTable = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000c63cf274 0   943719211  00000000 0        0        0     2        0        310     
00000000c63cf274 16  943719211  00000000 0        0        0     2        0        311     
`

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
}

func text(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// machine returns a file system /proc without interesting processes.
func machine(interfaces string) fstest.MapFS {
	return fstest.MapFS{
		"thread-self":      link("7/task/7"),
		"7/task/7/ns/net":  link("net:[1]"),
		"7/ns/net":         link("net:[1]"),
		"7/comm":           text("ipvsadm\n"),
		"7/cmdline":        text("ipvsadm\x00drain\x00"),
		"7/fd/3":           link("socket:[311]"),
		"7/task/7/net/dev": text("Inter-|\n    lo:    0\n" + interfaces),

		"7/task/7/net/netlink": text(netlinkTable),

		"sys/kernel": text(""),
	}
}

func run(proc fstest.MapFS, number, namespace, name, line, descriptor string) {
	proc[number+"/ns/net"] = link("net:[" + namespace + "]")
	proc[number+"/comm"] = text(name + "\n")
	proc[number+"/cmdline"] = text(line)
	proc[number+"/fd/0"] = link("/dev/null")
	proc[number+"/fd/9"] = link(descriptor)
}

func TestFind(t *testing.T) {
	const perl = "/usr/bin/perl\x00-w\x00/usr/sbin/ldirectord\x00start\x00"
	for name, test := range map[string]struct {
		interfaces string
		start      func(proc fstest.MapFS)
		want       []Owner
	}{
		"none": {"", func(fstest.MapFS) {}, nil},
		"keepalived": {"", func(proc fstest.MapFS) {
			run(proc, "809", "1", "keepalived", "keepalived\x00", "socket:[99]")
			run(proc, "811", "1", "keepalived", "keepalived\x00", "socket:[311]")
			run(proc, "812", "1", "keepalived", "keepalived\x00", "socket:[311]")
		}, []Owner{{"keepalived", 811}}},
		"keepalived for VRRP only": {"", func(proc fstest.MapFS) {
			run(proc, "809", "1", "keepalived", "keepalived\x00", "socket:[310]")
		}, nil},
		"elsewhere": {"kube-ipvs0: 0\n", func(proc fstest.MapFS) {
			run(proc, "811", "2", "keepalived", "keepalived\x00", "socket:[311]")
			run(proc, "812", "2", "ldirectord", perl, "")
			run(proc, "813", "2", "kube-proxy", "kube-proxy\x00", "")
		}, nil},
		"a script of Perl": {"", func(proc fstest.MapFS) {
			run(proc, "812", "1", "perl", perl, "")
			run(proc, "813", "1", "vi", "vi\x00a\x00b\x00/usr/sbin/ldirectord\x00", "")
		}, []Owner{{"ldirectord", 812}}},
		"a script by its name": {"", func(proc fstest.MapFS) {
			run(proc, "812", "1", "ldirectord", "", "")
		}, []Owner{{"ldirectord", 812}}},
		"kube-proxy in mode ipvs": {"kube-ipvs0: 0\n", func(proc fstest.MapFS) {
			run(proc, "1000", "1", "kube-proxy", "kube-proxy\x00", "")
			run(proc, "999", "1", "kube-proxy", "kube-proxy\x00", "")
		}, []Owner{{"kube-proxy", 999}}},
		"kube-proxy in mode iptables": {"", func(proc fstest.MapFS) {
			run(proc, "813", "1", "kube-proxy", "kube-proxy\x00", "")
		}, nil},
		"an interface without kube-proxy": {"kube-ipvs0: 0\n", func(fstest.MapFS) {}, nil},
		"a process that ends": {"", func(proc fstest.MapFS) {
			run(proc, "811", "1", "keepalived", "keepalived\x00", "socket:[311]")
			delete(proc, "811/comm")
			run(proc, "812", "1", "keepalived", "keepalived\x00", "socket:[311]")
			delete(proc, "812/ns/net")
		}, nil},
	} {
		proc := machine(test.interfaces)
		test.start(proc)
		got, err := Find(proc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := (Owner{"keepalived", 812}).String(); got != "keepalived (process 812)" {
		t.Error(got)
	}
	if _, err := Find(fstest.MapFS{}); err == nil {
		t.Error("no error without /proc")
	}
}
