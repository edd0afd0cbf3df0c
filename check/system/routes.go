package system

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"ipvsadm/check"
)

// readRoutes looks up the routes to addresses.
func readRoutes(s *check.Snapshot, destinations []netip.Addr) {
	s.Routes = make(map[netip.Addr]check.Route, len(destinations))
	for _, destination := range destinations {
		s.Routes[destination] = check.Route{}
	}
	note(s, check.FactRoutes, lookUp(s.Routes))
}

const (
	// routesAtOnce is how many routes the kernel is asked for in one go, which saves a third of the lookups. The answers of
	// more might not fit the socket's buffer.
	routesAtOnce = 16
	// routeSize is more than an answer about one route takes. Without it the library asks for the size of each answer before
	// it reads the answer, which costs a fifth of the lookups.
	routeSize = 4 << 10
)

// lookUp sets the routes to the addresses that are the keys of a map.
func lookUp(routes map[netip.Addr]check.Route) error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{MessageBufferSize: routeSize})
	if err != nil {
		return err
	}
	defer conn.Close()
	for batch := range slices.Chunk(slices.Collect(maps.Keys(routes)), routesAtOnce) {
		if err := lookUpBatch(conn, batch, routes); err != nil {
			return err
		}
	}
	return nil
}

// lookUpBatch asks the kernel which ways packets of this machine to some addresses take.
func lookUpBatch(conn *netlink.Conn, batch []netip.Addr, routes map[netip.Addr]check.Route) error {
	requests := make([]netlink.Message, len(batch))
	for i, destination := range batch {
		request := rtnetlink.RouteMessage{
			Family:     unix.AF_INET,
			DstLength:  uint8(destination.BitLen()),
			Attributes: rtnetlink.RouteAttributes{Dst: destination.AsSlice()},
		}
		if destination.Is6() {
			request.Family = unix.AF_INET6
		}
		data, err := request.MarshalBinary()
		if err != nil {
			return err
		}
		requests[i] = netlink.Message{Header: netlink.Header{Type: unix.RTM_GETROUTE, Flags: netlink.Request}, Data: data}
	}
	sent, err := conn.SendMessages(requests)
	if err != nil {
		return err
	}
	for i := range sent { // the kernel answers in order
		for reply, err := range conn.ReceiveIter() {
			kind, refused := refusals(err)
			switch {
			case refused:
				routes[batch[i]] = check.Route{Kind: kind}
			case err != nil:
				return fmt.Errorf("to %s: %w", batch[i], err)
			case reply.Header.Sequence != sent[i].Header.Sequence:
				return fmt.Errorf("to %s: the kernel sent a reply to another request", batch[i])
			default:
				if routes[batch[i]], err = parseRoute(reply.Data); err != nil {
					return fmt.Errorf("to %s: %w", batch[i], err)
				}
			}
		}
	}
	return nil
}

// parseRoute reads the kernel's answer to a lookup.
func parseRoute(data []byte) (check.Route, error) {
	var found rtnetlink.RouteMessage
	if err := found.UnmarshalBinary(data); err != nil {
		return check.Route{}, err
	}
	route := check.Route{Kind: routeKinds(found.Type), Link: int(found.Attributes.OutIface)}
	route.Gateway, _ = addr(found.Attributes.Gateway)
	if found.Attributes.Metrics != nil {
		route.MTU = int(found.Attributes.Metrics.MTU)
	}
	return route, nil
}

// refusals returns what the error of a lookup means.
func refusals(err error) (check.RouteKind, bool) {
	switch {
	case errors.Is(err, syscall.ENETUNREACH):
		return check.RouteNone, true
	case errors.Is(err, syscall.EHOSTUNREACH):
		return check.RouteUnreachable, true
	case errors.Is(err, syscall.EACCES):
		return check.RouteProhibit, true
	case errors.Is(err, syscall.EINVAL):
		return check.RouteBlackhole, true
	default:
		return "", false
	}
}

func routeKinds(number uint8) check.RouteKind {
	switch number {
	case unix.RTN_UNICAST:
		return check.RouteUnicast
	case unix.RTN_LOCAL:
		return check.RouteLocal
	case unix.RTN_BROADCAST:
		return check.RouteBroadcast
	case unix.RTN_MULTICAST:
		return check.RouteMulticast
	case unix.RTN_BLACKHOLE:
		return check.RouteBlackhole
	case unix.RTN_UNREACHABLE:
		return check.RouteUnreachable
	case unix.RTN_PROHIBIT:
		return check.RouteProhibit
	default:
		return check.RouteNone
	}
}
