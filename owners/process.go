package owners

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// process is what counts about a running program.
type process struct {
	number  int
	name    string
	words   []string // its command line
	generic bool     // it has a socket of generic netlink
}

// inNamespace returns the processes in the calling thread's network namespace, in the order of their numbers. A process
// that ends meanwhile is left out.
func inNamespace(proc fs.FS) ([]process, error) {
	namespace, err := fs.ReadLink(proc, "thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	sockets, err := genericSockets(proc)
	if err != nil {
		return nil, err
	}
	directories, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil, err
	}
	var processes []process
	for _, directory := range directories {
		number, err := strconv.Atoi(directory.Name())
		if err != nil {
			continue
		}
		if other, err := fs.ReadLink(proc, path.Join(directory.Name(), "ns/net")); err != nil || other != namespace {
			continue
		}
		if p, err := readProcess(proc, directory.Name(), number, sockets); err == nil {
			processes = append(processes, p)
		}
	}
	slices.SortFunc(processes, func(a, b process) int { return a.number - b.number })
	return processes, nil
}

func readProcess(proc fs.FS, directory string, number int, sockets map[string]bool) (process, error) {
	name, err := fs.ReadFile(proc, path.Join(directory, "comm"))
	if err != nil {
		return process{}, err
	}
	line, err := fs.ReadFile(proc, path.Join(directory, "cmdline"))
	if err != nil {
		return process{}, err
	}
	p := process{number: number, name: strings.TrimSpace(string(name)), words: strings.Split(string(line), "\x00")}
	if p.name == "keepalived" {
		p.generic, err = hasAny(proc, path.Join(directory, "fd"), sockets)
	}
	return p, err
}

// hasAny reports whether a process has one of the sockets open.
func hasAny(proc fs.FS, directory string, sockets map[string]bool) (bool, error) {
	descriptors, err := fs.ReadDir(proc, directory)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(descriptors, func(descriptor fs.DirEntry) bool {
		target, err := fs.ReadLink(proc, path.Join(directory, descriptor.Name()))
		return err == nil && sockets[target]
	}), nil
}

// genericNetlink is the number of the protocol in the column Eth of /proc/net/netlink.
const genericNetlink = "16"

// genericSockets returns the sockets of generic netlink in the calling thread's network namespace, as the links in
// /proc/PID/fd name them.
func genericSockets(proc fs.FS) (map[string]bool, error) {
	text, err := fs.ReadFile(proc, "thread-self/net/netlink")
	if errors.Is(err, fs.ErrNotExist) { // a kernel without netlink has no IPVS either
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sockets := make(map[string]bool)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[1] == genericNetlink {
			sockets["socket:["+fields[len(fields)-1]+"]"] = true
		}
	}
	return sockets, lines.Err()
}
