// Package fakekernel is a kernel with IPVS for tests: it keeps what it receives, and lists it unchanged. What the real kernel
// does beyond that, the tests in the lab show.
package fakekernel

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs"
)

// Kernel is a kernel with an empty table. The zero value is ready.
type Kernel struct {
	Changes int // so far
	Zeroed  int // how many of them set counters to zero
	Lists   int // how many requests came that ask and change nothing

	Refuse     func(change int) syscall.Errno   // a change, from 1 on; nil for none
	RefuseList func(list int) syscall.Errno     // a request that asks, from 1 on; nil for none
	Fail       func(change int) (receive error) // when the reply to a change is read; nil for never

	services []service
	daemons  map[string][]byte // their attributes, by their state
	timeouts map[uint16][]byte // the attributes of those that were set
}

// service and server hold the attributes that came. A key holds those that name one.
type service struct {
	key     string
	all     []byte
	servers []server
}

type server struct {
	key string
	all []byte
}

// Client returns a client with a socket of its own to this kernel.
func (k *Kernel) Client() (*ipvs.Client, error) {
	return ipvs.NewClient(netlink.NewConn(&socket{kernel: k}, 1))
}

// Services returns the number of services.
func (k *Kernel) Services() int { return len(k.services) }

// State returns the table as sorted text.
func (k *Kernel) State() string {
	var lines []string
	for _, s := range k.services {
		lines = append(lines, fmt.Sprintf("service %x %x", s.key, s.all))
		for _, d := range s.servers {
			lines = append(lines, fmt.Sprintf("service %x server %x %x", s.key, d.key, d.all))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// change makes a change, as the kernel would.
func (k *Kernel) change(command byte, attributes map[uint16][]byte) syscall.Errno {
	k.Changes++
	if k.Refuse != nil {
		if errno := k.Refuse(k.Changes); errno != 0 {
			return errno
		}
	}
	switch command {
	case newDaemon, deleteDaemon:
		return k.changeDaemon(command, attributes[daemonAttribute])
	case setConfig:
		k.setTimeouts(attributes)
		return 0
	case flush:
		k.services = nil
		return 0
	case zero:
		if about := attributes[serviceAttribute]; about != nil && k.find(about) < 0 {
			return syscall.ESRCH
		}
		k.Zeroed++
		return 0
	default:
		return k.changeTable(command, attributes[serviceAttribute], attributes[serverAttribute])
	}
}

func (k *Kernel) changeTable(command byte, about, aboutServer []byte) syscall.Errno {
	at := k.find(about)
	if command == newService {
		if at >= 0 {
			return syscall.EEXIST
		}
		k.services = append(k.services, service{key: serviceKey(about), all: about})
		return 0
	}
	if at < 0 {
		return syscall.ESRCH
	}
	s := &k.services[at]
	switch command {
	case setService:
		s.all = about
		return 0
	case deleteService:
		k.services = slices.Delete(k.services, at, at+1)
		return 0
	}
	wanted := serverKey(aboutServer)
	at = slices.IndexFunc(s.servers, func(d server) bool { return d.key == wanted })
	switch {
	case command == newServer && at >= 0:
		return syscall.EEXIST
	case command == newServer:
		s.servers = append(s.servers, server{wanted, aboutServer})
	case at < 0:
		return syscall.ENOENT
	case command == setServer:
		s.servers[at].all = aboutServer
	case command == deleteServer:
		s.servers = slices.Delete(s.servers, at, at+1)
	}
	return 0
}

func (k *Kernel) changeDaemon(command byte, daemon []byte) syscall.Errno {
	state := string(values(daemon)[daemonState])
	_, runs := k.daemons[state]
	switch {
	case command == newDaemon && runs:
		return syscall.EEXIST
	case command == deleteDaemon && !runs:
		return syscall.ESRCH
	case command == deleteDaemon:
		delete(k.daemons, state)
	case k.daemons == nil:
		k.daemons = map[string][]byte{state: daemon}
	default:
		k.daemons[state] = daemon
	}
	return 0
}

func (k *Kernel) setTimeouts(attributes map[uint16][]byte) {
	if k.timeouts == nil {
		k.timeouts = make(map[uint16][]byte)
	}
	for kind, seconds := range attributes {
		if string(seconds) != "\x00\x00\x00\x00" {
			k.timeouts[kind] = seconds
		}
	}
}

// find returns the place of the service that attributes name, or -1.
func (k *Kernel) find(about []byte) int {
	wanted := serviceKey(about)
	return slices.IndexFunc(k.services, func(s service) bool { return s.key == wanted })
}

func serviceKey(b []byte) string { return key(b, 1, 2, 3, 4, 5) }
func serverKey(b []byte) string  { return key(b, 1, 2) }

// key returns the attributes that name a service or server.
func key(b []byte, names ...uint16) string {
	all := values(b)
	var key []byte
	for _, name := range names {
		key = append(append(key, byte(name), byte(len(all[name]))), all[name]...)
	}
	return string(key)
}
