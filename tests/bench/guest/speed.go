//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	rulesFile = "/tmp/rules"
	wrongFile = "/tmp/wrong"
)

// makeRules writes the rules of a table to rulesFile.
func (b *bench) makeRules(services int) {
	run(null, rulesFile, least, "rules", strconv.Itoa(services), strconv.Itoa(b.servers))
}

// empty clears the table, and waits until the kernel has freed its memory.
func empty() {
	run(null, null, original, "-C")
	time.Sleep(time.Second)
}

// fillTable makes a table with the least program. The first table of a size costs the kernel half as much as every later
// one, because its per-CPU allocator finds room sooner. So do not measure the first.
func (b *bench) fillTable(services int) {
	empty()
	run(null, null, least, "restore", strconv.Itoa(services), strconv.Itoa(b.servers))
}

// target is the most that a job may take: a factor of something measured in the same run.
type target struct {
	factor    float64
	reference float64
	name      string
}

// speedHeading begins a table whose rows row writes.
const speedHeading = "\n| job | this | original | least possible | must be | met | output as the original's |\n" +
	"|---|---:|---:|---:|---|---|---|\n"

// row writes a job with its time, and the original's and the least possible if they are not zero.
func (b *bench) row(job string, took, before, floor float64, equal string, targets ...target) {
	cell := func(n float64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f", n)
	}
	var bounds []string
	met, ok := "", true
	for _, t := range targets {
		bounds = append(bounds, fmt.Sprintf("at most %.1f: %g x %s", t.factor*t.reference, t.factor, t.name))
		ok = ok && took <= t.factor*t.reference
	}
	if len(targets) > 0 {
		met = b.met(job, ok)
	}
	b.printf("| %s | %.1f | %s | %s | %s | %s | %s |\n", job, took, cell(before), cell(floor), strings.Join(bounds, "; "), met, equal)
}

// equal reports in a word whether this program prints the same as the original.
func (b *bench) equal(job string, change func([]byte) []byte, words ...string) string {
	return b.met("the output of "+job, same(change, append([]string{ours}, words...), append([]string{original}, words...)))
}

// listing measures a listing of both programs, and writes its row. The targets get the original's time.
func (b *bench) listing(job string, floor float64, targets func(before float64) []target, words ...string) float64 {
	before := b.time(nil, null, append([]string{original}, words...)...)
	took := b.time(nil, null, append([]string{ours}, words...)...)
	b.row(job, took, before, floor, b.equal(job, asIs, words...), targets(before)...)
	return took
}

// ofOriginal returns the target of a factor of the original's time.
func ofOriginal(factor float64) func(float64) []target {
	return func(before float64) []target { return []target{{factor, before, "the original"}} }
}

// speed measures the jobs one by one.
func (b *bench) speed() {
	b.makeRules(b.services)
	b.printf(speedHeading)

	// Making a table.
	b.fillTable(b.services)
	before := b.time(empty, rulesFile, original, "-R")
	want := string(output(original, "-Sn"))
	took := b.time(empty, rulesFile, ours, "-R")
	made := b.met("the table of ipvsadm -R", string(output(original, "-Sn")) == want)
	floor := b.time(empty, null, least, "restore", strconv.Itoa(b.services), strconv.Itoa(b.servers))
	if string(output(original, "-Sn")) != want {
		must(fmt.Errorf("the least program makes a different table"))
	}
	b.row(fmt.Sprintf("`-R` of %d rules", b.services*(1+b.servers)), took, before, floor, made, target{1.4, floor, "the least"})

	// Listing it.
	floor = b.time(nil, null, least, "list")
	listing := b.listing("`-Ln`", floor, func(float64) []target { return []target{{1.5, floor, "the least"}} }, "-Ln")
	b.listing("`-Ln --stats`", 0, ofOriginal(0.6), "-Ln", "--stats")
	b.listing("`-Sn`", 0, ofOriginal(0.6), "-Sn")

	// Starting.
	nothing := b.time(nil, null, least, "nothing")
	libraries := b.time(nil, null, linked)
	b.listing("`-L --timeout`", nothing, func(float64) []target { return nil }, "-L", "--timeout")
	before = b.time(nil, null, original, "-v")
	start := b.time(nil, null, ours, "-v")
	b.row("`-v`", start, before, nothing, "-", target{1.1, libraries, "a program that only links the libraries"})

	// Restoring the present table. Its bound is a listing plus parsing, with the start counted once. Parsing is the time of
	// -R for a file whose last line is wrong.
	must(os.WriteFile(wrongFile, []byte(read(rulesFile)+"-A\n"), 0o644))
	parsing := b.time(nil, wrongFile, ours, "-R") - start
	took = b.time(nil, rulesFile, ours+"-restore")
	b.row("`ipvsadm-restore` of what is there", took, 0, 0,
		b.met("the table of ipvsadm-restore", string(output(original, "-Sn")) == want),
		target{1.1, listing + parsing, fmt.Sprintf("(`-Ln` + `-R`'s parsing, %.1f)", parsing)})

	// Listing connections.
	b.fill(b.connections)
	before = b.time(nil, null, original, "-Lnc")
	took = b.time(nil, null, ours, "-Lnc")
	floor = b.time(nil, null, "/bin/busybox", "cat", "/proc/net/ip_vs_conn")
	job := fmt.Sprintf("`-Lnc`, %d connections", b.connections)
	b.row(job, took, before, floor, b.equal(job, withoutExpiry, "-Lnc"), target{1.35, floor, "`cat` of the kernel's file"})

	// Checking the machine, which has the addresses of the services and is on the network of the servers.
	run(null, null, "/bin/busybox", "ip", "route", "add", "local", "10.0.0.0/9", "dev", "lo")
	run(null, null, "/bin/busybox", "ip", "route", "add", "10.128.0.0/9", "dev", "dummy0")
	checked := b.time(nil, null, ours, "check", "--fail-on", "never")
	b.row("`check`", checked, 0, 0, "-", target{3, listing + took, "(`-Ln` + `-Lnc`)"})
	b.printf("\nThe least possible is `tests/bench/least`; for `-Lnc` it is `cat`, for a start that of a Go program that does "+
		"nothing. One that is linked with urfave/cli, tablewriter, genetlink and netlink takes %.1f. Connections are "+
		"compared without the column of seconds, which runs on.\n", libraries)
	os.Remove("/tmp/output")
}

// shapes measures listings of tables of other shapes.
func (b *bench) shapes() {
	b.printf("\nTables of other shapes:\n" + speedHeading)
	for _, shape := range []struct {
		services, servers int
		ofOriginal        float64 // most of the original's time for -Ln
		full              bool    // whether there are more targets
	}{{80, 25, 0.6, true}, {2, 1000, 0.6, true}, {1, 5000, 0.6, true}, {10, 4, 1.1, false}, {1, 4, 1.6, false}} {
		empty()
		run(null, null, least, "restore", strconv.Itoa(shape.services), strconv.Itoa(shape.servers))
		of := fmt.Sprintf(", %d of %d", shape.services, shape.servers)
		floor := b.time(nil, null, least, "list")
		b.listing("`-Ln`"+of, floor, func(before float64) []target {
			if !shape.full {
				return ofOriginal(shape.ofOriginal)(before)
			}
			return append(ofOriginal(shape.ofOriginal)(before), target{1.8, floor, "the least"})
		}, "-Ln")
		if shape.full {
			b.listing("`-Ln --stats`"+of, 0, ofOriginal(shape.ofOriginal), "-Ln", "--stats")
			b.listing("`-Sn`"+of, 0, ofOriginal(shape.ofOriginal), "-Sn")
		}
	}
	empty()
}
