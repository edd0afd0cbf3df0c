package command

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// AppendRule appends the line for a command that changes the kernel's tables, without the program's name and without a
// newline. Parse reads the same command from it. The resolver's names stand for addresses and ports; a nil one writes
// numbers.
func (c Command) AppendRule(b []byte, resolver *names.Resolver) []byte {
	r := rule{b, resolver}
	switch c.Kind {
	case AddService, EditService:
		r.command(c.Kind)
		r.service(c.Service.ServiceID)
		r.scheduling(c.Service)
	case DeleteService, Zero:
		r.command(c.Kind)
		if c.HasService() {
			r.service(c.Service.ServiceID)
		}
	case AddServer, EditServer:
		r.command(c.Kind)
		r.service(c.Service.ServiceID)
		r.server(c.Service.ServiceID, c.Server)
		r.forwarding(c.Server)
	case DeleteServer:
		r.command(c.Kind)
		r.service(c.Service.ServiceID)
		r.server(c.Service.ServiceID, c.Server)
	case Clear:
		r.command(c.Kind)
	case SetTimeouts:
		r.text("--set")
		for _, timeout := range []time.Duration{c.Timeouts.TCP, c.Timeouts.TCPFin, c.Timeouts.UDP} {
			r.text(" ")
			r.number(seconds(timeout))
		}
	case StartDaemon:
		r.text("--start-daemon " + c.Daemon.State.String())
		r.daemon(c.Daemon)
	case StopDaemon:
		r.text("--stop-daemon " + c.Daemon.State.String())
	}
	return r.line
}

// rule is a line under construction.
type rule struct {
	line     []byte
	resolver *names.Resolver
}

func (r *rule) text(text string)     { r.line = append(r.line, text...) }
func (r *rule) number(number uint64) { r.line = strconv.AppendUint(r.line, number, 10) }

func (r *rule) option(name string, number uint64) {
	if number != 0 {
		r.text(name)
		r.number(number)
	}
}

// seconds returns a timeout in seconds. Other programs can set one that is longer than a command may ask for, so it returns
// at most that.
func seconds(timeout time.Duration) uint64 { return uint64(min(timeout/time.Second, maxTimeout)) }

func (r *rule) command(kind Kind) {
	for i := range options {
		if options[i].kind == kind {
			r.line = append(r.line, '-', options[i].letter)
			return
		}
	}
}

func (r *rule) service(id ipvs.ServiceID) {
	switch {
	case id.Mark != 0:
		r.option(" -f ", uint64(id.Mark))
		if id.Family == ipvs.IPv6 {
			r.text(" -6")
		}
		return
	case id.Protocol == ipvs.UDP:
		r.text(" -u ")
	case id.Protocol == ipvs.SCTP:
		r.text(" --sctp-service ")
	default:
		r.text(" -t ")
	}
	r.endpoint(id, id.Address)
}

// endpoint writes an address and port of a service or of its server. A mark has no protocol, so its ports have no names.
func (r *rule) endpoint(id ipvs.ServiceID, endpoint netip.AddrPort) {
	protocol := ""
	if id.Mark == 0 && r.resolver != nil {
		protocol = strings.ToLower(id.Protocol.String())
	}
	r.line = r.resolver.AppendEndpoint(r.line, endpoint, protocol)
}

func (r *rule) scheduling(service ipvs.Service) {
	r.text(" -s ")
	r.text(service.Scheduler)
	if service.Flags&ipvs.Persistent != 0 {
		r.option(" -p ", seconds(service.Timeout))
		r.netmask(service)
	}
	if service.Engine != "" {
		r.text(" --pe " + service.Engine)
	}
	if service.Flags&ipvs.OnePacket != 0 {
		r.text(" -o")
	}
	separator := " -b "
	for _, flag := range service.SchedulerFlagNames() {
		r.text(separator)
		r.text(flag)
		separator = ","
	}
}

func (r *rule) netmask(service ipvs.Service) {
	if mask := service.Netmask.String(); mask != "" {
		r.text(" -M ")
		r.text(mask)
	}
}

func (r *rule) server(id ipvs.ServiceID, server ipvs.Destination) {
	r.text(" -r ")
	r.endpoint(id, server.Address)
}

func (r *rule) forwarding(server ipvs.Destination) {
	r.text(" ")
	r.text(forwardingOption(server.Forwarding))
	r.text(" -w ")
	r.number(uint64(server.Weight))
	r.option(" -x ", uint64(server.UpperThreshold))
	r.option(" -y ", uint64(server.LowerThreshold))
	if server.Forwarding != ipvs.Tunneling {
		return
	}
	r.text(" --tun-type " + server.Tunnel.Type.String())
	if server.Tunnel.Type == ipvs.GUE {
		r.option(" --tun-port ", uint64(server.Tunnel.Port))
	}
	if server.Tunnel.Type != ipvs.IPIP {
		r.checksum(server.Tunnel.Checksum)
	}
}

// forwardingOption returns the option for a forwarding method.
func forwardingOption(forwarding ipvs.Forwarding) string {
	switch forwarding {
	case ipvs.Masquerading:
		return "-m"
	case ipvs.Tunneling:
		return "-i"
	default:
		return "-g"
	}
}

func (r *rule) checksum(checksum ipvs.TunnelChecksum) {
	switch checksum {
	case ipvs.Checksum:
		r.text(" --tun-csum")
	case ipvs.RemoteChecksum:
		r.text(" --tun-remcsum")
	default:
		r.text(" --tun-nocsum")
	}
}

func (r *rule) daemon(daemon ipvs.Daemon) {
	if daemon.Interface != "" {
		r.text(" --mcast-interface " + daemon.Interface)
	}
	r.option(" --syncid ", uint64(daemon.SyncID))
	r.option(" --sync-maxlen ", uint64(daemon.MaxLength))
	if daemon.Group.IsValid() {
		r.text(" --mcast-group " + daemon.Group.String())
	}
	r.option(" --mcast-port ", uint64(daemon.Port))
	r.option(" --mcast-ttl ", uint64(daemon.TTL))
}
