package verb

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// The exit statuses, which are the original's. An error carries its status as a cli.ExitCoder, which cli.Exit makes.
const (
	statusFailed      = 1   // a listing, a save or the command line of a verb failed
	statusUnavailable = 2   // there is no IPVS to talk to
	statusRefused     = 255 // the kernel refused; every error without a status of its own
)

// report prints an error on standard error and returns the exit status, which is that of the first if several are joined.
func (a *app) report(err error) int {
	if err == nil {
		return 0
	}
	all := each(err)
	for _, err := range all {
		for line := range strings.SplitSeq(message(err), "\n") {
			fmt.Fprintln(a.stderr, command.Printable(line)) // it may quote a file's name, or a word of a file
		}
		a.hint(hints(err)...)
	}
	var coder cli.ExitCoder
	if errors.As(all[0], &coder) {
		return coder.ExitCode()
	}
	return statusRefused
}

// message returns the original's words for an error, if it has some.
func message(err error) string {
	if coder, ok := err.(cli.ExitCoder); ok && errors.Unwrap(coder) != nil { // and not one of the lines of a file
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

// each returns the errors that errors.Join joined, each of which has its own hints.
func each(err error) []error {
	if reflect.TypeOf(err) != reflect.TypeOf(errors.Join(err)) {
		return []error{err}
	}
	var all []error
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, each(err)...)
	}
	return all
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

// hint prints hints. They are no part of the original's messages, and programs may leave out lines that begin like this.
func (a *app) hint(hints ...string) {
	for _, hint := range hints {
		fmt.Fprintln(a.stderr, "hint: "+command.Printable(hint))
	}
}

// failed gives an error the status of a listing or a save that failed.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return cli.Exit(err, statusFailed)
}
