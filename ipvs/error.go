package ipvs

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"
)

var (
	// ErrBusy is the error of a call while another goroutine's call uses the client.
	ErrBusy = errors.New("the client is busy with another call")

	// ErrInterrupted is the error of a dump during which the kernel's table changed at every attempt.
	ErrInterrupted = errors.New("the kernel's table kept changing while it was listed")

	// ErrOutOfStep is the error of every call on a client after one that was cancelled or broke off. Replies to that
	// one may still come, so the client cannot be used any more: dial a new one.
	ErrOutOfStep = errors.New("an earlier call broke off: dial anew")
)

// Operation is what a change or query does.
type Operation string

// The operations, one for each kind of change and query.
const (
	OpAddService        Operation = "add service"
	OpEditService       Operation = "edit service"
	OpDeleteService     Operation = "delete service"
	OpGetService        Operation = "get service"
	OpListServices      Operation = "list services"
	OpAddDestination    Operation = "add destination"
	OpEditDestination   Operation = "edit destination"
	OpDeleteDestination Operation = "delete destination"
	OpListDestinations  Operation = "list destinations"
	OpZero              Operation = "zero counters"
	OpFlush             Operation = "clear table"
	OpSetTimeouts       Operation = "set timeouts"
	OpGetTimeouts       Operation = "get timeouts"
	OpStartDaemon       Operation = "start daemon"
	OpStopDaemon        Operation = "stop daemon"
	OpListDaemons       Operation = "list daemons"
	OpGetInfo           Operation = "get information"
)

// Error is one operation that failed: the kernel refused it, or it cannot be sent.
type Error struct {
	Operation Operation
	Object    string // such as "TCP 192.0.2.1:80"; empty if the operation has none
	Err       error  // a syscall.Errno if the kernel refused it
	Message   string // the kernel's extended acknowledgement; mostly empty
}

// Error returns the operation, the object, the reason, and the kernel's message if it sent one.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Operation))
	if e.Object != "" {
		b.WriteString(" " + e.Object)
	}
	b.WriteString(": " + e.Reason())
	if e.Message != "" {
		b.WriteString(" (" + e.Message + ")")
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Reason returns what ipvsadm prints for this error number in this operation.
func (e *Error) Reason() string {
	var errno syscall.Errno
	if !errors.As(e.Err, &errno) {
		return e.Err.Error()
	}
	for _, r := range reasons {
		if r.errno == errno && (r.operation == e.Operation || r.operation == "") {
			return r.reason
		}
	}
	// The C library's texts are Go's with a capital letter, for every number for which Go has a text.
	text := errno.Error()
	if text == fmt.Sprintf("errno %d", errno) {
		return fmt.Sprintf("Unknown error %d", errno)
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// reasons are what the original prints for an error number: in one operation or, with an empty one, in any.
var reasons = [...]struct {
	operation Operation
	errno     syscall.Errno
	reason    string
}{
	{OpAddService, syscall.EEXIST, "Service already exists"},
	{OpAddService, syscall.ENOENT, "Scheduler or persistence engine not found"},
	{OpEditService, syscall.ESRCH, "No such service"},
	{OpEditService, syscall.ENOENT, "Scheduler or persistence engine not found"},
	{OpDeleteService, syscall.ESRCH, "No such service"},
	{OpGetService, syscall.ESRCH, "No such service"},
	{OpListDestinations, syscall.ESRCH, "No such service"},
	{OpZero, syscall.ESRCH, "No such service"},
	{OpAddDestination, syscall.ESRCH, "Service not defined"},
	{OpAddDestination, syscall.EEXIST, "Destination already exists"},
	{OpEditDestination, syscall.ESRCH, "Service not defined"},
	{OpEditDestination, syscall.ENOENT, "No such destination"},
	{OpDeleteDestination, syscall.ESRCH, "Service not defined"},
	{OpDeleteDestination, syscall.ENOENT, "No such destination"},
	{OpStartDaemon, syscall.EEXIST, "Daemon has already run"},
	{OpStopDaemon, syscall.ESRCH, "No daemon is running"},
	{"", syscall.EPERM, "Permission denied (you must be root)"},
	{"", syscall.EINVAL, "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
	{"", syscall.ENOMEM, "Memory allocation problem"},
	{"", syscall.EMSGSIZE, "Module is wrong version"},
	{"", syscall.EOPNOTSUPP, "Operation not supported with IPv6"},
	{"", syscall.EAFNOSUPPORT, "Operation not supported with specified address family"},
	{"", syscall.Errno(133), "Memory page has hardware error"}, // EHWPOISON, for which Go has no text
}

// BatchError lists the changes of one Apply that failed. The kernel carried out all others.
type BatchError struct {
	Failures []Failure // in the order of the changes, at least one
}

// Failure is one failed change.
type Failure struct {
	Index int // of the change among those given to Apply
	Err   *Error
}

// Error returns the first failure, and how many there are if there are more.
func (e *BatchError) Error() string {
	if len(e.Failures) == 1 {
		return e.Failures[0].Err.Error()
	}
	return fmt.Sprintf("%d changes failed, the first: %v", len(e.Failures), e.Failures[0].Err)
}

// Unwrap returns the failures' errors.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, failure := range e.Failures {
		errs[i] = failure.Err
	}
	return errs
}

// asRefusal returns the kernel's refusal, if the error is one. An error of the socket itself has no sequence number of a
// request.
func asRefusal(err error) (refusal *netlink.OpError, ok bool) {
	if !errors.As(err, &refusal) || refusal.Sequence == 0 {
		return nil, false
	}
	return refusal, true
}
