//go:build linux

package main

import "strconv"

// growth measures the cost of a service in tables of different sizes. The least program's cost is the kernel's share.
func (b *bench) growth(sizes ...int) {
	runs := b.runs
	b.runs = 1 // long jobs vary little
	defer func() { b.runs = runs }()
	start := b.time(nil, null, ours, "-L", "--timeout")
	nothing := b.time(nil, null, least, "nothing")
	b.printf("\nMicroseconds a service of %d servers, and without the start of the program:\n\n"+
		"| services | `-R` | of which the kernel | of which this | `-Ln` | of which the kernel | of which this | does not rise |\n"+
		"|---:|---:|---:|---:|---:|---:|---:|---|\n", b.servers)
	// This program's cost of a service in the smallest table.
	var firstMade, firstListed float64
	for i, services := range sizes {
		each := func(took, start float64) float64 { return 1000 * (took - start) / float64(services) }
		b.makeRules(services)
		b.fillTable(services)
		made := each(b.time(empty, rulesFile, ours, "-R"), start)
		madeLeast := each(b.time(empty, null, least, "restore", strconv.Itoa(services), strconv.Itoa(b.servers)), nothing)
		listed := each(b.time(nil, null, ours, "-Ln"), start)
		listedLeast := each(b.time(nil, null, least, "list"), nothing)
		if i == 0 {
			firstMade, firstListed = made-madeLeast, listed-listedLeast
		}
		const little = 1.1
		ok := made-madeLeast <= little*firstMade && listed-listedLeast <= little*firstListed
		b.printf("| %d | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %s |\n", services, made, madeLeast, made-madeLeast,
			listed, listedLeast, listed-listedLeast, b.met("growth to "+strconv.Itoa(services)+" services", ok))
	}
	empty()
}
