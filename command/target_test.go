package command

import (
	"flag"
	"io"
	"strings"
	"testing"
)

func TestTarget(t *testing.T) {
	for line, want := range map[string]string{
		"":                                      "none none",
		"-t 192.0.2.1:80":                       "TCP 192.0.2.1:80 none",
		"-u www.example.com:53":                 "UDP 192.0.2.80:53 none",
		"--sctp-service=[2001:db8::1]:5":        "SCTP [2001:db8::1]:5 none",
		"-f 7":                                  "FWM 7 none",
		"-f 7 -6":                               "FWM 7 IPv6 none",
		"-t 192.0.2.1:http -r 10.0.0.1":         "TCP 192.0.2.1:80 10.0.0.1:80",
		"-t 192.0.2.1:80 -r 10.0.0.1:8080":      "TCP 192.0.2.1:80 10.0.0.1:8080",
		"-r 10.0.0.1 -t 192.0.2.1:80":           "TCP 192.0.2.1:80 10.0.0.1:0",
		"--tcp-service=192.0.2.1:80 -r ::1":     "TCP 192.0.2.1:80 [::1]:80",
		"-t 192.0.2.1:99999":                    "illegal virtual server address[:port] specified",
		"-t 192.0.2.1:80 -r :80":                "illegal real server address[:port] specified",
		"-t 192.0.2.1:80 -f 7":                  "multiple 'service-address' options specified",
		"-t 192.0.2.1:80 -r 1.1.1.1 -r 1.1.1.2": "multiple 'real-server' options specified",
		"-6 -f 7":                               "-6 used before -f",
		"-f x":                                  "invalid fwmark value `x' specified",
	} {
		target := NewTarget(fewNames)
		flags := flag.NewFlagSet("verb", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		for _, f := range target.Flags() {
			flags.Var(f, f.Name, f.Usage)
			if f.Alias != "" {
				flags.Var(f, f.Alias, f.Usage)
			}
		}
		got := ""
		if err := flags.Parse(strings.Fields(line)); err != nil {
			got = err.Error()
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", line, got, want)
			}
			continue
		}
		got = "none"
		if id, ok := target.Service(); ok {
			got = id.String()
		}
		if server, ok := target.Server(); ok {
			got += " " + server.String()
		} else {
			got += " none"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
