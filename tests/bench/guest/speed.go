//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
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

// speed measures the jobs one by one.
func (b *bench) speed() {
	b.makeRules(b.services)
	b.printf("\n| job | this | original | least possible | must be | met | output as the original's |\n" +
		"|---|---:|---:|---:|---|---|---|\n")
	row := func(job string, took, before, bound float64, how string, beside string, equal string) {
		b.printf("| %s | %.1f | %.1f | %s | at most %.1f: %s | %s | %s |\n", job, took, before, beside, bound, how,
			b.met(job, took <= bound), equal)
	}
	equal := func(change func([]byte) []byte, words ...string) string {
		job := "the output of ipvsadm " + words[0]
		return b.met(job, same(change, append([]string{ours}, words...), append([]string{original}, words...)))
	}

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
	row(fmt.Sprintf("`-R` of %d rules", b.services*(1+b.servers)), took, before, 1.4*floor, "1.4 x the least",
		fmt.Sprintf("%.1f", floor), made)

	// Listing it.
	before = b.time(nil, null, original, "-Ln")
	listing := b.time(nil, null, ours, "-Ln")
	floor = b.time(nil, null, least, "list")
	row("`-Ln`", listing, before, 1.4*floor, "1.4 x the least", fmt.Sprintf("%.1f", floor), equal(asIs, "-Ln"))
	for _, words := range [][]string{{"-Ln", "--stats"}, {"-Sn"}} {
		before = b.time(nil, null, append([]string{original}, words...)...)
		took = b.time(nil, null, append([]string{ours}, words...)...)
		job := words[0]
		if len(words) > 1 {
			job += " " + words[1]
		}
		row("`"+job+"`", took, before, 0.33*before, "0.33 x the original", "", equal(asIs, words...))
	}

	// Starting.
	var start float64
	for _, words := range [][]string{{"-L", "--timeout"}, {"-v"}} {
		before = b.time(nil, null, append([]string{original}, words...)...)
		start = b.time(nil, null, append([]string{ours}, words...)...)
		floor = b.time(nil, null, least, "nothing")
		as := "-"
		job := "`-v`"
		if len(words) > 1 {
			as = equal(asIs, words...)
			job = "`-L --timeout`"
		}
		row(job, start, before, 1.5*before, "1.5 x the original", fmt.Sprintf("%.1f", floor), as)
	}
	libraries := b.time(nil, null, linked)

	// Restoring the present table. Its bound is a listing plus parsing, with the start counted once. Parsing is the time of
	// -R for a file whose last line is wrong.
	must(os.WriteFile(wrongFile, []byte(read(rulesFile)+"-A\n"), 0o644))
	parsing := b.time(nil, wrongFile, ours, "-R") - start
	took = b.time(nil, rulesFile, ours+"-restore")
	row("`ipvsadm-restore` of what is there", took, 0, listing+parsing,
		fmt.Sprintf("`-Ln` + `-R`'s parsing (%.1f)", parsing), "", b.met("the table of ipvsadm-restore", string(output(original, "-Sn")) == want))

	// Listing connections.
	b.fill(b.connections)
	before = b.time(nil, null, original, "-Lnc")
	took = b.time(nil, null, ours, "-Lnc")
	floor = b.time(nil, null, "/bin/busybox", "cat", "/proc/net/ip_vs_conn")
	row(fmt.Sprintf("`-Lnc`, %d connections", b.connections), took, before, 1.3*floor, "1.3 x `cat` of the kernel's file",
		fmt.Sprintf("%.1f", floor), equal(withoutExpiry, "-Lnc"))

	// Checking the machine, which has the addresses of the services and is on the network of the servers.
	run(null, null, "/bin/busybox", "ip", "route", "add", "local", "10.0.0.0/9", "dev", "lo")
	run(null, null, "/bin/busybox", "ip", "route", "add", "10.128.0.0/9", "dev", "dummy0")
	checked := b.time(nil, null, ours, "check", "--fail-on", "never")
	row("`check`", checked, 0, 3*(listing+took), "3 x (`-Ln` + `-Lnc`)", "", "")
	b.printf("\nThe least possible is `tests/bench/least`; for `-Lnc` it is `cat`, for a start that of a Go program that does "+
		"nothing, which takes %.1f if it is linked with urfave/cli, tablewriter, genetlink and netlink. Connections are "+
		"compared without the column of seconds, which runs on.\n", libraries)
	os.Remove("/tmp/output")
}
