package system

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"ipvsadm/check"
)

// counters reads the kernel's counters of this network namespace that rules judge.
func counters() (map[string]uint64, error) {
	all := make(map[string]uint64)
	for _, name := range []string{"netstat", "snmp"} {
		text, err := os.ReadFile("/proc/thread-self/net/" + name)
		if err != nil {
			return nil, err
		}
		addCounters(all, text)
	}
	text, err := os.ReadFile("/proc/thread-self/net/stat/nf_conntrack")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all[check.CountConntrackDrops] = conntrackDrops(text)
	return all, nil
}

// addCounters adds the counters of pairs of lines: "Icmp: InMsgs OutMsgs" and "Icmp: 3 4" are Icmp.InMsgs and Icmp.OutMsgs.
func addCounters(all map[string]uint64, text []byte) {
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j := 1; j < len(names) && j < len(values); j++ {
			if value, err := strconv.ParseUint(values[j], 10, 64); err == nil {
				all[strings.TrimSuffix(names[0], ":")+"."+names[j]] = value
			}
		}
	}
}

// conntrackDrops returns how many packets connection tracking dropped because it was full. A line of hexadecimal numbers for
// each processor follows the names.
func conntrackDrops(text []byte) uint64 {
	var drops uint64
	var columns []int
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if columns == nil {
			columns = []int{slices.Index(fields, "drop"), slices.Index(fields, "early_drop")}
			continue
		}
		for _, column := range columns {
			if column >= 0 && column < len(fields) {
				value, _ := strconv.ParseUint(fields[column], 16, 64) // a name is no number
				drops += value
			}
		}
	}
	return drops
}
