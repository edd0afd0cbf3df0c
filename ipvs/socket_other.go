//go:build !linux

package ipvs

import (
	"errors"

	"github.com/mdlayher/netlink"
)

func dial() (*netlink.Conn, buffers, error) { return nil, buffers{}, errors.ErrUnsupported }
