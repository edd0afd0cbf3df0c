// Package ipvs manages Linux's IP Virtual Server, the kernel's transport-layer load balancer (net/netfilter/ipvs).
//
// A [Client] speaks the kernel's IPVS generic-netlink family over one socket. It reads virtual services, their real
// servers, the synchronization daemons, timeouts and information, and carries out changes:
//
//	client, err := ipvs.Dial()
//	...
//	web := ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
//	err = client.Apply(ctx,
//		ipvs.AddService(ipvs.Service{ServiceID: web, Scheduler: "rr"}),
//		ipvs.AddDestination(web, ipvs.Destination{Address: server, Forwarding: ipvs.DirectRouting, Weight: 1}),
//	)
//
// Client.Entries reads the real servers of one service after the other and holds no table in memory. [Connections]
// streams the connection table, which the kernel tells through /proc and not through netlink.
//
// # Privileges and namespaces
//
// All but reading the connection table needs CAP_NET_ADMIN, and that needs root. A client belongs to the network
// namespace of the thread that dialled it.
//
// # Errors
//
// What the kernel refuses is an [*Error]: it says what was tried and on what, holds the kernel's error number, and
// its Reason is worded as system administrators know it from ipvsadm. The refusals of several changes at once are a
// [*BatchError]. errors.Is and errors.As see through both, to a syscall.Errno and to fs.ErrPermission.
//
// # Kernels
//
// Every kernel with the generic-netlink family (2.6.28 and later) will do. Attributes that an older kernel leaves
// out have the meaning they had then; attributes that a newer one adds are passed over. The meaning of every value is
// in the kernel's include/uapi/linux/ip_vs.h.
package ipvs
