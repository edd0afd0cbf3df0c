package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// pane is a terminal of tmux, in which a shell runs on a host.
type pane struct {
	h      *host
	socket string
}

// newPane opens a terminal of 80 columns and 24 lines.
func (h *host) newPane(environment ...string) *pane {
	h.t.Helper()
	p := &pane{h, h.t.TempDir() + "/tmux"}
	p.tmux(append(append([]string{"new-session", "-d", "-x", "80", "-y", "24", "env"}, environment...), "PS1=# ", "bash", "--norc")...)
	h.t.Cleanup(func() { h.try("tmux", "-S", p.socket, "kill-server") })
	return p
}

func (p *pane) tmux(words ...string) string {
	p.h.t.Helper()
	return p.h.run(append([]string{"tmux", "-S", p.socket, "-f", "/dev/null"}, words...)...)
}

// press sends keys, by tmux's names for them.
func (p *pane) press(keys ...string) { p.tmux(append([]string{"send-keys"}, keys...)...) }

// wait waits until the screen has a text, and returns the screen.
func (p *pane) wait(text string) string {
	p.h.t.Helper()
	screen := ""
	if !poll(60*time.Second, func() bool { screen = p.tmux("capture-pane", "-p"); return strings.Contains(screen, text) }) {
		p.h.t.Fatalf("the screen lacks %q:\n%s", text, screen)
	}
	return screen
}

// TestTop compares the screen with the kernel's counters, presses keys, and wants the terminal to be as it was after q, ^C,
// ^Z and fg, and SIGTERM.
func TestTop(t *testing.T) {
	f := newFarm(t, "rr")
	f.ipvsadm("-e -t " + farmService + " -r 10.0.0.11 -m -w 7")
	f.weigh("web3", 0)
	for range 6 {
		f.mustConnect(f.from(clientAddress(1)))
	}
	p := f.director.newPane("LANG=C.UTF-8", "TERM=screen")
	p.press("stty -a > "+p.socket+".before; ipvsadm top -n", "Enter")
	screen := p.wait("192.0.2.100:80")
	for server, want := range map[string]string{
		"10.0.0.11:80": "7 88 - " + f.countsOf("web1"), // the share of the traffic is unknown, or that of the first second
		"10.0.0.12:80": "1 13 - " + f.countsOf("web2"),
		"10.0.0.13:80": "0 0 - " + f.countsOf("web3"),
	} {
		fields := strings.Fields(lineWith(screen, server))
		if len(fields) > 6 {
			fields[3] = "-"
		}
		if got := strings.Join(fields[min(1, len(fields)):min(6, len(fields))], " "); got != want {
			t.Errorf("%s: the screen says %q, want %q", server, got, want)
		}
	}
	if !strings.Contains(screen, "quick checks: no findings") {
		t.Errorf("the last line is not the findings:\n%s", screen)
	}
	p.press("?")
	p.wait("fold or unfold")
	p.press("x")
	p.wait("192.0.2.100:80")
	p.press("Down")
	p.press("c")
	p.wait("198.51.100.1")
	p.press("x")
	p.press("C-z")
	p.wait("Stopped")
	p.press("fg", "Enter")
	p.wait("192.0.2.100:80")
	p.tmux("resize-window", "-x", "120", "-y", "30")
	p.wait("PKT/S IN")
	p.press("q")
	same := func(after string) {
		t.Helper()
		p.press("stty -a > "+p.socket+".after; echo written", "Enter")
		eventually(t, 10*time.Second, "stty has written after "+after, func() bool {
			text, err := os.ReadFile(p.socket + ".after")
			return err == nil && len(text) > 0
		})
		before, now := readFile(t, p.socket+".before"), readFile(t, p.socket+".after")
		if size := strings.NewReplacer("rows 24; columns 80", "size", "rows 30; columns 120", "size"); size.Replace(before) != size.Replace(now) {
			t.Errorf("after %s the terminal is\n%s\nit was\n%s", after, now, before)
		}
		if err := os.Remove(p.socket + ".after"); err != nil {
			t.Fatal(err)
		}
	}
	same("q")
	for after, end := range map[string]func(){
		"^C":      func() { p.press("C-c") },
		"SIGTERM": func() { f.director.run("pkill", "-TERM", "-x", "ipvsadm") },
	} {
		p.press("clear; ipvsadm top -n", "Enter")
		p.wait("CONN/S")
		end()
		eventually(t, 10*time.Second, "top has ended", func() bool { _, status := f.director.try("pgrep", "-x", "ipvsadm"); return status != 0 })
		same(after)
	}
	p.press("clear; ipvsadm top -n", "Enter")
	p.wait("CONN/S")
	p.tmux("kill-server") // the terminal hangs up
	eventually(t, 10*time.Second, "top has ended with its terminal", func() bool { _, status := f.director.try("pgrep", "-x", "ipvsadm"); return status != 0 })
}

func lineWith(screen, text string) string {
	for line := range strings.Lines(screen) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

// TestTopBatch compares rates with the connections that were opened in between.
func TestTopBatch(t *testing.T) {
	f := newFarm(t, "rr")
	command := f.director.command("ipvsadm", "top", "--format", "json", "-n", "2")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.director.do(command.Start); err != nil {
		t.Fatal(err)
	}
	opened := 0
	documents := json.NewDecoder(out)
	connections := 0.0
	done := make(chan error, 1)
	go func() {
		for range 2 {
			var document struct {
				Interval float64 `json:"interval_seconds"`
				Services []struct {
					Connections float64 `json:"connections_per_second"`
					Servers     []struct {
						Connections float64 `json:"connections_per_second"`
					}
				}
			}
			if err := documents.Decode(&document); err != nil {
				done <- err
				return
			}
			service, sum := document.Services[0], 0.0
			for _, server := range service.Servers {
				sum += server.Connections
			}
			if d := sum - service.Connections; d > 0.01 || d < -0.01 {
				done <- fmt.Errorf("the servers have %v connections/s, the service %v", sum, service.Connections)
				return
			}
			connections += service.Connections * document.Interval
		}
		done <- command.Wait()
	}()
	for len(done) == 0 && opened < 300 { // a process may open a thousand files
		f.mustConnect(f.from(clientAddress(1)))
		opened++
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if connections <= 0 || connections > float64(opened) {
		t.Errorf("top counted %v connections of %d", connections, opened)
	}
	for words, want := range map[string]string{
		"":                       "top needs a terminal\n",
		"--batch --interval 1s":  "--interval 1s: use 2s or more",
		"--batch --sort port":    "--sort \"port\": use name or weight or",
		"--batch -n 0":           "-n 0: use a number above 0",
		"--batch -n 1 2":         "unexpected argument",
		"--format xml":           "--format \"xml\": use json",
		"--batch -t 192.0.2.9:1": "No such service",
	} {
		text, status := f.director.try(append([]string{"ipvsadm", "top"}, strings.Fields(words)...)...)
		if status != 1 || !strings.Contains(text, want) {
			t.Errorf("top %s: status %d, want 1 and %q:\n%s", words, status, want, text)
		}
	}
}
