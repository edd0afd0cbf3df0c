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

// nameServer answers on port 53 of the namespace. The address 10.0.0.N has the Nth name, and each name has its address.
func nameServer(t *testing.T, space *namespace, all []string) {
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

// dnsAnswer returns the answer to a request with one question, PTR or A.
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
	answer := append([]byte{request[0], request[1], 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}, question...) // NXDOMAIN
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

// TestHostileNames lists and saves a table whose addresses and ports have names of every hostile kind, from DNS, the hosts
// file and the services file. The services file has a few lines, a million, none, or is missing. The output has only
// printable ASCII and only valid names, and a save restores to the same table.
func TestHostileNames(t *testing.T) {
	d := newDirector(t)
	label := strings.Repeat("a", 63)
	owners := []string{
		"good.example", "\x1b[31mred.example", "with space.example", "-w.example", "--help", "\xff\xfe.example",
		"new\n-C\nline.example", "tab\t.example", "quote\".example", "semi;colon", "$(reboot)", "10.0.0.250", "0x7f000001", "",
		label + "." + label + "." + label + "." + strings.Repeat("b", 61), // the longest valid name, 255 bytes in a packet
		"b\u00fccher.example", "\u202eevil.example", "back\\slash", "nul\x00.example", "colon:80", "[::1]",
	}
	nameServer(t, &d.namespace, owners)
	const ports = 5
	few := "443 1001/tcp\n-C 1002/tcp\n\x1b[2J 1003/tcp\nn\u00e4me 1004/tcp\nfine 1005/tcp\n"
	few += strings.ReplaceAll(few, "tcp", "udp")
	var million strings.Builder
	million.WriteString(few)
	for i := range 1_000_000 {
		fmt.Fprintf(&million, "service%d %d/udp\n", i, 2000+i%60000)
	}
	for name, services := range map[string]string{"few": few, "million": million.String(), "none": "", "missing": ""} {
		folder := filepath.Join(d.directory, name) // mounted over /etc
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, "resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
		writeFile(t, filepath.Join(folder, "hosts"), "127.0.0.1 localhost\n10.0.0.101 first second third fourth fifth\n10.0.0.102 -dash valid\n10.0.0.103 \x1b[2J\n")
		if name != "missing" {
			writeFile(t, filepath.Join(folder, "services"), services)
		}
	}

	// Each address has a service, a server and a connection.
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
	d.mustRunWith(t, rules.String(), "ipvsadm", "-R")
	if result := d.shell(addresses.String()); result.status != 0 {
		t.Fatalf("%s", result)
	}
	for i := range owners {
		here := net.IPv4(10, 0, 0, byte(i+1))
		err := d.do(func() error {
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
	numeric := d.mustRun(t, "ipvsadm", "-Sn")

	listings := []string{
		"-L", "-Lc", "-S", "-L --stats --exact", "-L --format table", "-L --format json",
		"-Lc --persistent-conn", "-Lc --format table", "-Lc --format json",
	}
	for etc, listings := range map[string][]string{"few": listings, "none": listings[:3], "missing": listings[:3], "million": listings[:1]} {
		outside := "unshare -m bash -c 'mount --bind " + etc + " /etc; \"$0\" \"$@\"' "
		for _, listing := range listings {
			start := time.Now()
			result := d.shell(outside + "$ipvsadm " + listing)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%s: %s: it took %v", etc, listing, took)
			}
			// The three ends of a connection are one address. Of five names of an address the first counts.
			good, first := strings.Count(result.stdout, "good.example"), strings.Contains(result.stdout, "first")
			if connections := strings.HasPrefix(listing, "-Lc"); connections && (good < 3 || first) || !connections && (good == 0 || !first) {
				t.Errorf("%s: %s: good.example is printed %d times, and first %v: %s", etc, listing, good, first, result.stdout)
			}
			if fine := strings.Contains(result.stdout, "fine"); fine != (etc == "few" || etc == "million") {
				t.Errorf("%s: %s: the port with a valid name is printed by it: %v", etc, listing, fine)
			}
			if result.status != 0 || result.stderr != "" {
				t.Errorf("%s: %s: %s", etc, listing, result)
			}
			for _, wrong := range []string{`[^\n -~]`, "third|fourth|fifth", "dash", `:-|"-C`, `[: "]443\b`} {
				if found := regexp.MustCompile(wrong).FindString(result.stdout); found != "" {
					t.Errorf("%s: %s: %q in %q", etc, listing, found, result.stdout)
				}
			}
			for _, host := range hostsIn(result.stdout) {
				if net.ParseIP(host) == nil && !names.ValidHost(host) {
					t.Errorf("%s: %s: %q", etc, listing, host)
				}
			}
		}
		if etc == "million" { // a second to read in the lab, each time
			continue
		}
		// Names that were saved restore the table.
		result := d.shell(outside + "bash -c '${ipvsadm}-save >saved && $ipvsadm -C && ${ipvsadm}-restore <saved'")
		if after := d.mustRun(t, "ipvsadm", "-Sn"); result.status != 0 || result.stderr != "" || after != numeric {
			t.Errorf("%s: saved and restored: %s%s", etc, result, readFile(t, filepath.Join(d.directory, "saved")))
			d.mustRunWith(t, numeric, "ipvsadm-restore")
		}
	}
}

// hostsIn returns the hosts, by name or address, of a listing, of saved rules or of JSON.
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
