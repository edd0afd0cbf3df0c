package ipvs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// totalsFile holds the counters of the calling thread's network namespace.
const totalsFile = "/proc/thread-self/net/ip_vs_stats"

// Totals returns the counters of all services together, since IPVS was loaded. They count what services counted that were
// deleted since. errors.Is(err, fs.ErrNotExist) holds if the kernel does not know IPVS.
func Totals() (Counters, error) {
	file, err := os.Open(totalsFile)
	if err != nil {
		return Counters{}, fmt.Errorf("ipvs: %w", err)
	}
	defer file.Close()
	return ReadTotals(file)
}

// ReadTotals reads counters in the text form of /proc/net/ip_vs_stats: two lines of headings, and a line of hexadecimal
// numbers.
func ReadTotals(r io.Reader) (Counters, error) {
	lines := bufio.NewScanner(r)
	for range 3 {
		lines.Scan()
	}
	if err := lines.Err(); err != nil {
		return Counters{}, fmt.Errorf("ipvs: %w", err)
	}
	var c Counters
	counters := []*uint64{&c.Connections, &c.IncomingPackets, &c.OutgoingPackets, &c.IncomingBytes, &c.OutgoingBytes}
	fields := strings.Fields(lines.Text())
	if len(fields) != len(counters) {
		return Counters{}, fmt.Errorf("ipvs: the totals are not five numbers: %q", lines.Text())
	}
	for i, field := range fields {
		number, err := strconv.ParseUint(field, 16, 64)
		if err != nil {
			return Counters{}, fmt.Errorf("ipvs: the totals: %w", err)
		}
		*counters[i] = number
	}
	return c, nil
}
