//go:build !linux

package nlsocket

import (
	"errors"

	"github.com/mdlayher/netlink"
)

// Dial fails: only Linux has netlink.
func Dial(Buffers) (*netlink.Conn, Buffers, error) { return nil, Buffers{}, errors.ErrUnsupported }
