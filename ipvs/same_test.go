package ipvs

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// changedFields returns copies of a struct, each with another value in one field, by the field's name.
func changedFields[T any](t *testing.T, original T) map[string]T {
	t.Helper()
	changed := make(map[string]T)
	var each func(path string, index []int, typ reflect.Type)
	each = func(path string, index []int, typ reflect.Type) {
		for i := range typ.NumField() {
			field := typ.Field(i)
			at := append(append([]int(nil), index...), i)
			name := path + field.Name
			altered := original
			value := reflect.ValueOf(&altered).Elem().FieldByIndex(at)
			switch v := value.Addr().Interface().(type) {
			case *netip.Addr:
				*v = netip.MustParseAddr("224.0.0.99")
			case *netip.AddrPort:
				*v = netip.MustParseAddrPort("192.0.2.99:99")
			case *string:
				*v += "x"
			case *Netmask:
				*v = IPv4Netmask([4]byte{255, 255, 0, 0})
			case *time.Duration:
				*v += time.Second
			default:
				switch {
				case value.Kind() == reflect.Struct:
					each(name+".", at, field.Type)
					continue
				case value.CanUint():
					value.SetUint(value.Uint() ^ 1)
				case value.CanInt():
					value.SetInt(value.Int() + 1)
				default:
					t.Fatalf("%s: this test knows no other value of a %s", name, field.Type)
				}
			}
			changed[name] = altered
		}
	}
	each("", nil, reflect.TypeFor[T]())
	return changed
}

// TestEveryFieldCounts changes one field of a service, server or daemon for which all fields count. A field that is
// added to them counts too.
func TestEveryFieldCounts(t *testing.T) {
	service := Service{
		ServiceID: AddressService(TCP, addrPort("192.0.2.1:80")), Scheduler: "mh", Flags: Persistent | SchedulerFlag1,
		Timeout: time.Minute, Netmask: IPv4Netmask([4]byte{255, 255, 255, 0}), Engine: "sip",
	}
	server := Destination{
		Address: addrPort("192.0.2.2:80"), Forwarding: Tunneling, Weight: 2, UpperThreshold: 9, LowerThreshold: 4,
		Tunnel: Tunnel{Type: GUE, Port: 5555, Checksum: Checksum},
	}
	daemon := Daemon{
		State: Master, Interface: "eth0", SyncID: 7, MaxLength: 1400, Group: netip.MustParseAddr("224.0.0.5"), Port: 9000, TTL: 4,
	}
	if !service.Same(service) || !server.Same(server) || !daemon.Same(daemon) {
		t.Error("something is not the same as itself")
	}
	for field, changed := range changedFields(t, service) {
		if service.Same(changed) || changed.Same(service) {
			t.Errorf("a service's %s does not count", field)
		}
	}
	for field, changed := range changedFields(t, server) {
		if server.Same(changed) || changed.Same(server) {
			t.Errorf("a server's %s does not count", field)
		}
	}
	for field, changed := range changedFields(t, daemon) {
		if daemon.Same(changed) || changed.Same(daemon) {
			t.Errorf("a daemon's %s does not count", field)
		}
	}
}

func TestSameService(t *testing.T) {
	plain := Service{ServiceID: MarkService(7, IPv4), Scheduler: "rr"}
	for name, alike := range map[string]Service{
		"the kernel's own flag":    {ServiceID: plain.ServiceID, Scheduler: "rr", Flags: Hashed},
		"a timeout without effect": {ServiceID: plain.ServiceID, Scheduler: "rr", Timeout: time.Minute},
		"a netmask without effect": {ServiceID: plain.ServiceID, Scheduler: "rr", Netmask: IPv4Netmask([4]byte{255, 255, 0, 0})},
	} {
		if !plain.Same(alike) || !alike.Same(plain) {
			t.Errorf("%s counts", name)
		}
	}
}

func TestSameServer(t *testing.T) {
	at := addrPort("192.0.2.2:80")
	tunnel := Tunnel{Type: GUE, Port: 5555, Checksum: Checksum}
	for _, test := range []struct {
		name string
		a, b Destination
		same bool
	}{
		{"a tunnel that is not used", Destination{Address: at, Tunnel: tunnel}, Destination{Address: at}, true},
		{"a port and a checksum that IPIP does not use",
			Destination{Address: at, Forwarding: Tunneling, Tunnel: Tunnel{Port: 5555, Checksum: Checksum}},
			Destination{Address: at, Forwarding: Tunneling}, true},
		{"a port that GRE does not use",
			Destination{Address: at, Forwarding: Tunneling, Tunnel: Tunnel{Type: GRE, Port: 5555}},
			Destination{Address: at, Forwarding: Tunneling, Tunnel: Tunnel{Type: GRE}}, true},
		{"a checksum that GRE uses",
			Destination{Address: at, Forwarding: Tunneling, Tunnel: Tunnel{Type: GRE, Checksum: Checksum}},
			Destination{Address: at, Forwarding: Tunneling, Tunnel: Tunnel{Type: GRE}}, false},
		{"a server on this machine",
			Destination{Address: at, Forwarding: LocalNode}, Destination{Address: at, Forwarding: DirectRouting}, true},
		{"a server on this machine and its tunnel, which a kernel that lists it so does not know",
			Destination{Address: at, Forwarding: LocalNode}, Destination{Address: at, Forwarding: Tunneling}, true},
		{"a server on this machine of another weight",
			Destination{Address: at, Forwarding: LocalNode, Weight: 2}, Destination{Address: at, Forwarding: DirectRouting}, false},
	} {
		if test.a.Same(test.b) != test.same || test.b.Same(test.a) != test.same {
			t.Errorf("%s: the same is not %v", test.name, test.same)
		}
	}
}

func TestSameDaemon(t *testing.T) {
	group, group6 := netip.MustParseAddr("224.0.0.81"), netip.MustParseAddr("ff02::81")
	for _, test := range []struct {
		name string
		a, b Daemon
		same bool
	}{
		{"defaults", Daemon{State: Master}, Daemon{State: Master, MaxLength: 1472, Group: group, Port: 8848, TTL: 1}, true},
		{"another group", Daemon{State: Master}, Daemon{State: Master, Group: netip.MustParseAddr("224.0.0.82")}, false},
		{"another port", Daemon{State: Master}, Daemon{State: Master, Port: 8849}, false},
		{"another TTL", Daemon{State: Master}, Daemon{State: Master, TTL: 2}, false},
		{"a length that nobody asked for", Daemon{State: Backup}, Daemon{State: Backup, MaxLength: 8972}, true},
		{"another length", Daemon{State: Master, MaxLength: 500}, Daemon{State: Master, MaxLength: 501}, false},
		{"a master's short length", Daemon{State: Master, MaxLength: 1023}, Daemon{State: Master, MaxLength: 1024}, false},
		{"a backup's length that is too short", Daemon{State: Backup, MaxLength: 1}, Daemon{State: Backup, MaxLength: 1024}, true},
		{"a backup's length that is not", Daemon{State: Backup, MaxLength: 1025}, Daemon{State: Backup, MaxLength: 1024}, false},
		{"a length that is too long for IPv6", Daemon{State: Master, Group: group6, MaxLength: 65507},
			Daemon{State: Master, Group: group6, MaxLength: 65487}, true},
		{"the longest length for IPv6, and a shorter one", Daemon{State: Master, Group: group6, MaxLength: 65487},
			Daemon{State: Master, Group: group6, MaxLength: 65486}, false},
		{"a length that is too long for IPv4", Daemon{State: Master, MaxLength: 65508}, Daemon{State: Master, MaxLength: 65507}, true},
		{"the longest length for IPv4, and a shorter one", Daemon{State: Master, MaxLength: 65507},
			Daemon{State: Master, MaxLength: 65506}, false},
		{"a length that is not too long for IPv4", Daemon{State: Master, MaxLength: 65507},
			Daemon{State: Master, MaxLength: 65487}, false},
	} {
		if test.a.Same(test.b) != test.same || test.b.Same(test.a) != test.same {
			t.Errorf("%s: the same is not %v", test.name, test.same)
		}
	}
}
