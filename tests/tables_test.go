package tests

import (
	"fmt"
	"slices"
	"strings"
)

// The tables that several tests use, as rules.

const twoServices = `-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1
-A -f 7 -s wlc
`

const oneService = "-A -f 1 -s wlc\n"

// everyKind is a table with a service and a server of every kind.
const everyKind = `
-A -t 192.0.2.80:80 -s wrr -p 300 -M 255.255.255.0
-a -t 192.0.2.80:80 -r 10.0.0.11:8080 -m -w 3 -x 100 -y 20
-a -t 192.0.2.80:80 -r 10.0.0.12:8080 -m -w 0
-A -u 192.0.2.80:53 -s sh -b sh-port -o
-A -u 192.0.2.80:5060 -s rr -p 60 --pe sip
-A --sctp-service 192.0.2.80:9 -s mh -b mh-fallback,flag-3
-A -t [2001:db8:1111:2222:3333:4444:5555:6666]:443 -s mh -p 60 -M 64
-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:443 -r [2001:db8:1111:2222:3333:4444:5555:a001]:443 -g
-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:443 -r 198.51.100.7:443 -i --tun-type gue --tun-port 6080 --tun-csum
-A -f 4294967295 -s rr
-a -f 4294967295 -r 198.51.100.8 -i --tun-type gre
-A -f 7 -6 -s rr
`

// numbered returns a service with the servers 1, 2 and 3. The last byte of a server's address is its service's, so a
// server that is listed under another service shows.
func numbered(service int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-A -t 192.0.2.%d:80 -s rr\n", service)
	for server := 1; server <= 3; server++ {
		fmt.Fprintf(&b, "-a -t 192.0.2.%d:80 -r 10.0.%d.%d:80 -m -w 1\n", service, server, service)
	}
	return b.String()
}

func allNumbered(services []int) string {
	var b strings.Builder
	for _, service := range services {
		b.WriteString(numbered(service))
	}
	return b.String()
}

// sequence returns the numbers from first to last.
func sequence(first, last int) (all []int) {
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

// marks returns services of firewall marks. Each takes at least 27 bytes of a listing.
func marks(first, last int) string {
	var b strings.Builder
	for mark := first; mark <= last; mark++ {
		fmt.Fprintf(&b, "-A -f %d -s rr -p 300\n", mark)
	}
	return b.String()
}

// manyServices returns services with the same number of servers each.
func manyServices(services, servers, weight int) string {
	var b strings.Builder
	for i := range services {
		service := fmt.Sprintf("-t 10.0.%d.%d:80", i/200, i%200+1)
		fmt.Fprintf(&b, "-A %s -s wrr\n", service)
		for server := range servers {
			fmt.Fprintf(&b, "-a %s -r 10.1.0.%d:80 -m -w %d\n", service, server+1, weight)
		}
	}
	return b.String()
}

// sameLines reports whether two saved tables differ at most in their order.
func sameLines(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.Lines(a)), slices.Sorted(strings.Lines(b)))
}
