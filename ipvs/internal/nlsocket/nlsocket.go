// Package nlsocket is a socket to generic netlink for netlink.Conn. It copies no messages, and reports how large its
// buffers are.
package nlsocket

import "github.com/mdlayher/netlink"

// Buffers are the sizes of a socket's two buffers in bytes, as getsockopt returns them.
type Buffers struct {
	Send, Receive int
}

// Conn is a connection to the kernel over a Socket.
type Conn struct {
	*netlink.Conn
	Socket  *Socket // nil for a test's connection
	Buffers Buffers
}

// Parts returns in how many datagrams the last dump came, and zero if the connection does not count them.
func (c *Conn) Parts() int {
	if c.Socket == nil {
		return 0
	}
	return c.Socket.Parts()
}
