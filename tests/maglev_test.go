package tests

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvsadm/ipvs"
	"ipvsadm/maglev"
)

// mhDirector is a director whose clients are addresses of its own. Nobody answers them: the kernel has chosen a server
// when it has seen the first packet of a client.
type mhDirector struct {
	namespace
	t      *testing.T
	client *ipvs.Client
	random *rand.Rand
}

func newMHDirector(t *testing.T, seed uint64) *mhDirector {
	t.Helper()
	d := &mhDirector{*newNamespace(t), t, nil, rand.New(rand.NewPCG(seed, 0))}
	t.Logf("seed %d, kernel %s", seed, readFile(t, "/proc/sys/kernel/osrelease"))
	err := d.do(func() (err error) {
		for _, family := range []struct{ option, batch string }{
			{"-4", "link add servers type dummy\nlink set servers up\naddr add 192.0.2.1/32 dev lo\n" +
				"addr add 10.0.0.1/8 dev servers\nroute add local 198.18.0.0/15 dev lo\n"},
			{"-6", "addr add 2001:db8::1/128 dev lo nodad\naddr add fd00::1/8 dev servers nodad\n" +
				"route add local 2001:db8:1::/48 dev lo\n"},
		} {
			command := exec.Command("ip", family.option, "-batch", "-")
			command.Stdin = strings.NewReader(family.batch)
			if out, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("ip %s: %w: %s", family.option, err, out)
			}
		}
		if err := os.WriteFile("/proc/sys/net/ipv6/ip_nonlocal_bind", []byte("1"), 0); err != nil {
			return err
		}
		d.client, err = ipvs.Dial()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.client.Close() })
	return d
}

func (d *mhDirector) apply(changes ...ipvs.Change) {
	d.t.Helper()
	if err := d.client.Apply(d.t.Context(), changes...); err != nil {
		d.t.Fatal(err)
	}
}

// address returns a random address in a network.
func (d *mhDirector) address(network string) netip.Addr {
	prefix := netip.MustParsePrefix(network)
	octets := prefix.Addr().AsSlice()
	for i := prefix.Bits(); i < 8*len(octets); i++ {
		octets[i/8] |= byte(d.random.IntN(2)) << (7 - i%8)
	}
	address, _ := netip.AddrFromSlice(octets)
	return address
}

func (d *mhDirector) port() uint16 { return uint16(1024 + d.random.IntN(64000)) }

// weight returns a weight of one of several kinds of tables.
func (d *mhDirector) weight(kind int) uint32 {
	switch kind % 5 {
	case 0:
		return 1
	case 1:
		return uint32(d.random.IntN(4))
	case 2:
		return uint32(10 * d.random.IntN(101))
	default:
		return uint32(d.random.IntN(1001))
	}
}

// mhService is a service with random servers, as the kernel has it.
type mhService struct {
	ipvs.Service
	servers []ipvs.Destination
	clients string // their network
}

// add adds a service of mh. Its number is its port, and chooses the family, the flags and the kind of weights.
func (d *mhDirector) add(number, servers int) *mhService {
	d.t.Helper()
	vip, network, clients := "192.0.2.1", "10.0.0.0/8", "198.18.0.0/15"
	if number&1 != 0 {
		vip, network, clients = "2001:db8::1", "fd00::/8", "2001:db8:1::/48"
	}
	protocol := ipvs.UDP
	if d.random.IntN(2) == 0 {
		protocol = ipvs.TCP
	}
	s := &mhService{clients: clients}
	s.ServiceID = ipvs.AddressService(protocol, netip.AddrPortFrom(netip.MustParseAddr(vip), uint16(1+number)))
	s.Scheduler = "mh"
	if number&2 != 0 {
		s.Flags |= ipvs.HashPortFlag
	}
	if d.random.IntN(2) == 0 {
		s.Flags |= ipvs.FallbackFlag
	}
	changes := []ipvs.Change{ipvs.AddService(s.Service)}
	for range servers {
		server := ipvs.Destination{Address: netip.AddrPortFrom(d.address(network), d.port()), Weight: d.weight(number / 4)}
		s.servers = append(s.servers, server)
		changes = append(changes, ipvs.AddDestination(s.ServiceID, server))
	}
	d.apply(changes...)
	return s
}

// change edits some servers, which keep their place, and moves one to the end. A weight never becomes zero.
func (d *mhDirector) change(s *mhService) {
	d.t.Helper()
	for i := range s.servers {
		if server := &s.servers[i]; server.Weight > 0 && d.random.IntN(5) == 0 {
			server.Weight = uint32(1 + d.random.IntN(1000))
			d.apply(ipvs.EditDestination(s.ServiceID, *server))
		}
	}
	moved := s.servers[0]
	s.servers = append(s.servers[1:], moved)
	d.apply(ipvs.DeleteDestination(s.ServiceID, moved.Address), ipvs.AddDestination(s.ServiceID, moved))
}

// connect sends the first packet of a connection from each of n random clients.
func (d *mhDirector) connect(s *mhService, n int) []netip.AddrPort {
	d.t.Helper()
	var clients []netip.AddrPort
	err := d.do(func() error {
		for len(clients) < n {
			client := netip.AddrPortFrom(d.address(s.clients), d.port())
			if slices.Contains(clients, client) {
				continue
			}
			if err := sendFirst(s.ServiceID, client); err != nil {
				return fmt.Errorf("%s from %s: %w", s.ServiceID, client, err)
			}
			clients = append(clients, client)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return clients
}

// sendFirst sends a SYN or a datagram and does not wait for an answer.
func sendFirst(id ipvs.ServiceID, client netip.AddrPort) error {
	kind := unix.SOCK_DGRAM
	if id.Protocol == ipvs.TCP {
		kind = unix.SOCK_STREAM
	}
	socket, err := unix.Socket(int(id.Family), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	if err := unix.Bind(socket, socketAddress(client)); err != nil {
		return err
	}
	err = unix.Connect(socket, socketAddress(id.Address))
	if err != nil && err != unix.EINPROGRESS {
		return err
	}
	if kind == unix.SOCK_DGRAM {
		_, _ = unix.Write(socket, []byte("x")) // which fails if mh refuses the client
	}
	return nil
}

func socketAddress(address netip.AddrPort) unix.Sockaddr {
	if address.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
}

// chosen returns the server of each client of a service.
func (d *mhDirector) chosen(id ipvs.ServiceID) map[netip.AddrPort]netip.AddrPort {
	d.t.Helper()
	all := make(map[netip.AddrPort]netip.AddrPort)
	err := d.do(func() error {
		for c, err := range ipvs.Connections() {
			if err != nil {
				return err
			}
			if c.Virtual == id.Address && c.Protocol == id.Protocol.String() {
				all[c.Client] = c.Destination
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// predict compares the kernel's choices with the computed ones. It returns how many it compared.
func (d *mhDirector) predict(s *mhService, connections int) int {
	d.t.Helper()
	table := maglev.New(s.Service, s.servers)
	clients := d.connect(s, connections)
	weighted := slices.ContainsFunc(s.servers, func(server ipvs.Destination) bool { return server.Weight > 0 })
	if !weighted {
		return 0
	}
	var chosen map[netip.AddrPort]netip.AddrPort
	eventually(d.t, 10*time.Second, "the connections of "+s.String(), func() bool {
		chosen = d.chosen(s.ServiceID)
		return !slices.ContainsFunc(clients, func(client netip.AddrPort) bool { return !chosen[client].IsValid() })
	})
	misses := 0
	for _, client := range clients {
		if want, _ := table.Server(client); chosen[client] != want {
			misses++
			if misses == 1 {
				d.t.Errorf("%s, flags %x, %d servers: %s got %s, predicted %s", s, s.Flags, len(s.servers), client, chosen[client], want)
			}
		}
	}
	if misses > 0 {
		d.t.Errorf("%s: %d of %d missed", s, misses, len(clients))
	}
	return len(clients)
}

// predictAll predicts connections to so many tables of 2 to 100 servers, each before and after a change.
func predictAll(t *testing.T, seed uint64, tables, connections int) {
	t.Helper()
	d := newMHDirector(t, seed)
	compared := 0
	for number := range tables {
		s := d.add(number, 2+d.random.IntN(99))
		compared += d.predict(s, connections)
		d.change(s)
		compared += d.predict(s, connections)
	}
	t.Logf("%d connections of %d tables compared", compared, 2*tables)
}

func TestMaglev(t *testing.T) { predictAll(t, 1, 10, 10) }

// TestMaglevFormerWeight checks what ipvsadm(8) says of a server whose weight becomes 0: it keeps its slots, and all
// other clients their servers.
func TestMaglevFormerWeight(t *testing.T) {
	d := newMHDirector(t, 2)
	s := d.add(0, 5)
	s.Flags &^= ipvs.FallbackFlag
	d.apply(ipvs.EditService(s.Service))
	table := maglev.New(s.Service, s.servers)
	drained := s.servers[2]
	drained.Weight = 0
	d.apply(ipvs.EditDestination(s.ServiceID, drained))
	clients := d.connect(s, 100)
	chosen := d.chosen(s.ServiceID)
	refused := 0
	for _, client := range clients {
		want, _ := table.Server(client)
		if want == drained.Address {
			want = netip.AddrPort{}
			refused++
		}
		if chosen[client] != want {
			t.Errorf("%s got %s, predicted %s", client, chosen[client], want)
		}
	}
	if refused == 0 {
		t.Error("no client was refused, so this test tells nothing")
	}
}

// TestMaglevVerb compares what the verb prints about clients with what the kernel chooses.
func TestMaglevVerb(t *testing.T) {
	mh := newMHDirector(t, 4)
	d := &director{mh.namespace, builtProgram(t), t.TempDir()}
	s := mh.add(14, 6) // by port
	service := []string{"maglev", "-t", s.Address.String()}
	if s.Protocol == ipvs.UDP {
		service[1] = "-u"
	}
	verb := func(words ...string) outcome { return d.run("", "ipvsadm", slices.Concat(service, words)...) }
	clients := mh.connect(s, 5)
	chosen := mh.chosen(s.ServiceID)
	for _, client := range clients {
		result := verb("--client", client.String())
		lines := strings.Split(strings.TrimSpace(result.stdout), "\n")
		if last := lines[len(lines)-1]; result.status != 0 || last != chosen[client].String() {
			t.Errorf("%s got %s: %v", client, chosen[client], result)
		}
		if want := 1 + len(s.servers) + 1 + 1; len(lines) != want { // headings, servers, digest and client
			t.Errorf("%d lines, want %d: %v", len(lines), want, result)
		}
	}

	plain, again := verb(), verb("--other", "kernel", "--without", s.servers[0].Address.String())
	if !strings.HasPrefix(again.stdout, plain.stdout) || !strings.Contains(again.stdout, "\nby kernel: 0.00 % of the clients get another server") ||
		!strings.Contains(again.stdout, "\nwithout "+s.servers[0].Address.String()+": ") {
		t.Errorf("%v", again)
	}
	d.run("-A -t 192.0.2.9:80 -s rr\n-A -f 7 -s mh\n", "ipvsadm", "-R")
	for _, refused := range []struct{ words, message string }{
		{"--client 198.18.0.1", "--client 198.18.0.1: the port of a client counts, because the service has mh-port\n"},
		{"--client [2001:db8::1]:7", "--client [2001:db8::1]:7: the clients of " + s.String() + " have ipv4 addresses\n"},
		{"--client x", "--client \"x\": not an address, and not an address and a port\n"},
		{"--without 10.0.0.77:1", s.String() + " has no server 10.0.0.77:1\n"},
		{"--other missing", "missing: no such file or directory\n"},
	} {
		if result := verb(strings.Fields(refused.words)...); result != (outcome{1, "", refused.message}) {
			t.Errorf("%s: %v", refused.words, result)
		}
	}
	for _, refused := range []struct{ words, message string }{
		{"", "maglev needs a service: -t, -u or --sctp-service ADDRESS:PORT, or -f MARK\n"},
		{"-t 192.0.2.9:80", "TCP 192.0.2.9:80 has the scheduler rr: only mh has a table of Maglev\n"},
		{"-t 192.0.2.9:81", "there is no service TCP 192.0.2.9:81\n"},
		{"-f 7 --client 198.18.0.1", "no server of FWM 7 has a weight above 0\n"},
	} {
		result := d.run("", "ipvsadm", append([]string{"maglev"}, strings.Fields(refused.words)...)...)
		if result != (outcome{1, "", refused.message}) {
			t.Errorf("%s: %v", refused.words, result)
		}
	}
}
