package ipvs

import (
	"bytes"
	"os"
	"strconv"
)

// moduleUse holds how often the kernel's module ip_vs is in use: once for each service of every namespace, and once more
// during a dump until its last datagram is on its way.
const moduleUse = "/sys/module/ip_vs/refcnt"

// useCount watches that number during a dump, to notice services that come or go. It misses one that comes and one that
// goes between two looks. A nil useCount notices nothing, and so reports that something may have moved.
type useCount struct {
	file         *os.File
	before, last int
}

// watchUses begins to watch. It returns nil if there is no such file, as where IPVS is built into the kernel.
func watchUses(path string) *useCount {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	return &useCount{file: file}
}

func (u *useCount) close() {
	if u != nil {
		_ = u.file.Close()
	}
}

// estimate returns about how many services there are, to make room for them.
func (u *useCount) estimate() int {
	if u == nil {
		return 0
	}
	return min(max(u.read(), 0), 4096)
}

// start precedes a dump.
func (u *useCount) start() {
	if u != nil {
		u.before = u.read()
		u.last = u.before + 1
	}
}

// moved reports during a dump whether services came or went, or may have.
func (u *useCount) moved() bool {
	if u == nil {
		return true
	}
	now := u.read()
	changed := now > u.last || now < u.before
	u.last = now
	return changed
}

// movedAtAll reports after a dump whether services came or went during it, or may have.
func (u *useCount) movedAtAll() bool { return u == nil || u.read() != u.before || u.before < 0 }

// read returns the count, or -1 if it cannot be read.
func (u *useCount) read() int {
	var text [20]byte
	n, _ := u.file.ReadAt(text[:], 0) // which fails with io.EOF, as the file is shorter
	count, err := strconv.Atoi(string(bytes.TrimSpace(text[:n])))
	if err != nil {
		return -1
	}
	return count
}
