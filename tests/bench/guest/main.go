//go:build linux

// Guest is the part of the bench that runs inside its kernel. It runs this program, the original and the least program on
// the same tables, times them by the kernel's clock, compares their output, and writes the report to standard output and
// its progress to standard error.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// The programs, where ../run puts them.
const (
	ours     = "/bench/ipvsadm"
	original = "/bench/original"
	least    = "/bench/least"
	linked   = "/bench/linked"
)

func main() {
	if len(os.Args) > 3 && os.Args[1] == residentVerb {
		writeResident(os.Args[2], os.Args[3:])
	}
	debug.SetGCPercent(-1) // no garbage collection of our own during a measurement
	b := &bench{
		services:    setting("SERVICES"),
		servers:     setting("SERVERS"),
		connections: setting("CONNECTIONS"),
		runs:        setting("RUNS"),
	}
	b.heading()
	for part := range strings.FieldsSeq(os.Getenv("PARTS")) {
		switch part {
		case "speed":
			b.speed()
		case "shapes":
			b.shapes()
		case "growth":
			b.growth(100, 1000, 10_000)
		case "names":
			b.names()
		case "formats":
			b.formats()
		case "memory":
			b.memory(setting("MANY_RULES"), setting("MANY_CONNECTIONS"))
		default:
			must(fmt.Errorf("unknown part %s", part))
		}
	}
	b.printf("\n%s\n", b.verdict())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func setting(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	must(err)
	return n
}

type bench struct {
	services, servers, connections, runs int
	missed                               []string
	filled                               int // connections in the kernel's table
}

func (b *bench) printf(format string, values ...any) {
	_, err := fmt.Printf(format, values...)
	must(err)
}

// met returns the word for the table, and records a target that is not met.
func (b *bench) met(job string, ok bool) string {
	if ok {
		return "yes"
	}
	b.missed = append(b.missed, job)
	return "**no**"
}

func (b *bench) verdict() string {
	if len(b.missed) == 0 {
		return "Every target is met."
	}
	return "Not met: " + strings.Join(b.missed, "; ") + "."
}

func (b *bench) heading() {
	clock := "The clock is tied to the instructions of one emulated processor: a millisecond is a million of them. The " +
		"processor lacks erms and fsrm: with them the clock would count an instruction for each byte that the kernel " +
		"clears or copies, which no hardware does."
	if os.Getenv("ICOUNT") == "0" {
		clock = "The clock is the wall's (ICOUNT=0), on two emulated processors: for a look, not to compare by."
	}
	b.printf("# As fast as the kernel allows\n\n"+
		"`make bench` wrote this. Milliseconds in a guest of QEMU (%s), Linux %s, this program %s, the original %s. %s\n"+
		"The median of %d runs, from fork to wait, of %d services of %d servers and %d connections.\n",
		os.Getenv("QEMU"), strings.TrimSpace(read("/proc/sys/kernel/osrelease")), os.Getenv("VERSION"),
		os.Getenv("ORIGINAL"), clock, b.runs, b.services, b.servers, b.connections)
}
