package maglev

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"

	"ipvsadm/ipvs"
)

type server struct {
	address string
	weight  uint32
}

func table(flags ipvs.ServiceFlags, servers ...server) *Table {
	var destinations []ipvs.Destination
	for _, s := range servers {
		destinations = append(destinations, ipvs.Destination{Address: netip.MustParseAddrPort(s.address), Weight: s.weight})
	}
	return New(ipvs.Service{Scheduler: "mh", Flags: flags}, destinations)
}

// equal returns a table of n servers of weight 1, the first of which has the given weight.
func equal(n int, weight uint32) *Table {
	var servers []server
	for i := range n {
		servers = append(servers, server{fmt.Sprintf("10.0.0.%d:80", i+1), 1})
	}
	servers[0].weight = weight
	return table(0, servers...)
}

// TestKernel compares with servers that Linux 6.1 chose in the lab.
func TestKernel(t *testing.T) {
	for _, test := range []struct {
		flags   ipvs.ServiceFlags
		servers []server
		chosen  map[string]string
	}{
		{0, []server{
			{"10.174.103.85:43158", 689},
			{"10.205.223.151:61409", 993},
			{"10.114.10.204:41175", 646},
			{"10.164.89.16:33671", 142},
			{"10.56.56.48:2944", 164},
		}, map[string]string{
			"198.18.214.43:21838":  "10.164.89.16:33671",
			"198.18.42.67:51141":   "10.174.103.85:43158",
			"198.18.251.107:17593": "10.56.56.48:2944",
			"198.18.145.68:21548":  "10.56.56.48:2944",
			"198.18.19.93:53983":   "10.205.223.151:61409",
			"198.18.111.224:43572": "10.174.103.85:43158",
		}},
		{ipvs.FallbackFlag, []server{
			{"[fdc9:7301:ff11:77ee:2b68:374b:67b7:5c08]:47665", 234},
			{"[fd7e:4cc5:9b32:2f96:cb51:7361:1342:4855]:26630", 488},
			{"[fde7:9a6f:56f8:6cf:388c:7455:26e0:6323]:23123", 931},
			{"[fdd3:82f:d23d:e33b:22ad:7f61:fa75:1fac]:3738", 152},
			{"[fd5d:5e0a:d69a:886a:9c07:9400:d4f5:1628]:13643", 323},
		}, map[string]string{
			"[2001:db8:1:95dc:ae77:30b7:c2f3:2d5d]:11333": "[fd7e:4cc5:9b32:2f96:cb51:7361:1342:4855]:26630",
			"[2001:db8:1:796a:5677:31e:3649:efa]:55063":   "[fd5d:5e0a:d69a:886a:9c07:9400:d4f5:1628]:13643",
			"[2001:db8:1:9572:4534:6011:7c30:a09]:9112":   "[fde7:9a6f:56f8:6cf:388c:7455:26e0:6323]:23123",
			"[2001:db8:1:762:9736:e4e:1dd2:28d4]:42719":   "[fde7:9a6f:56f8:6cf:388c:7455:26e0:6323]:23123",
			"[2001:db8:1:543a:97d8:2034:a165:8f7f]:47452": "[fd7e:4cc5:9b32:2f96:cb51:7361:1342:4855]:26630",
			"[2001:db8:1:24ff:eaf7:a1e1:1e:d1b8]:10015":   "[fd5d:5e0a:d69a:886a:9c07:9400:d4f5:1628]:13643",
		}},
		{ipvs.HashPortFlag, []server{
			{"10.9.172.26:53281", 679},
			{"10.63.131.79:40174", 441},
			{"10.210.166.41:27273", 414},
			{"10.11.174.195:12269", 854},
			{"10.225.57.86:55265", 929},
		}, map[string]string{
			"198.19.27.20:61659":   "10.225.57.86:55265",
			"198.18.49.1:11872":    "10.210.166.41:27273",
			"198.18.196.228:56120": "10.9.172.26:53281",
			"198.18.126.192:17799": "10.11.174.195:12269",
			"198.19.134.37:63472":  "10.225.57.86:55265",
			"198.19.95.226:39213":  "10.210.166.41:27273",
		}},
		{ipvs.HashPortFlag | ipvs.FallbackFlag, []server{
			{"[fdef:495:1a2d:238c:fe87:4bc5:ffd2:95f0]:7860", 392},
			{"[fd4b:2f41:ba0:1e36:2140:9340:9c1a:f011]:25179", 904},
			{"[fd7a:8203:9e51:f298:76d6:70da:6417:5ae8]:53655", 331},
			{"[fdbb:6c97:f715:e1c8:57b1:df78:b17b:e3e8]:28196", 919},
			{"[fd74:2079:6044:1d1e:88e:823d:e0e5:6d7e]:57605", 235},
		}, map[string]string{
			"[2001:db8:1:fb89:6148:918f:16c1:732c]:41089": "[fd4b:2f41:ba0:1e36:2140:9340:9c1a:f011]:25179",
			"[2001:db8:1:2b90:b669:2950:ff4e:b7e5]:41514": "[fdbb:6c97:f715:e1c8:57b1:df78:b17b:e3e8]:28196",
			"[2001:db8:1:151b:39d:acd:74:7064]:10062":     "[fd4b:2f41:ba0:1e36:2140:9340:9c1a:f011]:25179",
			"[2001:db8:1:cf40:214b:9d8e:9f6a:f316]:34764": "[fdbb:6c97:f715:e1c8:57b1:df78:b17b:e3e8]:28196",
			"[2001:db8:1:9233:798c:9ba:a803:fc23]:45012":  "[fdbb:6c97:f715:e1c8:57b1:df78:b17b:e3e8]:28196",
			"[2001:db8:1:5bbf:c06a:3f4c:e338:3b56]:23278": "[fd74:2079:6044:1d1e:88e:823d:e0e5:6d7e]:57605",
		}},
	} {
		table := table(test.flags, test.servers...)
		for client, want := range test.chosen {
			if got, _ := table.Server(netip.MustParseAddrPort(client)); got.String() != want {
				t.Errorf("flags %x: %s gets %s, the kernel chose %s", test.flags, client, got, want)
			}
		}
	}
}

// TestShares checks that every slot has a server, and that the shares follow the weights.
func TestShares(t *testing.T) {
	for _, n := range []int{1, 2, 3, 100, 250} {
		all, most, least := 0, 0, Slots
		counts := equal(n, 1).Counts()
		for _, slots := range counts {
			all, most, least = all+slots, max(most, slots), min(least, slots)
		}
		if all != Slots || most-least > 1 {
			t.Errorf("%d servers: %d slots, each from %d to %d", n, all, least, most)
		}
	}
	weighted := equal(4, 3)
	if got := weighted.Share(netip.MustParseAddrPort("10.0.0.1:80")); math.Abs(got-0.5) > 0.001 {
		t.Errorf("weight 3 of 6 has a share of %v", got)
	}
}

// TestTurns checks how weights become turns. The figures follow from the rule.
func TestTurns(t *testing.T) {
	for _, test := range []struct{ weights, turns []uint32 }{
		{[]uint32{}, []uint32{}},
		{[]uint32{0, 0}, []uint32{0, 0}},
		{[]uint32{5, 5, 0}, []uint32{1, 1, 0}},
		{[]uint32{100, 200}, []uint32{1, 2}},
		{[]uint32{1, 63}, []uint32{1, 63}},
		{[]uint32{1, 64}, []uint32{1, 32}},  // seven digits lose one, and 1 keeps a turn
		{[]uint32{3, 127}, []uint32{1, 63}}, // of 1.5 and 63.5
		{[]uint32{1, 1<<31 - 1}, []uint32{1, 63}},
		{[]uint32{1 << 30, 1 << 29}, []uint32{2, 1}},
	} {
		table := Table{}
		for _, weight := range test.weights {
			table.servers = append(table.servers, ipvs.Destination{Weight: weight})
		}
		if got := table.turns(); !slices.Equal(got, test.turns) {
			t.Errorf("weights %v: turns %v, want %v", test.weights, got, test.turns)
		}
	}
}

func TestNoServer(t *testing.T) {
	for _, table := range []*Table{table(0), equal(1, 0)} {
		if server, ok := table.Server(netip.MustParseAddrPort("192.0.2.1:1")); ok {
			t.Errorf("a client gets %s", server)
		}
		if counts := table.Counts(); len(counts) != 0 {
			t.Errorf("slots: %v", counts)
		}
	}
}

func TestMoved(t *testing.T) {
	four := equal(4, 1)
	without := table(0, server{"10.0.0.2:80", 1}, server{"10.0.0.3:80", 1}, server{"10.0.0.4:80", 1})
	reordered := table(0, server{"10.0.0.4:80", 1}, server{"10.0.0.2:80", 1}, server{"10.0.0.3:80", 1}, server{"10.0.0.1:80", 1})
	byPort := table(ipvs.HashPortFlag, server{"10.0.0.1:80", 1}, server{"10.0.0.2:80", 1}, server{"10.0.0.3:80", 1}, server{"10.0.0.4:80", 1})
	for name, test := range map[string]struct {
		other       *Table
		least, most float64
	}{
		"itself":        {equal(4, 1), 0, 0},
		"without one":   {without, 0.25, 0.26},
		"another order": {reordered, 0.0001, 0.005}, // which is measured to be 0.1 to 0.3 %
		"by port":       {byPort, 0.74, 0.76},
		"no server":     {table(0), 1, 1},
	} {
		if moved := four.Moved(test.other); moved < test.least || moved > test.most {
			t.Errorf("%s: %v moved, want %v to %v", name, moved, test.least, test.most)
		}
		if same := four.Digest() == test.other.Digest(); same != (test.most == 0) {
			t.Errorf("%s: the same digest: %v", name, same)
		}
	}
}
