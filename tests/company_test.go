package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// companyTime is how long programs keep each other company: IPVSADM_COMPANY, or a minute.
func companyTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("IPVSADM_COMPANY")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// home is a pair of which this program alone is run, in one namespace.
func home(t *testing.T) *pair {
	t.Helper()
	p := needPair(t)
	p.directory = t.TempDir()
	if err := p.oursSpace.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.oursSpace.close)
	return &p
}

// do runs this program, or ipvsadm-save or -restore.
func (p *pair) do(stdin string, words ...string) (said, error) {
	return p.run(&p.oursSpace, filepath.Join(filepath.Dir(p.ours), words[0]), stdin, words[1:]...)
}

// must runs this program, which must not fail.
func (p *pair) must(t *testing.T, stdin string, words ...string) string {
	t.Helper()
	said, err := p.do(stdin, words...)
	if err != nil || said.status != 0 || said.stderr != "" {
		t.Fatalf("%q: %v\n%s", words, err, said)
	}
	return said.stdout
}

// The services of the test, with servers 1, 2 and 3 each, of weight 1. A server's address ends as its service's does,
// so that a server under a service that is not its own is seen.
func withServers(service int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-A -t 192.0.2.%d:80 -s rr\n", service)
	for server := 1; server <= 3; server++ {
		fmt.Fprintf(&b, "-a -t 192.0.2.%d:80 -r 10.0.%d.%d:80 -m -w 1\n", service, server, service)
	}
	return b.String()
}

func withServersOf(services []int) string {
	var b strings.Builder
	for _, service := range services {
		b.WriteString(withServers(service))
	}
	return b.String()
}

func numbers(from, to int) (all []int) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

// TestCompany lists a table in every format while three programs change it: one deletes and makes services, one does
// so whole tables at a time by ipvsadm-restore, one changes the weights of servers that stay. No listing may fail. All
// show each service that stays, with its three servers; and a service that comes and goes with none but its own, of
// which the second is never there without the first, as they are made in that order.
func TestCompany(t *testing.T) {
	p := home(t)
	staying, swaying, coming, restored := numbers(1, 60), numbers(61, 64), numbers(101, 104), numbers(201, 204)
	p.must(t, withServersOf(slices.Concat(staying, swaying, restored)), "ipvsadm", "-R")

	ctx, cancel := context.WithTimeout(t.Context(), companyTime(t))
	defer cancel()
	over, end := context.WithCancel(t.Context())
	var changers sync.WaitGroup
	defer changers.Wait()
	defer end()
	changes := make([]int, 3)
	change := func(i int, stdin string, words ...string) {
		said, err := p.do(stdin, words...)
		if err != nil || said.status != 0 {
			t.Errorf("%q: %v, %s", words, err, said)
		}
		changes[i]++
	}
	changers.Go(func() {
		var gone strings.Builder
		for _, service := range coming {
			fmt.Fprintf(&gone, "-D -t 192.0.2.%d:80\n", service)
		}
		for over.Err() == nil {
			change(0, withServersOf(coming), "ipvsadm", "-R")
			change(0, gone.String(), "ipvsadm", "-R")
		}
	})
	changers.Go(func() {
		// What the others do meanwhile is nothing to --noflush.
		var edits [2]strings.Builder
		for _, service := range restored {
			for weight := range edits {
				fmt.Fprintf(&edits[weight], "-D -t 192.0.2.%d:80\n%s", service, strings.ReplaceAll(withServers(service), "-w 1", fmt.Sprintf("-w %d", 1+weight)))
			}
		}
		for over.Err() == nil {
			change(1, edits[1].String(), "ipvsadm-restore", "--noflush")
			change(1, edits[0].String(), "ipvsadm-restore", "--noflush")
		}
	})
	changers.Go(func() {
		for weight := 1; over.Err() == nil; weight = 3 - weight {
			for _, service := range swaying {
				change(2, "", "ipvsadm", "-e", "-t", fmt.Sprintf("192.0.2.%d:80", service),
					"-r", fmt.Sprintf("10.0.2.%d:80", service), "-m", "-w", fmt.Sprint(weight))
			}
		}
	})

	listings := 0
	for listings == 0 || ctx.Err() == nil { // every format once at least
		for _, words := range [][]string{
			{"-Ln"}, {"-Ln", "--stats"}, {"-Ln", "--rate"}, {"-Ln", "--thresholds"}, {"-Ln", "--persistent-conn"},
			{"-Ln", "--tun-info"}, {"-Ln", "--stats", "--exact"}, {"-Ln", "--nosort"}, {"-Sn"},
			{"-Ln", "--format", "table"}, {"-Ln", "--format", "json"}, {"-Ln", "-t", "192.0.2.61:80"},
			{"-Lnc"}, {"-Lnc", "--format", "json"}, {"-L", "--timeout"}, {"-L", "--daemon"},
		} {
			said, err := p.do("", append([]string{"ipvsadm"}, words...)...)
			if err != nil || said.status != 0 || said.stderr != "" {
				t.Errorf("ipvsadm %q: %v, %s", words, err, said)
			}
			listings++
			shown, err := readListing(said.stdout)
			switch {
			case err != nil:
			case slices.Contains(words, "-t"):
				err = shown.check(swaying[:1], nil)
			case strings.HasSuffix(words[0], "c") || strings.HasPrefix(words[0], "-L") && words[0] == "-L":
				err = shown.check(nil, nil)
			default:
				err = shown.check(slices.Concat(staying, swaying, restored), coming)
			}
			if err != nil {
				t.Fatalf("ipvsadm %q, after %d listings and %v changes: %v\n%s", words, listings, changes, err, said.stdout)
			}
		}
	}
	end()
	changers.Wait()
	t.Logf("%d listings beside %d, %d and %d changes of three programs", listings, changes[0], changes[1], changes[2])
	if slices.Min(changes) < 5 {
		t.Error("hardly company")
	}
}

// shown is the servers that a listing shows of each service, by their numbers.
type shown map[int][]int

var (
	serviceAddress = regexp.MustCompile(`192\.0\.2\.(\d+):80\b`)
	serverAddress  = regexp.MustCompile(`10\.0\.(\d+)\.(\d+):80\b`)
)

// readListing reads a listing in any of the formats: each names a service, and after it its servers.
func readListing(text string) (shown, error) {
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		if !json.Valid([]byte(text)) {
			return nil, errors.New("it is no JSON")
		}
		text = jsonEndpoints(text)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, errors.New("it ends within a line")
	}
	all := make(shown)
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
			return nil, fmt.Errorf("server %d of service %d is not under its own: %s", server, of, line)
		case server != 0:
			all[of] = append(all[of], server)
		case service != 0 && all[service] != nil:
			return nil, fmt.Errorf("service %d is there twice", service)
		case service != 0:
			all[service] = []int{}
		}
	}
	return all, nil
}

// jsonEndpoints writes the endpoints of services and servers in a JSON listing a line each.
func jsonEndpoints(text string) string {
	var b strings.Builder
	found := regexp.MustCompile(`"address": *"((?:192\.0\.2|10\.0\.\d+)\.\d+)"`).FindAllStringSubmatch(text, -1)
	for _, endpoint := range found {
		b.WriteString(endpoint[1] + ":80\n")
	}
	b.WriteString("\n")
	return b.String()
}

// check wants all of these services with their three servers, and of those, if they are there, the first servers.
func (s shown) check(whole, partly []int) error {
	for _, service := range whole {
		servers, there := s[service]
		slices.Sort(servers)
		if !there {
			return fmt.Errorf("service %d is not there", service)
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
			return fmt.Errorf("service %d is there", service)
		case !slices.Equal(servers, numbers(1, len(servers))):
			return fmt.Errorf("service %d has the servers %v", service, servers)
		}
	}
	return nil
}

// TestMovingTable lists services that stay, while a kernel that fits its table to their number, as it does when they grow
// many, moves them between one that is small and one that is large. Other kernels move nothing.
func TestMovingTable(t *testing.T) {
	d := newDirector(t)
	var services strings.Builder
	for i := range 200 {
		fmt.Fprintf(&services, "-A -t 10.0.0.%d:80 -s rr\n", i+1)
	}
	d.restore(t, services.String())

	const factor = "/proc/sys/net/ipv4/vs/svc_lfactor" // the load at which it does
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

// TestTwoRestores runs two restores at once, again and again, of tables that share services and of tables that do not.
// Each ends, and the table is one of the two, or one of them says that it failed.
func TestTwoRestores(t *testing.T) {
	p := home(t)
	failed := 0
	const rounds = 10
	for round := range rounds {
		files := []string{withServersOf(numbers(1, 60)), strings.ReplaceAll(withServersOf(numbers(31, 90)), "-w 1", "-w 2")}
		if round%2 == 1 {
			files[1] = withServersOf(numbers(101, 160))
		}
		p.must(t, "", "ipvsadm", "-C")
		var both sync.WaitGroup
		var results [2]said
		for i := range files {
			both.Go(func() { results[i], _ = p.do(files[i], "ipvsadm-restore") })
		}
		both.Wait()
		table := p.must(t, "", "ipvsadm", "-Sn")
		if results[0].status != 0 || results[1].status != 0 {
			failed++
			for _, said := range results {
				if said.status != 0 && said.stderr == "" {
					t.Errorf("round %d: a restore failed without a word: %s", round, said)
				}
			}
			continue
		}
		if !slices.ContainsFunc(files, func(file string) bool { return sameLines(file, table) }) {
			t.Errorf("round %d: both restores say that all is well, and the table is neither's:\n%s", round, table)
		}
	}
	t.Logf("%d rounds, in %d of which a restore said that it failed", rounds, failed)
}

// sameLines tells whether two saved tables are the same but for their order.
func sameLines(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.Lines(a)), slices.Sorted(strings.Lines(b)))
}
