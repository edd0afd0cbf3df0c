package command

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"ipvsadm/ipvs"
)

// Explain adds hints to a refusal of the command, if it has likely causes.
func (c Command) Explain(err error) error {
	if hints := c.refusalHints(err); len(hints) > 0 {
		return &Hinted{err, hints}
	}
	return err
}

func (c Command) refusalHints(err error) []string {
	var refusal *ipvs.Error
	var errno syscall.Errno
	if !errors.As(err, &refusal) || !errors.As(refusal.Err, &errno) {
		return nil
	}
	switch kind := c.Kind; {
	case errno == syscall.ENOENT && (kind == AddService || kind == EditService):
		return c.explainModule()
	case errno == syscall.EEXIST && kind == AddService:
		return []string{"to change a service type -E"}
	case errno == syscall.EEXIST && kind == AddServer:
		return []string{"to change a server type -e"}
	case errno == syscall.ENOENT && (kind == EditServer || kind == DeleteServer):
		return c.explainNoServer()
	case errno == syscall.ESRCH && c.HasService() && c.Service.Mark == 0 && c.Service.Address.Port() == 0:
		return []string{fmt.Sprintf("no port was typed: type %s:PORT", hostOf(c.Service.Address.Addr()))}
	default:
		return nil
	}
}

// explainNoServer returns hints about a server that the service does not have, often because of its port.
func (c Command) explainNoServer() []string {
	host, port := hostOf(c.Server.Address.Addr()), c.Server.Address.Port()
	switch typed := c.Typed.Port; {
	case typed == 0 && c.Service.Mark == 0:
		return []string{fmt.Sprintf("without a port, -r has the service's, %d: type -r %s:PORT", port, host)}
	case typed == port || typed == 0:
		return nil
	case c.Typed.Forwarding:
		return []string{fmt.Sprintf("with -g and -i the server's port is the service's, %d: for %s:%d type -m", port, host, typed)}
	default:
		return []string{fmt.Sprintf("without -m it is -g, and the server's port is the service's, %d: for %s:%d type -m", port, host, typed)}
	}
}

// hostOf returns an address as it is typed before a port.
func hostOf(address netip.Addr) string {
	if address.Is6() {
		return "[" + address.String() + "]"
	}
	return address.String()
}

// explainModule returns hints about a scheduler or an engine that the kernel does not have.
func (c Command) explainModule() []string {
	var found []string
	if name := c.Service.Scheduler; !slices.Contains(schedulers, name) && name != "none" {
		found = append(found, explainName("-s", name, schedulers))
	}
	if name := c.Service.Engine; name != "" && name != "sip" {
		found = append(found, explainName("--pe", name, []string{"sip"}))
	}
	if len(found) > 0 {
		return found
	}
	module := "ip_vs_" + c.Service.Scheduler
	if c.Service.Engine != "" {
		module += " or ip_vs_pe_" + c.Service.Engine
	}
	return []string{"this kernel lacks the module " + module}
}

// explainName says what was meant by a name that no kernel of today has.
func explainName(option, name string, known []string) string {
	if len(name) > mostShown {
		name = ""
	}
	if words, hint := cleaned(name); hint != "" && len(words) == 1 && slices.Contains(known, words[0]) {
		return hint
	}
	if meant, ok := meantName(name, known); ok {
		return "type " + option + " " + meant
	}
	return fmt.Sprintf("%s takes %s, or another that this kernel has a module for", option, listed(known, "or"))
}
