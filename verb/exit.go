package verb

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// This file turns every error into a message, hints and an exit status. Errors come from four places:
//
//   - The classic grammar: a [command.Error] has the original's message and status, and hints.
//   - The kernel: an [ipvs.Error] has the original's message, which is its Reason. A [command.Hinted] may add hints.
//   - The lines of a file: package restore joins an error for each bad line. Each has its own message and hints.
//   - The verbs: failed and unavailable give an error a status.

// These exit statuses are the original's. [cli.Exit] gives an error a status.
const (
	statusFailed      = 1   // a listing, a save or the command line of a verb failed
	statusUnavailable = 2   // the kernel has no IPVS, or does not let us use it
	statusRefused     = 255 // the kernel refused a change; also every error without a status
)

// report prints an error and its hints on standard error and returns the exit status. Joined errors each get a message;
// the first one sets the status.
func (a *app) report(err error) int {
	if err == nil {
		return 0
	}
	joined := split(err)
	for _, err := range joined {
		if message(err) == "" { // a verb's status that is no failure
			continue
		}
		for line := range strings.SplitSeq(message(err), "\n") {
			fmt.Fprintln(a.stderr, command.Printable(line)) // a line of a file may hold control characters
		}
		a.hint(hints(err)...)
	}
	return status(joined[0])
}

// joinType is the type of the errors that errors.Join returns.
var joinType = reflect.TypeOf(errors.Join(errors.ErrUnsupported))

// split returns the errors that errors.Join joined. Other types with several errors inside have one message for all.
func split(err error) []error {
	if reflect.TypeOf(err) != joinType {
		return []error{err}
	}
	var all []error
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, split(err)...)
	}
	return all
}

// status returns the exit status of an error.
func status(err error) int {
	var coder cli.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return statusRefused
}

// message returns the message of an error, in the original's words if the kernel refused something. It looks behind
// statuses and hints, but not behind "file:3: ", which belongs to the message.
func message(err error) string {
	if coder, ok := err.(cli.ExitCoder); ok && errors.Unwrap(coder) != nil {
		err = errors.Unwrap(coder)
	}
	if hinted, ok := err.(*command.Hinted); ok {
		err = hinted.Err
	}
	switch err := err.(type) {
	case *ipvs.Error:
		return err.Reason()
	case *ipvs.BatchError:
		if len(err.Failures) == 1 {
			return err.Failures[0].Err.Reason()
		}
	}
	return err.Error()
}

// hints returns the likely causes of an error.
func hints(err error) []string {
	var parseError *command.Error
	var hinted *command.Hinted
	switch {
	case errors.As(err, &parseError):
		return parseError.Hints
	case errors.As(err, &hinted):
		return hinted.Hints
	default:
		return nil
	}
}

// hint prints hints. The original has none: a program that compares messages skips lines that begin with "hint: ".
func (a *app) hint(hints ...string) {
	for _, hint := range hints {
		fmt.Fprintln(a.stderr, "hint: "+command.Printable(hint))
	}
}

// failed gives an error the status of a listing or a save that failed. It returns nil for nil.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return cli.Exit(err, statusFailed)
}

// unavailable returns the error of a kernel that has no IPVS or does not let us use it.
func unavailable(err error) error {
	var refusal *ipvs.Error
	if !errors.As(err, &refusal) {
		refusal = &ipvs.Error{Err: err}
	}
	//lint:ignore ST1005 the words are the original's
	explained := fmt.Errorf("Can't initialize ipvs: %s\nAre you sure that IP Virtual Server is built in the kernel or as module?",
		refusal.Reason())
	if errors.Is(err, syscall.EPERM) && os.Geteuid() == 0 && !hasNetAdmin() {
		explained = &command.Hinted{Err: explained, Hints: []string{
			"this is root without the capability CAP_NET_ADMIN: a container needs it added"}}
	}
	return cli.Exit(explained, statusUnavailable)
}
