package restore

import (
	"errors"
	"maps"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// change does to the table what the lines would do to the kernel's. The error is a join of an *Error for each bad line.
func (t *table) change(rules *Rules, known doubts) error {
	var errs []error
	fail := func(number int, err error) { errs = append(errs, &Error{rules.Source, number, err}) }
	bad := rules.bad
	for i := range rules.Lines {
		line := &rules.Lines[i]
		for len(bad) > 0 && bad[0].Number < line.Number {
			fail(bad[0].Number, bad[0].err)
			t.doubt(&bad[0].Line, known)
			bad = bad[1:]
		}
		if err := t.apply(line); err != nil && !known.explain(line.Command.Service.ServiceID, err.Err) {
			fail(line.Number, err)
		}
	}
	for _, last := range bad {
		fail(last.Number, last.err)
	}
	return errors.Join(errs...)
}

// doubt is an errno that a line about a service may get because of a bad line, not by its own fault.
type doubt struct {
	service ipvs.ServiceID // zero for any service
	errno   error
}

type doubts map[doubt]bool

// missing is what may be missing because the line that adds it is unknown.
var missing = doubts{{errno: syscall.ESRCH}: true, {errno: syscall.ENOENT}: true}

// explain reports whether a bad line may be the reason of an errno.
func (d doubts) explain(service ipvs.ServiceID, errno error) bool {
	return d[doubt{service, errno}] || d[doubt{errno: errno}]
}

// doubt does to the table what a bad line would surely do, and notes what it may do. The line is as much as was
// understood of it.
func (t *table) doubt(bad *Line, known doubts) {
	id := bad.Command.Service.ServiceID
	switch kind := bad.Command.Kind; {
	case kind == command.AddServer:
		known[doubt{id, syscall.ENOENT}] = true
	case kind == command.DeleteServer:
		known[doubt{id, syscall.EEXIST}] = true
	case kind == command.Clear, kind == command.StopDaemon, isRule(kind) && id != ipvs.ServiceID{}:
		t.apply(bad) // its error would follow from this one
	case kind == command.DeleteService:
		known[doubt{id, syscall.EEXIST}] = true
	case kind == command.AddService, kind == command.None:
		maps.Copy(known, missing)
	}
}
