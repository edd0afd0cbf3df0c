//go:build !linux

package sockopt

import (
	"errors"
	"net/netip"
)

// Socket is missing: only Linux has IPVS.
type Socket struct{}

// Open fails.
func Open() (*Socket, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Socket) Close() error { return nil }

// Servers fails.
func (*Socket) Servers(Service, int) ([]netip.AddrPort, error) { return nil, errors.ErrUnsupported }
