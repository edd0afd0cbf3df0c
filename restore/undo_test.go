package restore

import (
	"errors"
	"fmt"
	"testing"

	"ipvsadm/command"
)

// TestUndoOwn has lines that undo the plan's own changes, and lines that would undo those of others.
func TestUndoOwn(t *testing.T) {
	var done []*Line
	for _, line := range readGood(t, `
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1
-E -f 2 -s rr
-e -f 3 -r 192.0.2.1 -w 4
-d -f 3 -r 192.0.2.2
-D -f 4
-Z -f 6`).Lines {
		done = append(done, &line)
	}
	mine := touchedBy(done)
	for _, line := range readGood(t, `
-D -f 1
-d -f 1 -r 192.0.2.1
-E -f 2 -s wlc
-e -f 3 -r 192.0.2.1
-a -f 3 -r 192.0.2.2
-A -f 4 -s wlc
-a -f 4 -r 192.0.2.3`).Lines {
		if !mine.has(line) {
			t.Errorf("not the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
	for _, line := range readGood(t, `
-D -f 6
-e -f 2 -r 192.0.2.1
-E -f 3 -s rr
-e -f 3 -r 192.0.2.3
-A -f 5 -s wlc
-D -f 1 -6`).Lines {
		if mine.has(line) {
			t.Errorf("the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
}

func TestWithoutGone(t *testing.T) {
	gone := &Error{"rules", 1, refusal(&command.Command{Kind: command.DeleteServer}, 2)}
	goneService := &Error{"rules", 2, refusal(&command.Command{Kind: command.DeleteService}, 3)}
	denied := &Error{"rules", 3, refusal(&command.Command{Kind: command.DeleteService}, 1)}
	missing := &Error{"rules", 4, refusal(&command.Command{Kind: command.EditServer}, 2)}
	if err := withoutGone(errors.Join(gone, goneService)); err != nil {
		t.Errorf("what is gone already: %v", err)
	}
	if err := withoutGone(nil); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := withoutGone(errors.Join(gone, denied, missing)); fmt.Sprint(err) != fmt.Sprint(errors.Join(denied, missing)) {
		t.Errorf("of four: %v", err)
	}
}
