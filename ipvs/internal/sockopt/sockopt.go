// Package sockopt reads IPVS's older interface, socket options. It knows only IPv4, but it lists all servers of a service
// as they are at one moment, however many.
package sockopt

import (
	"errors"
	"net/netip"
)

// Service names an IPv4 service: by protocol and address, or by a firewall mark.
type Service struct {
	Protocol uint16
	Address  netip.AddrPort
	Mark     uint32
}

// ErrMore is the error of a service with more servers than the caller expects.
var ErrMore = errors.New("more servers than expected")
