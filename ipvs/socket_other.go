//go:build !linux

package ipvs

import (
	"errors"

	"github.com/mdlayher/netlink"
)

func dial() (*netlink.Conn, error) { return nil, errors.ErrUnsupported }
