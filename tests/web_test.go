package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newWebs returns the web servers web1 and web2, whose addresses in the segment end in 11 and 12 behind a prefix such as
// "10.0.0.". They serve nothing yet.
func newWebs(t *testing.T, s *segment, prefix string) []*host {
	t.Helper()
	return []*host{
		newHost(t, "web1").join(s, "eth0", prefix+"11/24"),
		newHost(t, "web2").join(s, "eth0", prefix+"12/24"),
	}
}

// serve runs a web server on the host. It has one page.
func (h *host) serve(page, address string) (stop func()) {
	h.t.Helper()
	root := h.t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte(page), 0o644); err != nil {
		h.t.Fatal(err)
	}
	stop = h.start("busybox", "httpd", "-f", "-p", address, "-h", root)
	address = strings.Replace(address, "0.0.0.0", "127.0.0.1", 1)
	eventually(h.t, 10*time.Second, "a web server on "+h.name, func() bool {
		conn, err := h.dial("", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return stop
}

// serveTLS is serve for HTTPS.
func (h *host) serveTLS(page, address string) {
	h.t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, page)
	}))
	err := h.do(func() (err error) {
		server.Listener.Close()
		server.Listener, err = net.Listen("tcp4", address)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	server.StartTLS()
	h.t.Cleanup(server.Close)
}

// serveClients runs a web server whose page is the host's name and the client's address.
func (h *host) serveClients(address string) {
	h.t.Helper()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		client, _, _ := net.SplitHostPort(request.RemoteAddr)
		fmt.Fprintf(w, "%s:%s", h.name, client)
	})}
	var listener net.Listener
	err := h.do(func() (err error) {
		listener, err = net.Listen("tcp4", address)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	go server.Serve(listener)
	h.t.Cleanup(func() { server.Close() })
}

// curl sends n requests in turn, each on its own connection, and returns the pages.
func (h *host) curl(n int, url string, words ...string) (answers, error) {
	words = append([]string{"curl", "--silent", "--show-error", "--fail", "--insecure", "--noproxy", "*",
		"--header", "Connection: close", "--write-out", "\n", "--connect-timeout", "3", "--max-time", "5"}, words...)
	for range n {
		words = append(words, url)
	}
	out, status := h.try(words...)
	if status != 0 {
		return nil, fmt.Errorf("curl %s: status %d: %s", url, status, out)
	}
	return strings.Fields(out), nil
}

// mustGet sends n requests, which must all be answered, and returns the pages.
func (h *host) mustGet(n int, url string) answers {
	h.t.Helper()
	got, err := h.curl(n, url)
	if err != nil || len(got) != n {
		h.t.Fatalf("%s: %d requests: %v, %v", h.name, n, got, err)
	}
	return got
}

// answers lists who answered, request by request.
type answers []string

func (a answers) count() map[string]int {
	counts := map[string]int{}
	for _, who := range a {
		counts[who]++
	}
	return counts
}

// alternate reports whether two servers took turns.
func (a answers) alternate() bool {
	for i := 2; i < len(a); i++ {
		if a[i] != a[i-2] {
			return false
		}
	}
	return len(a.count()) == 2
}

func wantCounts(t *testing.T, what string, got answers, want map[string]int) {
	t.Helper()
	t.Logf("%s: %s", what, strings.Join(got, " "))
	if diff := cmp.Diff(want, got.count()); diff != "" {
		t.Errorf("%s: wanted (-) and got (+) differ:\n%s", what, diff)
	}
}

// mustHold opens a connection that stays open, because its request lacks the last line. It returns the connection and the
// real server that the director lists for it.
func (h *host) mustHold(director *host, from, to string) (net.Conn, string) {
	h.t.Helper()
	conn, err := h.dial(from, to)
	if err != nil {
		h.t.Fatalf("a connection to hold: %v", err)
	}
	h.t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
	for _, c := range director.connections() {
		if c.client == conn.LocalAddr().String() && c.virtual == to {
			return conn, c.server
		}
	}
	h.t.Fatalf("the listing lacks the connection of %s to %s", conn.LocalAddr(), to)
	return nil, ""
}

// finish sends the last line of a held request and returns the page.
func finish(conn net.Conn) (string, error) {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	page, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(page), err
}

// mustAsk sends a request without curl, which is quicker, and from a chosen address.
func (h *host) mustAsk(from, to string) string {
	h.t.Helper()
	conn, err := h.dial(from, to)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
	page, err := finish(conn)
	if err != nil {
		h.t.Fatalf("request from %s to %s: %v", from, to, err)
	}
	return page
}
