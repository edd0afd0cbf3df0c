// Package ipvs manages Linux's IP Virtual Server, the kernel's transport-layer load balancer (net/netfilter/ipvs).
//
// A [Client] speaks the kernel's IPVS generic-netlink family over one socket. It lists virtual services, their real servers
// and the synchronization daemons, reads timeouts and versions, and carries out changes:
//
//	client, err := ipvs.Dial()
//	...
//	web := ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
//	err = client.Apply(ctx,
//		ipvs.AddService(ipvs.Service{ServiceID: web, Scheduler: "rr"}),
//		ipvs.AddDestination(web, ipvs.Destination{Address: server, Forwarding: ipvs.DirectRouting, Weight: 1}),
//	)
//
// [Client.Entries] streams the table: it reads the servers of one service at a time. [Connections] streams the connection
// table, which the kernel offers in /proc and not through netlink.
//
// # Privileges and namespaces
//
// A client needs CAP_NET_ADMIN, and the connection table needs root. A client belongs to the network namespace of the thread
// that dialled it.
//
// # Errors
//
// A refusal is an [*Error]. It has the operation, its object and the kernel's error number, and its Reason has the words
// that administrators know from ipvsadm. The refusals of several changes at once are a [*BatchError]. errors.Is and
// errors.As see through both, to a syscall.Errno and to fs.ErrPermission.
//
// # Kernels
//
// The package needs a kernel with the generic-netlink family, 2.6.28 or later. An attribute that an older kernel does not
// send has the meaning that it had then. The package ignores attributes that a newer kernel adds. The kernel's
// include/uapi/linux/ip_vs.h defines every value.
//
// # Where to find what
//
// Each object of the kernel has one file with its type, its changes, its encoding and its decoding: service.go,
// destination.go, daemon.go, timeouts.go and info.go. Parts of them are in identity.go, forwarding.go, netmask.go and
// traffic.go. table.go joins services with their servers, and same.go compares them. connection.go and text_table.go read
// the kernel's text files.
//
// client.go holds the exchange with the kernel, dump.go the lists, batch.go the changes, error.go the refusals. encode.go
// and decode.go hold the attributes of any message.
//
// A new attribute needs its constant in uapi.go, and its field, a line of encoding and a line of decoding in its object's
// file.
package ipvs
