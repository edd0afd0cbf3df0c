package system

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"ipvsadm/check"
)

// programs lists the running programs that rules look for, in this network namespace. A program whose namespace this user may
// not see counts.
func programs() ([]check.Program, error) {
	here, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	directories, err := proc.Readdirnames(0)
	if err != nil {
		return nil, err
	}
	wanted := check.ProgramNames()
	var all []check.Program
	for _, directory := range directories {
		process, err := strconv.Atoi(directory)
		if err != nil {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join("/proc", directory, "comm")) // no file if the process has ended
		name := string(bytes.TrimSpace(comm))
		if !slices.Contains(wanted, name) {
			continue
		}
		namespace, err := os.Readlink(filepath.Join("/proc", directory, "ns/net"))
		if namespace == here || errors.Is(err, fs.ErrPermission) {
			all = append(all, check.Program{Name: name, Process: process})
		}
	}
	slices.SortFunc(all, func(a, b check.Program) int { return a.Process - b.Process })
	return all, nil
}
