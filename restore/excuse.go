package restore

import (
	"errors"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// applyAll applies the lines to the table. The error is a join of an *Error for each bad line, but not for lines that fail
// only because of an earlier bad line: those have an excuse.
func (t *table) applyAll(rules *Rules, excused excuses) error {
	var errs []error
	fail := func(number int, err error) { errs = append(errs, &Error{rules.Source, number, err}) }
	bad := rules.bad
	for i := range rules.Lines {
		line := &rules.Lines[i]
		for len(bad) > 0 && bad[0].Number < line.Number {
			fail(bad[0].Number, bad[0].err)
			t.applyBad(&bad[0].Line, excused)
			bad = bad[1:]
		}
		if err := t.apply(line); err != nil && !excused.cover(line.Command.Service.ServiceID, err.Err) {
			fail(line.Number, err)
		}
	}
	for _, last := range bad {
		fail(last.Number, last.err)
	}
	return errors.Join(errs...)
}

// applyBad does to the table what a bad line would surely have done, and adds excuses for what it may have done to the
// service that it names. The line has only the words before its mistake. If they do not name the service, later lines have
// no excuse: to report a consequence is better than to hide a second mistake.
func (t *table) applyBad(bad *Line, excused excuses) {
	id := bad.Command.Service.ServiceID
	switch kind := bad.Command.Kind; {
	case kind == command.AddServer:
		excused[excuse{id, syscall.ENOENT}] = true
	case kind == command.DeleteServer:
		excused[excuse{id, syscall.EEXIST}] = true
	case kind == command.Clear, kind == command.StopDaemon, isRule(kind) && id != ipvs.ServiceID{}:
		t.apply(bad) // an error would follow from the mistake
	case kind == command.DeleteService:
		excused[excuse{id, syscall.EEXIST}] = true
	}
}

// excuse is an errno that a later line about a service may get because of a bad line.
type excuse struct {
	service ipvs.ServiceID // zero for any service
	errno   error
}

type excuses map[excuse]bool

// excusesMissing excuse lines about services and servers that no line adds.
var excusesMissing = excuses{{errno: syscall.ESRCH}: true, {errno: syscall.ENOENT}: true}

// cover reports whether an errno has an excuse.
func (e excuses) cover(service ipvs.ServiceID, errno error) bool {
	return e[excuse{service, errno}] || e[excuse{errno: errno}]
}
