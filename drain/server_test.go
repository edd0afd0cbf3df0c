package drain

import (
	"strings"
	"testing"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// tableOf returns the table that rules make.
func tableOf(t *testing.T, rules string) []ipvs.Entry {
	t.Helper()
	var table []ipvs.Entry
	for line := range strings.Lines(rules) {
		c, err := command.Parse("ipvsadm", strings.Fields(line), command.Lookup{})
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if c.Kind == command.AddService {
			table = append(table, ipvs.Entry{ListedService: ipvs.ListedService{Service: c.Service}})
			continue
		}
		for i := range table {
			if table[i].ServiceID == c.Service.ServiceID {
				table[i].Destinations = append(table[i].Destinations, ipvs.ListedDestination{Destination: c.Server})
			}
		}
	}
	return table
}

// chosen returns the servers of a table that the words of a command line choose.
func chosen(t *testing.T, table []ipvs.Entry, words string) []Server {
	t.Helper()
	servers, err := selection(t, words).Select(table)
	if err != nil {
		t.Fatal(err)
	}
	return servers
}

func selection(t *testing.T, words string) (s Selection) {
	t.Helper()
	target := command.NewTarget(command.Lookup{})
	fields := strings.Fields(words)
	for i := 0; i+1 < len(fields); i += 2 {
		for _, f := range target.Flags() {
			if fields[i] == "-"+f.Alias {
				if err := f.Set(fields[i+1]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	s.Service, _ = target.Service()
	if server, ok := target.Server(); ok {
		s.Address, s.Port, s.AnyPort = server.Addr(), server.Port(), !target.HasPort()
	}
	return s
}

const web = `-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.1:81 -m
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m
-A -u 192.0.2.1:53 -s wlc
-a -u 192.0.2.1:53 -r 10.0.0.1:53 -m
-a -u 192.0.2.1:53 -r 10.0.0.3:53 -m
-A -f 7 -s rr
-a -f 7 -r 10.0.0.1 -g
-a -f 7 -r 10.0.0.2 -g
`

func TestSelect(t *testing.T) {
	table := tableOf(t, web)
	for words, want := range map[string]string{
		"-r 10.0.0.1":                       "TCP 192.0.2.1:80 -> 10.0.0.1:80, TCP 192.0.2.1:80 -> 10.0.0.1:81, UDP 192.0.2.1:53 -> 10.0.0.1:53, FWM 7 -> 10.0.0.1:0",
		"-r 10.0.0.1:80":                    "TCP 192.0.2.1:80 -> 10.0.0.1:80",
		"-r 10.0.0.1:0":                     "FWM 7 -> 10.0.0.1:0",
		"-t 192.0.2.1:80 -r 10.0.0.1":       "TCP 192.0.2.1:80 -> 10.0.0.1:80, TCP 192.0.2.1:80 -> 10.0.0.1:81",
		"-r 10.0.0.2 -f 7":                  "FWM 7 -> 10.0.0.2:0",
		"-r 10.0.0.9":                       "no service has the server 10.0.0.9",
		"-t 192.0.2.1:80 -r 10.0.0.3":       "TCP 192.0.2.1:80 has no server 10.0.0.3; type -r 10.0.0.3:53 -u 192.0.2.1:53 for the server of UDP 192.0.2.1:53",
		"-r 10.0.0.3:54":                    "no service has the server 10.0.0.3:54; type -r 10.0.0.3:53 -u 192.0.2.1:53 for the server of UDP 192.0.2.1:53",
		"-t 192.0.2.1:81 -r 10.0.0.1":       "there is no service TCP 192.0.2.1:81",
		"-t 192.0.2.1:80 -r 10.0.0.1:79":    "TCP 192.0.2.1:80 has no server 10.0.0.1:79; (5 hints)",
		"-u 192.0.2.1:53 -r [2001:db8::]:1": "UDP 192.0.2.1:53 has no server [2001:db8::]:1",
	} {
		servers, err := selection(t, words).Select(table)
		var got []string
		for _, s := range servers {
			got = append(got, s.String())
		}
		text := strings.Join(got, ", ")
		if err != nil {
			text = err.Error()
			if hinted, ok := err.(*command.Hinted); ok && len(hinted.Hints) > 0 {
				text += "; " + strings.Join(hinted.Hints, "; ")
			}
		}
		if strings.HasSuffix(want, "(5 hints)") {
			want = strings.TrimSuffix(want, "(5 hints)")
			if !strings.HasPrefix(text, want) || strings.Count(text, "; type") != 4 {
				t.Errorf("%s: %s", words, text)
			}
		} else if text != want {
			t.Errorf("%s:\n%s, want\n%s", words, text, want)
		}
	}
	for words, want := range map[string]string{
		"-r 10.0.0.1": "-r 10.0.0.1", "-t 192.0.2.1:80 -r 10.0.0.1:80": "-r 10.0.0.1:80 -t 192.0.2.1:80", "": "--all",
	} {
		if got := selection(t, words).String(); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}
