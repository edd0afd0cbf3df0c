package ipvs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Origins are the entries of the connection table by where they come from: this machine's own, and those that a backup
// daemon received.
type Origins struct {
	Local, Synchronized int

	// Newest is how long ago the daemon last heard of one of its entries. It is negative if that is unknown: without such
	// entries, or if their states have timeouts that the kernel does not list.
	Newest time.Duration
}

const noAge = -1

// originTable is the connection table of the calling thread's network namespace, with the origin of each entry.
const originTable = "/proc/thread-self/net/ip_vs_conn_sync"

// ReadOrigins reads the origins of the entries in the connection table of the calling thread's network namespace. Its
// timeouts turn the time that is left to an entry into its age.
func ReadOrigins(timeouts Timeouts) (Origins, error) {
	file, err := os.Open(originTable)
	if err != nil {
		return Origins{}, fmt.Errorf("ipvs: %w", err)
	}
	defer file.Close()
	return CountOrigins(file, timeouts)
}

// CountOrigins is ReadOrigins for a table in the text form of /proc/net/ip_vs_conn_sync, whose lines end with the state, the
// origin and the time that is left:
//
//	TCP C0000201 C7B0 C0000201 0050 0A000009 0050 ESTABLISHED SYNC        897
func CountOrigins(table io.Reader, timeouts Timeouts) (Origins, error) {
	origins := Origins{Newest: noAge}
	ages := map[string]time.Duration{"ESTABLISHED": timeouts.TCP, "FIN_WAIT": timeouts.TCPFin, "UDP": timeouts.UDP}
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		state, origin, left := fields[len(fields)-3], fields[len(fields)-2], fields[len(fields)-1]
		switch origin {
		case "LOCAL":
			origins.Local++
		case "SYNC":
			origins.Synchronized++
			seconds, err := strconv.ParseUint(left, 10, 32)
			age := ages[state] - time.Duration(seconds)*time.Second
			if err == nil && age >= 0 && (origins.Newest == noAge || age < origins.Newest) {
				origins.Newest = age
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Origins{}, fmt.Errorf("ipvs: read the origins of connections: %w", err)
	}
	return origins, nil
}
