package command

import (
	"errors"
	"slices"
	"testing"
)

// TestHints holds more examples of mistakes that the table of mistakes has.
func TestHints(t *testing.T) {
	for line, want := range map[string]string{
		"ls":                                  "type ipvsadm -L",
		"change":                              "type ipvsadm -E for a virtual service, -e for a real server",
		"rm":                                  "type ipvsadm -D for a virtual service, -d for a real server",
		"new":                                 "type ipvsadm -A for a virtual service, -a for a real server",
		"clear":                               "type ipvsadm -C",
		"zero":                                "type ipvsadm -Z",
		"dump":                                "type ipvsadm save",
		"import":                              "type ipvsadm restore -f FILE",
		"rate":                                "type ipvsadm -L --rate",
		"connections":                         "type ipvsadm -L -c",
		"json":                                "type ipvsadm -L --format json",
		"-L --file":                           "--file goes with the words save and restore: type ipvsadm save --file FILE",
		"-S --file rules":                     "--file goes with the words save and restore: type ipvsadm save --file FILE",
		"--restore --file rules":              "--file goes with the words save and restore: type ipvsadm restore --file FILE",
		"-A -t [2001:db8::1] -p":              "an address in brackets has a port: type [2001:db8::1]:PORT, or 2001:db8::1 for none",
		"-A -t [2001:db8::1]80":               "a colon is missing: type [2001:db8::1]:80",
		"-A -t [name]x":                       "type [ADDRESS]:PORT",
		"-A -t 192.0.2.09:80":                 "09 begins with 0, which makes it octal, and has a digit above 7: type 9",
		"-A -t 1.2.3.4.5:80":                  "an IPv4 address has four numbers, and 1.2.3.4.5 has 5: a port follows a colon",
		"-A -t 192.0.2.1:-1":                  "-1 is below 0: a port is 0 to 65535",
		"-A -t 192.0.2.1:80,443":              "a port is one number: a service of several ports is one of a firewall mark (-f MARK)",
		"-A -t 192.0.2.1:80/tcp":              `leave out "/tcp" behind the port`,
		"-A -t 192.0.2.1:":                    "the port after the colon is missing: is a variable unset?",
		"-A -t 192.0.2.1:80 -s sh -b sh-prot": "type -b sh-port",
		"-A -t 192.0.2.1:80 -b sh-port":       `sh-port is a flag of -s sh, and the scheduler is "wlc"`,
		"-A -t 192.0.2.1:80 -s mh -b mh-port,nothing": "-b takes sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3, with commas between them",
		"-A -t 192.0.2.1:80 -p 0":                     `-p takes a whole number of seconds from 1 to 2678400, not "0"`,
		"-a -t 192.0.2.1:80 -r 10.0.0.1 -w -1":        `-w takes a whole number from 0 to 2147483647, not "-1"`,
		"-a -t 192.0.2.1:80 -r 10.0.0.1 8080":         "an address and its port are one word: type 10.0.0.1:8080",
		"-a -t 192.0.2.1:80 -r 10.0.0.1 -m 10":        "-m takes no value: a weight is -w 10",
		"-A -t 192.0.2.1 80":                          "an address and its port are one word: type 192.0.2.1:80",
		"-A -t 192.0.2.1:80 rr":                       "type -s rr",
		"-A 192.0.2.1:80":                             "type -t 192.0.2.1:80 for TCP, or -u 192.0.2.1:80 for UDP",
		"-a -t 192.0.2.1:80 10.0.0.1":                 "type -r 10.0.0.1",
		"-A -t 192.0.2.1:80 # web":                    "a comment has a line of its own",
		"-A -t 192.0.2.1:80 // web":                   "a comment begins with #, on a line of its own",
		"-L | grep":                                   "| is for a shell: a line of a file holds one command",
		"--set 1 2":                                   "type --set and three numbers of seconds from 0 to 2678400: --set TCP TCPFIN UDP",
		"-L --statz":                                  "type --stats",
		"-L --sta":                                    "type --stats",
		"-l -C":                                       "-C is a command: --connection is -c",
		"-Ln -A":                                      "-A is a command, and a line has one",
		"-nL":                                         "the command comes first: type -Ln",
	} {
		_, err := parse(line)
		var parseError *Error
		if !errors.As(err, &parseError) || !slices.Equal(parseError.Hints, []string{want}) {
			t.Errorf("%s: %+v, want %s", line, parseError, want)
		}
	}
}
