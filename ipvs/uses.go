package ipvs

import (
	"bytes"
	"os"
	"strconv"
)

// useCount watches how often the kernel's module ip_vs is in use: once for each service, of whichever namespace, and
// once more for a dump until its last datagram is on its way. So it tells what the kernel does not say of a dump: that
// services came or went meanwhile. (One that came and one that went between two looks are not seen.)
type useCount struct {
	file         *os.File
	before, last int
}

const moduleUses = "/sys/module/ip_vs/refcnt"

// watchUses begins to watch. It returns nil if the kernel does not tell, as where IPVS is built in.
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

// start is called before a dump begins.
func (u *useCount) start() {
	if u != nil {
		u.before = u.read()
		u.last = u.before + 1
	}
}

// moved tells, during a dump, whether services came or went, or may have.
func (u *useCount) moved() bool {
	if u == nil {
		return true
	}
	now := u.read()
	changed := now > u.last || now < u.before
	u.last = now
	return changed
}

// movedAtAll tells, after a dump, the same of the whole of it.
func (u *useCount) movedAtAll() bool { return u == nil || u.read() != u.before || u.before < 0 }

// read returns the count, and -1 if there is none.
func (u *useCount) read() int {
	var text [20]byte
	n, _ := u.file.ReadAt(text[:], 0) // which has an error, as that is the whole file
	count, err := strconv.Atoi(string(bytes.TrimSpace(text[:n])))
	if err != nil {
		return -1
	}
	return count
}
