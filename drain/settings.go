package drain

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// settingsDirectory holds the kernel's settings of IPVS for the network namespace of this process.
const settingsDirectory = "/proc/sys/net/ipv4/vs"

// settings are the kernel's settings that decide how a drain goes.
type settings struct {
	expireTemplates   bool // expire_quiescent_template: persistent clients leave a server of weight 0
	expireConnections bool // expire_nodest_conn: the connections of a deleted server end at once
	reusePorts        int  // conn_reuse_mode: 0 if a client's port that is used again leads to the same server
}

// readSettings reads the settings. A container may lack the files: then the kernel's defaults count.
func readSettings(directory string) (settings, error) {
	var all settings
	read := func(name string, preset int) (int, error) {
		text, err := os.ReadFile(filepath.Join(directory, name))
		if errors.Is(err, fs.ErrNotExist) {
			return preset, nil
		}
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(text)))
	}
	templates, err := read("expire_quiescent_template", 0)
	if err != nil {
		return all, err
	}
	connections, err := read("expire_nodest_conn", 0)
	if err != nil {
		return all, err
	}
	all.reusePorts, err = read("conn_reuse_mode", 1)
	all.expireTemplates, all.expireConnections = templates != 0, connections != 0
	return all, err
}
