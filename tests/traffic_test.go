package tests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// machine is a namespace with one interface and its own link to the director.
type machine struct {
	namespace
	address string
}

// link joins a new namespace to the director, as machine number n of 10.0.n.0/24.
func (d *director) link(t *testing.T, n int) *machine {
	t.Helper()
	h := &machine{address: fmt.Sprintf("10.0.%d.2", n)}
	if err := h.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	there := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.file.Fd())
	gateway := fmt.Sprintf("10.0.%d.1", n)
	for _, step := range []struct {
		where *namespace
		line  string
	}{
		{&d.namespace, fmt.Sprintf("link add host%d type veth peer name eth0 netns %s", n, there)},
		{&d.namespace, fmt.Sprintf("addr add %s/24 dev host%d", gateway, n)},
		{&d.namespace, fmt.Sprintf("link set host%d up", n)},
		{&h.namespace, fmt.Sprintf("addr add %s/24 dev eth0", h.address)},
		{&h.namespace, "link set eth0 up"},
		{&h.namespace, "route add default via " + gateway},
	} {
		var out []byte
		err := step.where.do(func() (err error) {
			out, err = exec.Command("ip", strings.Fields(step.line)...).CombinedOutput()
			return err
		})
		if err != nil {
			t.Fatalf("ip %s: %v\n%s", step.line, err, out)
		}
	}
	return h
}

// forward gives the director the address of a service, and lets it forward.
func (d *director) forward(t *testing.T, vip string) {
	t.Helper()
	err := d.do(func() error {
		if err := exec.Command("ip", "addr", "add", vip+"/32", "dev", "lo").Run(); err != nil {
			return err
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// serve answers HTTP requests after 5 ms each.
func (h *machine) serve(t *testing.T) {
	t.Helper()
	var listener net.Listener
	err := h.do(func() (err error) {
		listener, err = net.Listen("tcp", h.address+":80")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(5 * time.Millisecond) // so that restores meet open connections
		io.WriteString(w, h.address)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}

// tally counts requests by their outcome.
type tally struct {
	sync.Mutex
	answers map[string]int // by the server that gave them
	lost    map[string]int // by the error
}

func (a *tally) answered() int { return sum(a.answers) }
func (a *tally) missing() int  { return sum(a.lost) }

func sum(counts map[string]int) (all int) {
	for _, n := range counts {
		all += n
	}
	return all
}

// requests are being sent by several clients until stop is called.
type requests struct {
	clients int
	ended   chan struct{} // receives when a request has ended
	stop    func() *tally
}

// startRequests sends requests from several clients. Each request has its own connection.
func (h *machine) startRequests(clients int, url string) *requests {
	const patience = 5 * time.Second
	counts := &tally{answers: make(map[string]int), lost: make(map[string]int)}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			err = h.do(func() error {
				conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
				return err
			})
			return conn, err
		},
	}}
	get := func() (string, error) {
		response, err := client.Get(url)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				body, err := get()
				counts.Lock()
				if err != nil {
					counts.lost[reason(err)]++
				} else {
					counts.answers[body]++
				}
				counts.Unlock()
				select {
				case ended <- struct{}{}:
				default: // nobody waits
				}
			}
		})
	}
	return &requests{clients, ended, func() *tally {
		cancel()
		all.Wait()
		return counts
	}}
}

// wait returns after every client could end a request.
func (r *requests) wait(t *testing.T) {
	t.Helper()
	limit := time.After(time.Minute)
	for range 2 * r.clients {
		select {
		case <-r.ended:
		case <-limit:
			t.Fatal("no request ends")
		}
	}
}

// reason returns why a request was lost, in a word or two.
func reason(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case os.IsTimeout(err):
		return "timeout"
	default:
		return err.Error()
	}
}

// TestRestoreUnderTraffic restores several files in turn, with the original and with this program, while HTTP requests go
// through the director. The files differ in the scheduler, weights, other services, and a server that is added, drained
// and deleted.
func TestRestoreUnderTraffic(t *testing.T) {
	d := newDirector(t)
	if _, err := os.Stat(original + "-restore"); err != nil {
		skipOutsideLab(t, "the original is not here: "+err.Error())
	}
	client := d.link(t, 0)
	var servers []*machine
	for n := range 3 {
		servers = append(servers, d.link(t, n+1))
		servers[n].serve(t)
	}
	const vip = "192.0.2.100"
	d.forward(t, vip)

	table := func(scheduler string, rest string, weights ...int) string {
		lines := fmt.Sprintf("-A -t %s:80 -s %s\n", vip, scheduler)
		for n, weight := range weights {
			if weight >= 0 {
				lines += fmt.Sprintf("-a -t %s:80 -r %s:80 -m -w %d\n", vip, servers[n].address, weight)
			}
		}
		return lines + rest
	}
	const gone = -1
	folder := t.TempDir()
	var files []string
	for i, text := range []string{
		table("wrr", "-A -f 1 -s rr\n", 1, 1, gone),
		table("wrr", "-A -f 2 -s rr\n-a -f 2 -r 10.0.9.9\n", 1, 3, 1),
		table("rr", "-A -f 2 -s wlc\n", 0, 1, 2), // drains the first, which the next file deletes
		table("wlc", "-A -f 1 -s rr\n-A -f 3 -s rr\n", gone, 2, 1),
		table("wrr", "-A -f 1 -s rr\n", 1, 1, 0), // drains the third, which the first file deletes
	} {
		files = append(files, filepath.Join(folder, fmt.Sprint(i)))
		writeFile(t, files[i], text)
	}

	// drained reports whether the servers of weight 0 have no active connections.
	drained := func() bool {
		for _, entry := range d.table(t) {
			for _, server := range entry.Destinations {
				if server.Weight == 0 && server.ActiveConnections > 0 {
					return false
				}
			}
		}
		return true
	}
	measure := func(name string, restore func(path string) outcome) *tally {
		d.mustRun(t, "ipvsadm-restore", "-f", files[0])
		requests := client.startRequests(4, "http://"+vip+"/")
		for i := range files {
			requests.wait(t)
			path := files[(i+1)%len(files)]
			if result := restore(path); result.status != 0 {
				t.Errorf("%s: %v", name, result)
			}
			requests.wait(t)
			poll(3*time.Second, drained) // a connection that the original lost stays active
		}
		counts := requests.stop()
		t.Logf("%s: %d restores, %d requests answered (%v), %d lost (%v)",
			name, len(files), counts.answered(), counts.answers, counts.missing(), counts.lost)
		return counts
	}
	theirs := measure("the original", func(path string) outcome { return d.exec(readFile(t, path), original+"-restore") })
	ours := measure("ours", func(path string) outcome { return d.run("", "ipvsadm-restore", "-f", path) })
	if ours.answered() < 40 || len(ours.answers) != len(servers) {
		t.Error("too few requests were answered to tell, or not by all servers")
	}
	if ours.missing() != 0 {
		t.Errorf("ours lost %d requests", ours.missing())
	}
	if theirs.missing() == 0 {
		t.Error("the original lost none, so this test tells nothing")
	}
}
