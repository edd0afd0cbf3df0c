package system

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// RealServer reads the facts about a real server. It needs neither IPVS nor privileges. The question lacks the route of
// answers, and the forwarding method unless the user knows it; unknown says that nothing shows it.
func RealServer(question check.RealServer, method *ipvs.Forwarding) (s *check.Snapshot, known bool) {
	s = &check.Snapshot{RealServer: question, Unread: make(map[check.Fact]error)}
	readMachine(s)
	vip := question.Service.Address.Addr()
	if method != nil {
		s.RealServer.Forwarding = *method
	} else if s.RealServer.Forwarding, known = s.ForwardingOf(vip); !known {
		return s, false
	}
	destinations := []netip.Addr{vip}
	if question.Director.IsValid() {
		destinations = append(destinations, question.Director)
	}
	readRoutes(s, destinations)
	var err error
	s.RealServer.Answers, err = answers(s)
	note(s, check.FactRoutes, err)
	s.Listeners, err = listeners()
	note(s, check.FactListeners, err)
	s.Table, err = textTable()
	note(s, check.FactTable, err)
	return s, true
}

// answers looks up the route of answers to clients elsewhere. With masquerading they have this machine's own address.
func answers(s *check.Snapshot) (check.Route, error) {
	vip := s.RealServer.Service.Address.Addr()
	if s.RealServer.Forwarding == ipvs.Masquerading || !s.Has(vip) { // the kernel refuses the address of another machine
		vip = netip.Addr{}
	}
	return lookupFrom(vip, check.Elsewhere(s.RealServer.Service.Family))
}

// lookupFrom asks the kernel which way a packet between two addresses takes. The source may be invalid. The requests of
// package rtnetlink have no source.
func lookupFrom(source, destination netip.Addr) (check.Route, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return check.Route{}, err
	}
	defer conn.Close()
	header := make([]byte, unix.SizeofRtMsg)
	header[0], header[1] = unix.AF_INET, byte(destination.BitLen())
	if destination.Is6() {
		header[0] = unix.AF_INET6
	}
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.RTA_DST, destination.AsSlice())
	if source.IsValid() {
		header[2] = byte(source.BitLen())
		attributes.Bytes(unix.RTA_SRC, source.AsSlice())
	}
	body, err := attributes.Encode()
	if err != nil {
		return check.Route{}, err
	}
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETROUTE, Flags: netlink.Request},
		Data:   append(header, body...),
	})
	if kind, refused := refusals(err); refused {
		return check.Route{Kind: kind}, nil
	}
	if err != nil {
		return check.Route{}, err
	}
	if len(replies) != 1 {
		return check.Route{}, fmt.Errorf("the kernel sent %d routes", len(replies))
	}
	return parseRoute(replies[0].Data)
}

// textTable reads the table that every user may read. It is empty without IPVS.
func textTable() ([]ipvs.Entry, error) {
	file, err := os.Open("/proc/thread-self/net/ip_vs")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ipvs.ReadTextTable(file)
}
