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
// services file names as it likes, of a few lines, of a million, of none, or where there is no such file. Nothing is
// written but printable ASCII, and no name but a valid one; and what was saved is restored to the same table.
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
	const ports = 5
	few := "443 1001/tcp\n-C 1002/tcp\n\x1b[2J 1003/tcp\nn\u00e4me 1004/tcp\nfine 1005/tcp\n"
	few += strings.ReplaceAll(few, "tcp", "udp")
	var million strings.Builder
	million.WriteString(few)
	for i := range 1_000_000 {
		fmt.Fprintf(&million, "service%d %d/udp\n", i, 2000+i%60000)
	}
	for name, services := range map[string]string{"few": few, "million": million.String(), "none": "", "missing": ""} {
		folder := filepath.Join(p.directory, name) // which takes the place of /etc
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, "resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
		write(t, filepath.Join(folder, "hosts"), "127.0.0.1 localhost\n10.0.0.101 first second third fourth fifth\n10.0.0.102 -dash valid\n10.0.0.103 \x1b[2J\n")
		if name != "missing" {
			write(t, filepath.Join(folder, "services"), services)
		}
	}

	// A service and a server at each address, and a connection from it.
	var rules, addresses strings.Builder
	for i := range owners {
		for j, protocol := range []string{"t", "u"} {
			fmt.Fprintf(&rules, "-A -%s 10.0.0.%d:%d -s rr\n-a -%[1]s 10.0.0.%[2]d:%[3]d -r 10.0.0.%[2]d:%[4]d -m\n",
				protocol, i+1, 1001+i%ports, []int{80, 1001 + (i+1)%ports}[j])
		}
		fmt.Fprintf(&addresses, "ip address add 10.0.0.%d dev lo || exit\n", i+1)
	}
	for i := 101; i <= 103; i++ {
		fmt.Fprintf(&rules, "-A -u 10.0.0.%d:%d -s rr\n", i, i)
	}
	p.must(t, rules.String(), "ipvsadm", "-R")
	if said := p.shell(t, addresses.String()); said.status != 0 {
		t.Fatalf("%s", said)
	}
	for i := range owners {
		here := net.IPv4(10, 0, 0, byte(i+1))
		err := p.oursSpace.do(func() error {
			conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: here, Port: 1001 + (i+2)%ports}, &net.UDPAddr{IP: here, Port: 1001 + i%ports})
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write([]byte("hello"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	numeric := p.must(t, "", "ipvsadm", "-Sn")

	listings := []string{
		"-L", "-Lc", "-S", "-L --stats --exact", "-L --format table", "-L --format json",
		"-Lc --persistent-conn", "-Lc --format table", "-Lc --format json",
	}
	for etc, listings := range map[string][]string{"few": listings, "none": listings[:3], "missing": listings[:3], "million": listings[:1]} {
		outside := "unshare -m bash -c 'mount --bind " + etc + " /etc; \"$0\" \"$@\"' "
		for _, listing := range listings {
			start := time.Now()
			said := p.shell(t, outside+"$ipvsadm "+listing)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%s: %s: it took %v", etc, listing, took)
			}
			// A connection has its three ends at one address; and of five names for an address the first is its name.
			good, first := strings.Count(said.stdout, "good.example"), strings.Contains(said.stdout, "first")
			if connections := strings.HasPrefix(listing, "-Lc"); connections && (good < 3 || first) || !connections && (good == 0 || !first) {
				t.Errorf("%s: %s: good.example is there %d times, and first %v: %s", etc, listing, good, first, said.stdout)
			}
			if fine := strings.Contains(said.stdout, "fine"); fine != (etc == "few" || etc == "million") {
				t.Errorf("%s: %s: the port of a good name has its name: %v", etc, listing, fine)
			}
			if said.status != 0 || said.stderr != "" {
				t.Errorf("%s: %s: %s", etc, listing, said)
			}
			for _, wrong := range []string{`[^\n -~]`, "third|fourth|fifth", "dash", `:-|"-C`, `[: "]443\b`} {
				if found := regexp.MustCompile(wrong).FindString(said.stdout); found != "" {
					t.Errorf("%s: %s: %q in %q", etc, listing, found, said.stdout)
				}
			}
			for _, host := range hostsIn(said.stdout) {
				if net.ParseIP(host) == nil && !names.ValidHost(host) {
					t.Errorf("%s: %s: %q", etc, listing, host)
				}
			}
		}
		if etc == "million" { // which takes a second to read in the lab, each time
			continue
		}
		// What is saved by names comes back by them.
		said := p.shell(t, outside+"bash -c '${ipvsadm}-save >saved && $ipvsadm -C && ${ipvsadm}-restore <saved'")
		if after := p.must(t, "", "ipvsadm", "-Sn"); said.status != 0 || said.stderr != "" || after != numeric {
			t.Errorf("%s: saved and restored: %s%s", etc, said, text(t, filepath.Join(p.directory, "saved")))
			p.must(t, numeric, "ipvsadm-restore")
		}
	}
}

// hostsIn returns what stands for an address in a listing, be it a table, a list of commands or JSON.
func hostsIn(listing string) (hosts []string) {
	for _, name := range regexp.MustCompile(`"address(?:_name)?": ?"([^"]*)"`).FindAllStringSubmatch(listing, -1) {
		hosts = append(hosts, name[1])
	}
	if len(hosts) > 0 {
		return hosts
	}
	for _, word := range strings.Fields(listing) {
		host, port, ok := strings.Cut(word, ":")
		clock := len(host) == 2 && len(port) == 2
		if ok && port != "Port" && !clock {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
