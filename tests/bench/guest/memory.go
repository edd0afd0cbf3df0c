//go:build linux

package main

import "fmt"

// memory measures the memory of the largest jobs.
func (b *bench) memory(rules, connections int) {
	b.fill(fewConnections)
	few := resident(null, ours, "-Lnc")
	check := []string{ours, "check", "--fail-on", "never"}
	fewChecked := resident(null, check...)
	b.printf("\n| memory | MiB | must be | met |\n|---|---:|---|---|\n")
	row := func(job string, size, bound float64) {
		b.printf("| %s | %.1f | at most %.1f | %s |\n", job, size, bound, b.met("memory of "+job, size <= bound))
	}
	b.makeRules(rules / (1 + b.servers))
	empty()
	row(fmt.Sprintf("`-R` of %d rules", rules), resident(rulesFile, ours, "-R"), 200)
	row(fmt.Sprintf("`ipvsadm-restore` of %d rules that are there", rules), resident(rulesFile, ours+"-restore"), 200)
	empty()
	row(fmt.Sprintf("`ipvsadm-restore` of %d rules", rules), resident(rulesFile, ours+"-restore"), 200)
	empty()

	row(fmt.Sprintf("`-Lnc` of %d connections", b.filled), few, 16)
	b.fill(connections)
	row(fmt.Sprintf("`-Lnc` of %d connections", b.filled), resident(null, ours, "-Lnc"), min(16, few+noise))
	row(fmt.Sprintf("`check` of %d connections", b.filled), resident(null, check...), fewChecked+checkNoise)
	b.printf("\nTwo listings of connections differ by at most %.2f MiB for the same number of them.\n", noise)
}

// fewConnections is the number to compare many connections with, unless the table already has more.
const fewConnections = 10_000

// noise is the difference between two runs of the same listing, in MiB.
const noise = 0.5

// checkNoise is the difference between two checks, in MiB: the garbage collector has more to do.
const checkNoise = 2
