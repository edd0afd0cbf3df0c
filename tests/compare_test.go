package tests

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCompare runs the scripts in testdata/compare. Each has two network namespaces, one for the original and one for
// this program. Besides testscript's own commands there are
//
//	both [!] [<FILE] WORD...   run "ipvsadm WORD..." under both programs and compare status, output and tables.
//	                           It must succeed, or fail after a !
//	connections WORD...        the same, to succeed, with the lines sorted and without the seconds left to connections
//	lines FILE                 the same for each line of a file, which may succeed or fail
//	matrix RULES FILE FILE     the same for each line of the first file followed by each line of the second, each on
//	                           the table that the rules make
//	ours WORD...               run only this program; "stdout" and "stderr" match what it prints
//	ours-file FILE WORD...     the same, with a file as its standard input
//	each PROGRAM WORD...       run another program in both namespaces
//	send PORT ADDRESS FILE     send a file as a UDP datagram from a port to an address in both namespaces
//	await PATTERN WORD...      run "ipvsadm WORD..." in both namespaces until its output matches
//	await-daemons              wait until the sync daemons have begun to work
//	backup NUMBER DATA         send the backup daemons in both namespaces a connection of 11.0.0.NUMBER with engine
//	                           data, which is a Go string without its quotes
//
// In lines and matrix files a # begins a comment, and single quotes keep the spaces of a word.
func TestCompare(t *testing.T) {
	needOriginal(t)
	ours := builtProgram(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/compare",
		Setup: func(env *testscript.Env) error {
			pair, err := openPair(ours, env.WorkDir)
			if err != nil {
				return err
			}
			env.Defer(pair.close)
			env.Values[pairKey{}] = pair
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"both":          both,
			"connections":   connections,
			"lines":         lines,
			"matrix":        matrix,
			"ours":          oursAlone,
			"ours-file":     oursWithFile,
			"each":          each,
			"send":          send,
			"backup":        backup,
			"await":         await,
			"await-daemons": awaitDaemons,
		},
	})
}

type pairKey struct{}

func pairOf(ts *testscript.TestScript) *pair { return ts.Value(pairKey{}).(*pair) }

func both(ts *testscript.TestScript, neg bool, words []string) {
	var stdin string
	mustFail := len(words) > 0 && words[0] == "!"
	if mustFail {
		words = words[1:]
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "<") {
		stdin = ts.ReadFile(words[0][1:])
		words = words[1:]
	}
	compare(ts, mustFail, stdin, nil, words)
}

var timeLeft = regexp.MustCompile(`\d\d:\d\d `)

func connections(ts *testscript.TestScript, neg bool, words []string) {
	compare(ts, false, "", func(stdout string) string {
		lines := slices.Sorted(strings.Lines(timeLeft.ReplaceAllString(stdout, "??:?? ")))
		return strings.Join(lines, "")
	}, words)
}

func compare(ts *testscript.TestScript, mustFail bool, stdin string, normalize func(string) string, words []string) {
	result, err := pairOf(ts).compare(stdin, normalize, words...)
	ts.Check(err)
	ts.Logf("%s", result)
	if (result.status != 0) != mustFail {
		ts.Fatalf("ipvsadm %q: status %d of both", words, result.status)
	}
}

func lines(ts *testscript.TestScript, neg bool, words []string) {
	differences := 0
	for _, line := range wordLines(ts, words[0]) {
		if _, err := pairOf(ts).compare("", nil, line...); err != nil {
			ts.Logf("%v", err)
			differences++
		}
	}
	if differences > 0 {
		ts.Fatalf("%d lines of %s differ", differences, words[0])
	}
}

func matrix(ts *testscript.TestScript, neg bool, words []string) {
	p := pairOf(ts)
	reset := func() {
		for _, space := range []*space{&p.originalSpace, &p.oursSpace} {
			for _, verb := range []string{"-C", "-R"} {
				_, err := p.run(space, original, ts.ReadFile(words[0]), verb)
				ts.Check(err)
			}
		}
	}
	state := func() state {
		state, err := p.originalSpace.state()
		ts.Check(err)
		return state
	}
	reset()
	table := state()
	count, differences := 0, 0
	for _, line := range wordLines(ts, words[1]) {
		for _, option := range wordLines(ts, words[2]) {
			line := append(line[:len(line):len(line)], option...)
			if _, err := p.compare("", nil, line...); err != nil {
				ts.Logf("%v", err)
				differences++
			}
			count++
			if diffStates(table, state()) != "" {
				reset()
			}
		}
	}
	ts.Logf("%d lines", count)
	if differences > 0 {
		ts.Fatalf("%d lines differ", differences)
	}
}

// wordLines splits the lines of a file into words. It leaves out empty lines and comments.
func wordLines(ts *testscript.TestScript, file string) [][]string {
	var lines [][]string
	for line := range strings.Lines(ts.ReadFile(file)) {
		if words := split(line); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			lines = append(lines, words)
		}
	}
	return lines
}

var word = regexp.MustCompile(`(?:[^\s']|'[^']*')+`)

// split splits a line into words, as a shell does that has only spaces and single quotes.
func split(line string) []string {
	words := word.FindAllString(line, -1)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "'", "")
	}
	return words
}

func oursAlone(ts *testscript.TestScript, neg bool, words []string) { runOurs(ts, neg, "", words) }

func oursWithFile(ts *testscript.TestScript, neg bool, words []string) {
	runOurs(ts, neg, ts.ReadFile(words[0]), words[1:])
}

func runOurs(ts *testscript.TestScript, neg bool, stdin string, words []string) {
	p := pairOf(ts)
	program := p.ours
	if len(words) > 0 && (words[0] == "ipvsadm-save" || words[0] == "ipvsadm-restore") {
		program, words = filepath.Join(filepath.Dir(p.ours), words[0]), words[1:]
	}
	result, err := p.run(&p.oursSpace, program, stdin, words...)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), result.stdout)
	fmt.Fprint(ts.Stderr(), result.stderr)
	if (result.status != 0) != neg {
		ts.Fatalf("%q: %s", words, result)
	}
}

func each(ts *testscript.TestScript, neg bool, words []string) {
	p := pairOf(ts)
	for _, space := range []*space{&p.originalSpace, &p.oursSpace} {
		result, err := p.run(space, words[0], "", words[1:]...)
		ts.Check(err)
		if (result.status != 0) != neg {
			ts.Fatalf("%q: %s", words, result)
		}
	}
}

func send(ts *testscript.TestScript, neg bool, words []string) {
	port, err := strconv.Atoi(words[0])
	ts.Check(err)
	to, err := net.ResolveUDPAddr("udp", words[1])
	ts.Check(err)
	p := pairOf(ts)
	for _, space := range []*space{&p.originalSpace, &p.oursSpace} {
		ts.Check(space.do(func() error {
			conn, err := net.DialUDP("udp", &net.UDPAddr{Port: port}, to)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = io.WriteString(conn, ts.ReadFile(words[2]))
			return err
		}))
	}
}

func await(ts *testscript.TestScript, neg bool, words []string) {
	pattern, err := regexp.Compile(words[0])
	ts.Check(err)
	p := pairOf(ts)
	for _, space := range []*space{&p.originalSpace, &p.oursSpace} {
		var result outcome
		found := poll(20*time.Second, func() bool {
			result, err = p.run(space, original, "", words[1:]...)
			ts.Check(err)
			return pattern.MatchString(result.stdout)
		})
		if !found {
			ts.Fatalf("ipvsadm %q: no output matches %s: %s", words[1:], pattern, result)
		}
	}
}

// awaitDaemons exists because a daemon that is stopped before it has begun to work makes the original hang: the kernel
// answers it EINTR. A new thread of the kernel gives up the processor once for its maker, and again when it has no work.
func awaitDaemons(ts *testscript.TestScript, neg bool, words []string) {
	switches := regexp.MustCompile(`(?m)^Name:\tipvs-[mb]:(?s:.*)^voluntary_ctxt_switches:\t[01]$`)
	working := poll(20*time.Second, func() bool {
		threads, err := filepath.Glob("/proc/[0-9]*/status")
		ts.Check(err)
		return !slices.ContainsFunc(threads, func(path string) bool {
			status, err := os.ReadFile(path)
			return err == nil && switches.Match(status)
		})
	})
	if !working {
		ts.Fatalf("a sync daemon does not begin to work")
	}
}

func backup(ts *testscript.TestScript, neg bool, words []string) {
	number, err := strconv.ParseUint(words[0], 10, 8)
	ts.Check(err)
	data, err := strconv.Unquote(`"` + words[1] + `"`)
	ts.Check(err)
	message := syncMessage(byte(number), data)
	p := pairOf(ts)
	for _, space := range []*space{&p.originalSpace, &p.oursSpace} {
		ts.Check(space.do(func() error {
			conn, err := net.Dial("udp", "224.0.0.81:8848")
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.Write(message); err != nil {
				return err
			}
			line := fmt.Sprintf("\nUDP 0B0000%02X ", number)
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
				table, err := os.ReadFile("/proc/thread-self/net/ip_vs_conn")
				if err != nil {
					return err
				}
				if strings.Contains(string(table), line) {
					return nil
				}
			}
			return errors.New("the backup daemon added no connection within 10 s")
		}))
	}
}

// syncMessage returns a version 1 sync message with one persistence template of a SIP service. Its layout is struct
// ip_vs_sync_mesg and ip_vs_sync_v4 in the kernel's net/netfilter/ipvs/ip_vs_sync.c.
func syncMessage(number byte, data string) []byte {
	const engine, header, connection = "sip", 8, 36
	size := connection + 2 + len(data) + 2 + len(engine)
	padding := -size & 3
	b := []byte{0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(header+size+padding))
	b = append(b, 1, 1, 0, 0) // one connection, version 1
	b = append(b, 0, 17)      // IPv4, UDP
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = binary.BigEndian.AppendUint32(b, 0x1000) // a template
	b = binary.BigEndian.AppendUint16(b, 0)      // no state
	for _, port := range []uint16{1000, 5060, 5060} {
		b = binary.BigEndian.AppendUint16(b, port)
	}
	b = binary.BigEndian.AppendUint32(b, 0)    // no firewall mark
	b = binary.BigEndian.AppendUint32(b, 5400) // seconds until it expires
	b = append(b, 11, 0, 0, number, 10, 1, 0, 1, 10, 2, 0, 1)
	b = append(append(b, 2, byte(len(data))), data...)     // IPVS_OPT_PE_DATA
	b = append(append(b, 3, byte(len(engine))), engine...) // IPVS_OPT_PE_NAME
	return append(b, make([]byte, padding)...)
}
