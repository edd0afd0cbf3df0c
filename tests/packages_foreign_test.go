//go:build packages

package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackagesForeign runs the packaged program of each architecture under qemu: its version, and the check of a large
// file. The unit tests of the wire format run too: s390x has the other order of bytes. qemu has no sockets of netlink, so
// those of the socket do not. Error numbers differ between architectures, and that test is of amd64's.
func TestPackagesForeign(t *testing.T) {
	const services = 20000
	var large strings.Builder
	for i := range services {
		fmt.Fprintf(&large, "-A -t 10.%d.%d.1:80 -s wlc\n-a -t 10.%d.%d.1:80 -r 192.0.2.1:80 -m -w 7\n", i/200, i%200, i/200, i%200)
	}
	good, bad := large.String(), large.String()+"-a -t 10.0.0.1:80 -r 192.0.2.300:80\n"
	for architecture, debian := range map[string]string{"arm64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64el", "s390x": "s390x"} {
		t.Run(architecture, func(t *testing.T) {
			emulator := "qemu-" + strings.Replace(architecture, "arm64", "aarch64", 1) + "-static"
			root := t.TempDir()
			mustOutput(t, "dpkg-deb", "-x", onePath(t, packages+"/*_"+debian+".deb"), root)
			program := filepath.Join(root, "usr/sbin/ipvsadm")
			if got := mustOutput(t, emulator, program, "-v"); !strings.HasPrefix(got, "ipvsadm 1.1 ") {
				t.Errorf("-v printed %s", got)
			}
			check := func(rules string) (string, error) {
				command := exec.Command(emulator, program, "restore", "--test")
				command.Stdin = strings.NewReader(rules)
				out, err := command.CombinedOutput()
				return string(out), err
			}
			if out, err := check(good); err != nil {
				t.Errorf("--test of %d services: %v\n%s", services, err, out)
			}
			if out, err := check(bad); err == nil || !strings.Contains(out, fmt.Sprint(2*services+1)) {
				t.Errorf("--test of a file whose last line is wrong: %v\n%s", err, out)
			}

			command := exec.Command("go", "test", "-count=1", "-skip", "^TestEveryErrno$", "-exec", emulator, "../ipvs", "../restore")
			command.Env = append(os.Environ(), "GOARCH="+architecture)
			if out, err := command.CombinedOutput(); err != nil || strings.Count(string(out), "ok ") != 2 {
				t.Errorf("go test: %v\n%s", err, out)
			}
		})
	}
}
