package tests

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var listingTime = flag.Duration("listing.time", 20*time.Second, "how long TestListingDuringChanges lists")

// TestListingDuringChanges lists a table in every format while three programs change it. One adds and deletes services,
// one deletes and adds services within one restore, one changes the weights of servers. No listing may fail. Each shows
// every lasting service with its three servers. A service that comes and goes is added with its servers in their order, so
// no listing may show its second server without the first. For a longer run:
//
//	go test -exec "$PWD/tests/lab/run" ./tests -run TestListingDuringChanges -listing.time 10m
func TestListingDuringChanges(t *testing.T) {
	d := newDirector(t)
	unchanged, weighed, coming, restored := sequence(1, 60), sequence(61, 64), sequence(101, 104), sequence(201, 204)
	lasting := slices.Concat(unchanged, weighed, restored)
	d.restore(t, allNumbered(lasting))

	ctx, cancel := context.WithTimeout(t.Context(), *listingTime)
	defer cancel()
	over, end := context.WithCancel(t.Context())
	var changers sync.WaitGroup
	defer changers.Wait()
	defer end()
	changes := make([]int, 3)
	change := func(i int, stdin string, words ...string) {
		if result := d.run(stdin, words[0], words[1:]...); result.status != 0 {
			t.Errorf("%q: %s", words, result)
		}
		changes[i]++
	}
	changers.Go(func() {
		var gone strings.Builder
		for _, service := range coming {
			fmt.Fprintf(&gone, "-D -t 192.0.2.%d:80\n", service)
		}
		for over.Err() == nil {
			change(0, allNumbered(coming), "ipvsadm", "-R")
			change(0, gone.String(), "ipvsadm", "-R")
		}
	})
	changers.Go(func() {
		// --noflush leaves the other programs' services alone.
		var edits [2]strings.Builder
		for _, service := range restored {
			for weight := range edits {
				fmt.Fprintf(&edits[weight], "-D -t 192.0.2.%d:80\n%s", service, strings.ReplaceAll(numbered(service), "-w 1", fmt.Sprintf("-w %d", 1+weight)))
			}
		}
		for over.Err() == nil {
			change(1, edits[1].String(), "ipvsadm-restore", "--noflush")
			change(1, edits[0].String(), "ipvsadm-restore", "--noflush")
		}
	})
	changers.Go(func() {
		for weight := 1; over.Err() == nil; weight = 3 - weight {
			for _, service := range weighed {
				change(2, "", "ipvsadm", "-e", "-t", fmt.Sprintf("192.0.2.%d:80", service),
					"-r", fmt.Sprintf("10.0.2.%d:80", service), "-m", "-w", fmt.Sprint(weight))
			}
		}
	})

	listings := 0
	for listings == 0 || ctx.Err() == nil { // every format at least once
		for _, words := range [][]string{
			{"-Ln"}, {"-Ln", "--stats"}, {"-Ln", "--rate"}, {"-Ln", "--thresholds"}, {"-Ln", "--persistent-conn"},
			{"-Ln", "--tun-info"}, {"-Ln", "--stats", "--exact"}, {"-Ln", "--nosort"}, {"-Sn"},
			{"-Ln", "--format", "table"}, {"-Ln", "--format", "json"}, {"-Ln", "-t", "192.0.2.61:80"},
			{"-Lnc"}, {"-Lnc", "--format", "json"}, {"-L", "--timeout"}, {"-L", "--daemon"},
		} {
			output := d.mustRun(t, "ipvsadm", words...)
			listings++
			listing, err := readListing(output)
			switch {
			case err != nil:
			case slices.Contains(words, "-t"):
				err = listing.check(weighed[:1], nil)
			case words[0] == "-Lnc" || words[0] == "-L": // no services
				err = listing.check(nil, nil)
			default:
				err = listing.check(lasting, coming)
			}
			if err != nil {
				t.Fatalf("ipvsadm %q, after %d listings: %v\n%s", words, listings, err, output)
			}
		}
	}
	end()
	changers.Wait()
	t.Logf("%d listings beside %d, %d and %d changes by three programs", listings, changes[0], changes[1], changes[2])
	if slices.Min(changes) < 5 {
		t.Errorf("too few changes to tell: %d", changes)
	}
}

// listed maps each service of a listing to its servers, all by their numbers.
type listed map[int][]int

var (
	serviceAddress = regexp.MustCompile(`192\.0\.2\.(\d+):80\b`)
	serverAddress  = regexp.MustCompile(`10\.0\.(\d+)\.(\d+):80\b`)
)

// readListing reads a listing in any format. Every format prints a service and then its servers.
func readListing(text string) (listed, error) {
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		if !json.Valid([]byte(text)) {
			return nil, errors.New("it is not JSON")
		}
		text = jsonEndpoints(text)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, errors.New("its last line is not whole")
	}
	all := make(listed)
	for line := range strings.Lines(text) {
		var service, server, of int
		if found := serviceAddress.FindStringSubmatch(line); found != nil {
			fmt.Sscan(found[1], &service)
		}
		if found := serverAddress.FindStringSubmatch(line); found != nil {
			fmt.Sscan(found[1]+" "+found[2], &server, &of)
		}
		switch {
		case server != 0 && service != 0 && of != service, server != 0 && all[of] == nil:
			return nil, fmt.Errorf("server %d of service %d is under another service: %s", server, of, line)
		case server != 0:
			all[of] = append(all[of], server)
		case service != 0 && all[service] != nil:
			return nil, fmt.Errorf("service %d is listed twice", service)
		case service != 0:
			all[service] = []int{}
		}
	}
	return all, nil
}

// jsonEndpoints returns the endpoints of services and servers in a JSON listing, one per line.
func jsonEndpoints(text string) string {
	var b strings.Builder
	found := regexp.MustCompile(`"address": *"((?:192\.0\.2|10\.0\.\d+)\.\d+)"`).FindAllStringSubmatch(text, -1)
	for _, endpoint := range found {
		b.WriteString(endpoint[1] + ":80\n")
	}
	b.WriteString("\n")
	return b.String()
}

// check fails unless every service of whole has its three servers. A service of partly may be missing, or lack its last
// servers. No other service may be listed.
func (s listed) check(whole, partly []int) error {
	for _, service := range whole {
		servers, there := s[service]
		slices.Sort(servers)
		if !there {
			return fmt.Errorf("service %d is missing", service)
		}
		if !slices.Equal(servers, []int{1, 2, 3}) {
			return fmt.Errorf("service %d has the servers %v", service, servers)
		}
	}
	for service, servers := range s {
		slices.Sort(servers)
		switch {
		case slices.Contains(whole, service):
		case !slices.Contains(partly, service):
			return fmt.Errorf("service %d is listed, and is not expected", service)
		case !slices.Equal(servers, sequence(1, len(servers))):
			return fmt.Errorf("service %d has the servers %v", service, servers)
		}
	}
	return nil
}

// TestListingDuringResize lists a table while the kernel moves all services between a small hash table and a large one.
// Linux 7.2 does so when their number changes, and when its load factor changes. Other kernels have no such setting.
func TestListingDuringResize(t *testing.T) {
	d := newDirector(t)
	var services strings.Builder
	for i := range 200 {
		fmt.Fprintf(&services, "-A -t 10.0.0.%d:80 -s rr\n", i+1)
	}
	d.restore(t, services.String())

	const factor = "/proc/sys/net/ipv4/vs/svc_lfactor" // the load at which the kernel resizes
	over, end := context.WithCancel(t.Context())
	var mover sync.WaitGroup
	defer mover.Wait()
	defer end()
	mover.Go(func() {
		err := d.do(func() error {
			for over.Err() == nil {
				for _, value := range []string{"-8", "8"} {
					err := os.WriteFile(factor, []byte(value), 0)
					if errors.Is(err, fs.ErrNotExist) {
						return nil
					}
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	for range 30 {
		if d.wantSaved(t, services.String()); t.Failed() {
			return
		}
	}
}

// TestConcurrentRestores runs two restores at once, of tables that share services and of tables that do not. Both end, and
// the table is one of the two, or one restore reports that it failed.
func TestConcurrentRestores(t *testing.T) {
	d := newDirector(t)
	failed := 0
	const rounds = 10
	for round := range rounds {
		files := []string{allNumbered(sequence(1, 60)), strings.ReplaceAll(allNumbered(sequence(31, 90)), "-w 1", "-w 2")}
		if round%2 == 1 {
			files[1] = allNumbered(sequence(101, 160))
		}
		d.mustRun(t, "ipvsadm", "-C")
		var both sync.WaitGroup
		var results [2]outcome
		for i := range files {
			both.Go(func() { results[i] = d.run(files[i], "ipvsadm-restore") })
		}
		both.Wait()
		table := d.mustRun(t, "ipvsadm", "-Sn")
		if results[0].status != 0 || results[1].status != 0 {
			failed++
			for _, result := range results {
				if result.status != 0 && result.stderr == "" {
					t.Errorf("round %d: a restore failed without a message: %s", round, result)
				}
			}
			continue
		}
		if !slices.ContainsFunc(files, func(file string) bool { return sameLines(file, table) }) {
			t.Errorf("round %d: both restores succeeded, and the table is neither's:\n%s", round, table)
		}
	}
	t.Logf("%d rounds, in %d of which a restore failed", rounds, failed)
}
