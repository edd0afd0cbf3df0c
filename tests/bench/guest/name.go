//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// names measures a listing with names. Every server has a name in a DNS server of our own. Ports have none, because there is
// no services file.
func (b *bench) names() {
	const services, servers = 75, 4
	empty()
	run(null, null, least, "restore", strconv.Itoa(services), strconv.Itoa(servers))
	must(os.WriteFile("/etc/resolv.conf", []byte("nameserver 127.0.0.1\n"), 0o644))
	b.printf("\n| `-L` of %d servers, the resolver | seconds | must be | met | each address asked once |\n|---|---:|---|---|---|\n",
		services*servers)

	dns := serve()
	row := func(resolver string, bound float64) []byte {
		dns.asked = make(map[string]int)
		start := time.Now()
		text := output(ours, "-L")
		took := time.Since(start).Seconds()
		once := len(dns.asked) > 0
		for _, times := range dns.asked {
			once = once && times == 1
		}
		b.printf("| %s | %.2f | at most %.0f | %s | %s |\n", resolver, took, bound, b.met("names: "+resolver, took <= bound),
			b.met("names: once", once))
		return text
	}
	dns.delay = 100 * time.Millisecond
	if text := row("takes 100 ms", 2); strings.Count(string(text), "  -> host") != services*servers {
		must(fmt.Errorf("names are missing:\n%s", text))
	}
	dns.delay = 0
	text := row("never answers", 6)
	if numbers := output(ours, "-Ln"); !bytes.Equal(text, numbers) {
		must(fmt.Errorf("the listing does not have the addresses:\n%s", text))
	}
	empty()
}

// server is a DNS server that has a name for every address, or never answers.
type server struct {
	mu    sync.Mutex
	asked map[string]int // the number of times for each question
	delay time.Duration  // zero means never
}

func serve() *server {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53})
	must(err)
	s := &server{asked: make(map[string]int)}
	go func() {
		for {
			question := make([]byte, 512)
			n, client, err := conn.ReadFromUDP(question)
			must(err)
			go s.answer(conn, client, question[:n])
		}
	}()
	return s
}

func (s *server) answer(conn *net.UDPConn, client *net.UDPAddr, question []byte) {
	const header = 12
	end := header + bytes.IndexByte(question[header:], 0) + 1 + 4 // of the name, its type and class
	s.mu.Lock()
	s.asked[string(question[header:end])]++
	name := fmt.Sprintf("host%d", len(s.asked))
	delay := s.delay
	s.mu.Unlock()
	if delay == 0 {
		return
	}
	time.Sleep(delay)
	answer := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, question[header:end]...)
	answer = append(answer, 0xc0, header, 0, 12, 0, 1, 0, 0, 0, 60, 0, byte(len(name)+2), byte(len(name)))
	answer = append(append(answer, name...), 0)
	_, err := conn.WriteToUDP(answer, client)
	must(err)
}
