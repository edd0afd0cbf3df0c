// Package nlsocket is a socket to generic netlink for netlink.Conn. It copies no messages, and reports how large its
// buffers are.
package nlsocket

// Buffers are the sizes of a socket's two buffers in bytes, as getsockopt returns them.
type Buffers struct {
	Send, Receive int
}
