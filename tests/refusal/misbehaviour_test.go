package refusal

import (
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// misbehaviours alter the datagrams of an answer. Those with tables set alter only dumps.
var misbehaviours = []struct {
	name   string
	tables bool
	alter  func(datagrams [][]byte) [][]byte
}{
	{"a reply to another request", false, each(func(b []byte) []byte { b[8]++; return b })},
	{"a reply of another family", false, each(func(b []byte) []byte { b[4]++; return b })},
	{"a truncated message", false, each(func(b []byte) []byte { return b[:len(b)-4] })},
	{"half a header", false, each(func(b []byte) []byte { return b[:8] })},
	{"nothing", false, each(func(b []byte) []byte { return b[:0] })},
	{"a message of length zero", false, each(func(b []byte) []byte { binary.NativeEndian.PutUint32(b, 0); return b })},
	{"an overrun", false, each(func(b []byte) []byte { b[4], b[5] = 4, 0; return b })},
	{"more than the buffer holds", false, func([][]byte) [][]byte { return [][]byte{nil} }},
	{"a table that changes during every dump", true, each(func(b []byte) []byte { b[6] |= 0x10; return b })},
	{"an attribute longer than its message", true, each(func(b []byte) []byte { b[min(20, len(b)-1)] += 100; return b })},
}

func each(alter func([]byte) []byte) func([][]byte) [][]byte {
	return func(datagrams [][]byte) [][]byte {
		for i := range datagrams {
			datagrams[i] = alter(datagrams[i])
		}
		return datagrams
	}
}

// The commands that read a table, and the others.
var (
	tables = []string{"-Ln", "-Ln --format json", "-Ln --format table", "-Ln" + service, "-L --daemon", "-Sn", "save -n", "restore <<<-C"}
	others = []string{"-L --timeout", "-A" + service + " -s rr", "-Z", "-R <<<-C"}
)

const headings = `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
`

// TestMisbehaviour gives each command wrong answers. The program fails with one line of error and prints at most headings.
func TestMisbehaviour(t *testing.T) {
	needTrap(t)
	for _, misbehaviour := range misbehaviours {
		commands := tables
		if !misbehaviour.tables {
			commands = append(others, tables...)
		}
		for _, command := range commands {
			asked := 0
			out, err := run(exec.Command("/bin/bash", "-c", ours+" "+command+"; echo -n status $?"), func(_ string, messages []byte) ([][]byte, error) {
				answers, err := answer(messages, request{}, 0)
				if asked++; asked > 2 { // the first two ask for the family and its version
					answers = misbehaviour.alter(answers)
				}
				return answers, err
			})
			text, status, _ := strings.Cut(string(out), "status ")
			text = strings.TrimPrefix(text, headings)
			if err != nil || status != "1" && status != "255" || strings.Count(text, "\n") != 1 {
				t.Errorf("%s: ipvsadm %s: status %s, %v: %s", misbehaviour.name, command, status, err, text)
			}
		}
	}
}

// TestNoAnswer interrupts commands that the kernel does not answer.
func TestNoAnswer(t *testing.T) {
	needTrap(t)
	for _, command := range append(tables, others...) {
		asked := 0
		out, err := run(exec.Command("/bin/bash", "-c", ours+" "+command+"; echo -n status $?"), func(process string, messages []byte) ([][]byte, error) {
			switch asked++; {
			case asked <= 2:
				return answer(messages, request{}, 0)
			case asked > 3: // a second interrupt, while the first is reported, would end the program without a word
				return nil, nil
			}
			thread, err := strconv.Atoi(filepath.Base(process))
			if err != nil {
				return nil, err
			}
			return nil, unix.Kill(thread, unix.SIGINT)
		})
		want := "status 130"
		if strings.HasPrefix(command, "restore") {
			want = "interrupted by SIGINT: nothing was changed\n" + want
		}
		if err != nil || string(out) != want {
			t.Errorf("ipvsadm %s: %v: %s", command, err, out)
		}
	}
}

// TestNoAcknowledgement interrupts a restore whose change the kernel does not acknowledge. The restore undoes the change
func TestNoAcknowledgement(t *testing.T) {
	needTrap(t)
	asked := 0 // requests for the table after the change
	out, err := run(exec.Command("/bin/bash", "-c", ours+" restore <<<-C; echo -n status $?"), func(process string, messages []byte) ([][]byte, error) {
		switch [2]byte{messages[4], messages[unix.SizeofNlMsghdr]} { // the family and the command of the first message
		case [2]byte{family, deleteService}:
			thread, err := strconv.Atoi(filepath.Base(process))
			if err != nil {
				return nil, err
			}
			asked = 0
			return nil, unix.Kill(thread, unix.SIGINT)
		case [2]byte{family, getService}:
			asked++
		}
		return answer(messages, request{}, 0)
	})
	text, status, _ := strings.Cut(string(out), "status ")
	if err != nil || status != "130" || text != "interrupted by SIGINT: the table is as it was before\n" || asked == 0 {
		t.Errorf("%v, status %s, after %d requests for the table: %s", err, status, asked, text)
	}
}
