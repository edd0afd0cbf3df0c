//go:build packages

package tests

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackagesDockerfile carries out the two stages of the Dockerfile here, and runs the image in a root that has nothing
// else.
func TestPackagesDockerfile(t *testing.T) {
	text := readFile(t, "../Dockerfile")
	run := regexp.MustCompile(`(?m)^RUN (.*)$`).FindStringSubmatch(text)
	stages := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1)
	if run == nil || len(stages) != 2 || stages[1][1] != "scratch" ||
		!strings.Contains(text, "COPY --from=build /image/usr/sbin/ /usr/sbin/\nENTRYPOINT [\"/usr/sbin/ipvsadm\"]\n") {
		t.Fatalf("this test does not know this Dockerfile:\n%s", text)
	}
	source, image := t.TempDir(), t.TempDir()
	mustOutput(t, "git", "clone", "--quiet", "--no-local", "..", source)
	build := exec.Command("sh", "-c", "cd '"+source+"' && VERSION=9.9 && unset MAKEFLAGS GOFLAGS && "+strings.ReplaceAll(run[1], "/image", image))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", run[1], err, out)
	}
	root := t.TempDir()
	mustOutput(t, "cp", "-a", filepath.Join(image, "usr"), root)
	if got := mustOutput(t, "chroot", root, "/usr/sbin/ipvsadm", "-v"); !strings.HasPrefix(got, "ipvsadm 9.9 ") {
		t.Errorf("the image printed %s", got)
	}
}

// TestPackagesContainer works as the README's container does: in a root with nothing but the program and /proc, and in a
// network namespace of its own, it lists the table of the namespace of process 1.
func TestPackagesContainer(t *testing.T) {
	needIPVS(t)
	line := regexp.MustCompile(`(?m)^    docker run --rm --privileged --pid host ipvsadm (.*)$`).FindStringSubmatch(readFile(t, "../README.md"))
	if line == nil {
		t.Fatal("the README does not run a container")
	}
	program := builtProgram(t)
	mustOutput(t, program, "-A", "-f", "4711", "-s", "wlc")
	defer mustOutput(t, program, "-D", "-f", "4711")
	root := t.TempDir()
	mustOutput(t, "sh", "-c", `mkdir -p "$0/usr/sbin" "$0/proc" && cp -P "$1"* "$0/usr/sbin"`, root, program)
	contain := func(words string) string {
		return mustOutput(t, "unshare", "--mount", "--net", "sh", "-c",
			`mount -t proc proc "$0/proc" && exec chroot "$0" /usr/sbin/ipvsadm `+words, root)
	}
	if got := contain(line[1]); !strings.Contains(got, "FWM  4711 wlc") {
		t.Errorf("ipvsadm %s in a container printed:\n%s", line[1], got)
	}
	if got := contain("-Ln"); strings.Contains(got, "4711") {
		t.Errorf("without --netns a container lists the host's table:\n%s", got)
	}
}
