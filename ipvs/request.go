package ipvs

import (
	"fmt"
	"net/netip"
)

// request is a change or a query, and what its error is called by.
type request struct {
	operation   Operation
	service     ServiceID
	destination netip.AddrPort
	daemon      DaemonState

	message []byte // nil for the zero request
	invalid error  // why the request has no message
}

// encoded returns the request with its message.
func (r request) encoded(e encoder) request {
	if r.invalid = e.err; r.invalid == nil {
		r.message = e.message
	}
	return r
}

// object returns what the request is about.
func (r request) object() string {
	switch {
	case r.destination.IsValid():
		return fmt.Sprintf("%s of %s", r.destination, r.service)
	case r.service != ServiceID{}:
		return r.service.String()
	case r.daemon != 0:
		return r.daemon.String()
	default:
		return ""
	}
}

// wrap returns the error of a request: the kernel's refusal, or another reason why it failed.
func (r request) wrap(err error) *Error {
	e := &Error{Operation: r.operation, Object: r.object(), Err: err}
	if refusal, ok := asRefusal(err); ok {
		e.Err, e.Message = refusal.Err, refusal.Message
	}
	return e
}
