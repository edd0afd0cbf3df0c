package names

// ServiceName returns the service name of a port of a protocol ("tcp", "udp" or "sctp").
func (r *Resolver) ServiceName(port uint16, protocol string) (string, bool) {
	name, ok := r.services().nameOf[portAndProtocol{port, protocol}]
	if ok && r.reversible {
		back, found := r.ServicePort(name, protocol)
		ok = found && back == port
	}
	return name, ok
}

// ServicePort returns the port of a service name or alias of a protocol ("tcp", "udp" or "sctp").
func (r *Resolver) ServicePort(name, protocol string) (uint16, bool) {
	port, ok := r.services().portOf[nameAndProtocol{name, protocol}]
	return port, ok
}
