//go:build !linux

package nlsocket

import "errors"

// Socket is missing: only Linux has netlink.
type Socket struct{}

// Grow does nothing.
func (*Socket) Grow() {}

// Parts returns zero.
func (*Socket) Parts() int { return 0 }

// Open fails.
func Open() (fd int, err error) { return -1, errors.ErrUnsupported }

// CloseOpen does nothing.
func CloseOpen(int) {}

// Connect fails.
func Connect(int, Buffers) (*Conn, error) { return nil, errors.ErrUnsupported }
