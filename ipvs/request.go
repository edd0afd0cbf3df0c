package ipvs

import (
	"fmt"
	"net/netip"
)

// request is what the kernel is asked, a change or a question, and what an error of it is called by.
type request struct {
	operation   Operation
	service     ServiceID
	destination netip.AddrPort
	daemon      DaemonState

	message []byte // nil for the zero request
	invalid error  // why it cannot be put to the kernel at all
}

// asking returns the request with its message.
func (r request) asking(e encoder) request {
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

// failed returns the error of a request: the kernel's refusal, or whatever else went wrong.
func (r request) failed(err error) *Error {
	e := &Error{Operation: r.operation, Object: r.object(), Err: err}
	if answer, ok := refused(err); ok {
		e.Err, e.Message = answer.Err, answer.Message
	}
	return e
}
