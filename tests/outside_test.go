package tests

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ipvsadm/names"
)

// nameServer answers on port 53 of the namespace: the address 10.0.0.N has the Nth name, and every name leads back.
func nameServer(t *testing.T, space *space, all []string) {
	t.Helper()
	var conn net.PacketConn
	err := space.do(func() (err error) {
		conn, err = net.ListenPacket("udp", "127.0.0.1:53")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := dnsAnswer(b[:n], all); answer != nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
}

// dnsAnswer answers one question, PTR or A.
func dnsAnswer(request []byte, all []string) []byte {
	const header, pointer, address = 12, 12, 1
	var labels []string
	end := header
	for end < len(request) && request[end] != 0 {
		next := end + 1 + int(request[end])
		labels = append(labels, string(request[end+1:next]))
		end = next
	}
	question := request[header : end+5]
	kind := binary.BigEndian.Uint16(question[len(question)-4:])
	var data []byte
	var number int
	switch {
	case kind == pointer && strings.HasSuffix(strings.Join(labels, "."), ".0.0.10.in-addr.arpa"):
		if fmt.Sscan(labels[0], &number); number < 1 || number > len(all) {
			break
		}
		for label := range strings.SplitSeq(all[number-1], ".") {
			if label != "" {
				data = append(append(data, byte(len(label))), label...)
			}
		}
		data = append(data, 0)
	case kind == address:
		for i, name := range all {
			if strings.EqualFold(name, strings.Join(labels, ".")) {
				data = []byte{10, 0, 0, byte(i + 1)}
			}
		}
	}
	answer := append([]byte{request[0], request[1], 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}, question...) // no such name
	if data == nil {
		return answer
	}
	answer[3], answer[7] = 0x80, 1
	answer = append(answer, 0xc0, header)
	answer = binary.BigEndian.AppendUint16(answer, kind)
	answer = append(answer, 0, 1, 0, 0, 0, 60)
	answer = binary.BigEndian.AppendUint16(answer, uint16(len(data)))
	return append(answer, data...)
}

// TestNamesFromOutside lists and saves a table whose addresses have names that their owners chose, and ports that the
// services file names as it likes. Nothing is written but printable ASCII, and no name but a valid one; and what was
// saved is restored to the same table.
func TestNamesFromOutside(t *testing.T) {
	p := home(t)
	label := strings.Repeat("a", 63)
	owners := []string{
		"good.example", "\x1b[31mred.example", "with space.example", "-w.example", "--help", "\xff\xfe.example",
		"new\n-C\nline.example", "tab\t.example", "quote\".example", "semi;colon", "$(reboot)", "10.0.0.250", "0x7f000001", "",
		label + "." + label + "." + label + "." + strings.Repeat("b", 61), // 255 bytes on the wire, and the longest that is valid
		"b\u00fccher.example", "\u202eevil.example", "back\\slash", "nul\x00.example", "colon:80", "[::1]",
	}
	nameServer(t, &p.oursSpace, owners)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.directory, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
	write("hosts", "127.0.0.1 localhost\n10.0.0.101 first second third fourth fifth\n10.0.0.102 -dash valid\n10.0.0.103 \x1b[2J\n")
	var services strings.Builder
	services.WriteString("443 1001/tcp\n-C 1002/tcp\n\x1b[2J 1003/tcp\nn\u00e4me 1004/tcp\nfine 1005/tcp\n")
	for i := range 50_000 { // of a million there is a test in names
		fmt.Fprintf(&services, "service%d %d/udp\n", i, i%65536)
	}
	write("services", services.String())
	write("none", "")

	var rules strings.Builder
	for i := range owners {
		fmt.Fprintf(&rules, "-A -t 10.0.0.%d:%d -s rr\n-a -t 10.0.0.%[1]d:%[2]d -r 10.0.0.%[1]d:80 -m\n", i+1, 1001+i%5)
	}
	for i := 101; i <= 103; i++ {
		fmt.Fprintf(&rules, "-A -u 10.0.0.%d:%d -s rr\n", i, i)
	}
	p.must(t, rules.String(), "ipvsadm", "-R")
	numeric := p.must(t, "", "ipvsadm", "-Sn")

	for _, services := range []string{"services", "none"} {
		outside := "unshare -m bash -c 'for file in resolv.conf hosts; do mount --bind $file /etc/$file; done; mount --bind " +
			services + " /etc/services; \"$0\" \"$@\"' "
		for _, line := range []string{"$ipvsadm -L", "$ipvsadm -L --stats --exact", "$ipvsadm -L --format table", "$ipvsadm -L --format json", "$ipvsadm -S"} {
			start := time.Now()
			said := p.shell(t, outside+line)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%s: it took %v", line, took)
			}
			if said.status != 0 || said.stderr != "" || !strings.Contains(said.stdout, "good.example") || !strings.Contains(said.stdout, "first") {
				t.Errorf("%s: %s", line, said)
			}
			if found := regexp.MustCompile(`[^\n -~]`).FindString(said.stdout); found != "" {
				t.Errorf("%s: %q in %q", line, found, said.stdout)
			}
			for _, name := range regexp.MustCompile(`(?:-[tur]|TCP|UDP|->) +(\S+):(\S+)`).FindAllStringSubmatch(said.stdout, -1) {
				host, port := name[1], name[2]
				if host != "RemoteAddress" && net.ParseIP(host) == nil && !names.ValidHost(host) || strings.HasPrefix(host, "-") ||
					strings.Contains(host, "dash") || port == "443" {
					t.Errorf("%s: %q", line, name[0])
				}
			}
		}
		// What is saved by names comes back by them.
		said := p.shell(t, outside+"bash -c '${ipvsadm}-save >saved && $ipvsadm -C && ${ipvsadm}-restore <saved'")
		if after := p.must(t, "", "ipvsadm", "-Sn"); said.status != 0 || said.stderr != "" || after != numeric {
			t.Errorf("saved and restored: %s%s", said, text(t, filepath.Join(p.directory, "saved")))
			p.must(t, numeric, "ipvsadm-restore")
		}
	}
}
