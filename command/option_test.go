package command

import (
	"bytes"
	"math/bits"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryOptionHasHelp(t *testing.T) {
	var help bytes.Buffer
	if err := WriteHelp(&help, "ipvsadm", nil); err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		line := regexp.MustCompile(`(?m)^  .* --` + o.long + ` +.*\S$`)
		if !line.Match(help.Bytes()) {
			t.Errorf("the help text has no line for --%s", o.long)
		}
		if o.letter != 0 && o.letter != 'l' && !strings.Contains(help.String(), "  -"+string(o.letter)+", --"+o.long+" ") {
			t.Errorf("the help text has no line for -%c", o.letter)
		}
	}
}

// TestEveryOptionIsInTheManual looks for the options in the tags of the manual's lists.
func TestEveryOptionIsInTheManual(t *testing.T) {
	page, err := os.ReadFile("../man/ipvsadm.8")
	if err != nil {
		t.Fatal(err)
	}
	var tags []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, ".It ") {
			tags = append(tags, strings.Join(strings.Fields(line), " ")+" ")
		}
	}
	all := strings.Join(tags, "\n")
	for _, o := range options {
		if !strings.Contains(all, " Fl Fl "+o.long+" ") {
			t.Errorf("the manual page does not explain --%s", o.long)
		}
		if o.letter != 0 && !strings.Contains(all, " Fl "+string(o.letter)+" ") {
			t.Errorf("the manual page does not explain -%c", o.letter)
		}
	}
}

// TestOptionsDiffer wants a name and letter of its own for each option.
func TestOptionsDiffer(t *testing.T) {
	if o := letterOption(0); o != nil {
		t.Errorf("--%s has no letter, and is found by it", o.long)
	}
	letters := map[byte]string{}
	names := map[string]bool{}
	for _, o := range options {
		if o.letter != 0 && letters[o.letter] != "" {
			t.Errorf("-%c is --%s and --%s", o.letter, letters[o.letter], o.long)
		}
		letters[o.letter] = o.long
		if names[o.long] && o.long != "list" {
			t.Errorf("--%s is there twice", o.long)
		}
		names[o.long] = true
		if o.kind == None && o.set == nil {
			t.Errorf("--%s does nothing", o.long)
		}
		if (o.takes != nothing) != (o.argument != "") && o.kind != SetTimeouts {
			t.Errorf("--%s: its value and the name of its value do not go together", o.long)
		}
	}
}

// TestProperties wants the numbers from 1 on, one for each property.
func TestProperties(t *testing.T) {
	names := map[int]string{}
	for i := range options {
		o := &options[i]
		if o.property == 0 {
			if o.called != "" {
				t.Errorf("--%s has the name of a property, and may be repeated", o.long)
			}
			continue
		}
		if other := names[o.property]; other != "" && other != o.propertyName() {
			t.Errorf("%s and %s have the number %d", other, o.propertyName(), o.property)
		}
		names[o.property] = o.propertyName()
	}
	for i := range len(names) {
		if names[i+1] == "" {
			t.Errorf("no property has the number %d", i+1)
		}
	}
}

// TestLegality tries each command with its required options and each other one.
func TestLegality(t *testing.T) {
	const (
		service    = "service-address "
		server     = "real-server "
		scheduling = "scheduler persistent netmask ops pe sched-flags "
		serving    = "forwarding-method weight u-threshold l-threshold tun-type tun-port tun-nocsum tun-csum tun-remcsum "
	)
	options := map[string]string{
		"service-address": "-f 1", "real-server": "-r 192.0.2.9",
		"scheduler": "-s sh", "persistent": "-p 1", "netmask": "-M 255.0.0.0", "ops": "-o", "pe": "--pe sip",
		"sched-flags": "-b flag-1", "forwarding-method": "-g", "weight": "-w 1", "u-threshold": "-x 1", "l-threshold": "-y 1",
		"tun-type": "--tun-type gre", "tun-port": "--tun-port 1", "tun-nocsum": "--tun-nocsum", "tun-csum": "--tun-csum",
		"tun-remcsum": "--tun-remcsum", "numeric": "-n", "connection": "-c", "timeout": "--timeout", "daemon": "--daemon",
		"stats": "--stats", "rate": "--rate", "exact": "-X", "thresholds": "--thresholds",
		"persistent-conn": "--persistent-conn", "tun-info": "--tun-info", "nosort": "--nosort", "format": "--format json",
		"color": "--color never", "summary": "--summary",
		"syncid": "--syncid 1", "sync-maxlen": "--sync-maxlen 1", "mcast-interface": "--mcast-interface lo",
		"mcast-group": "--mcast-group 224.0.0.1", "mcast-port": "--mcast-port 1", "mcast-ttl": "--mcast-ttl 1",
	}
	if want := bits.Len64(uint64(everything())) - 1; len(options) != want {
		t.Errorf("this test knows %d options, of %d", len(options), want)
	}
	kinds := map[Kind]struct{ name, line, required, allowed string }{
		AddService:    {"add-service", "-A", service, scheduling},
		EditService:   {"edit-service", "-E", service, scheduling},
		DeleteService: {"delete-service", "-D", service, ""},
		Clear:         {"flush", "-C", "", ""},
		AddServer:     {"add-server", "-a", service + server, serving},
		EditServer:    {"edit-server", "-e", service + server, serving},
		DeleteServer:  {"delete-server", "-d", service + server, ""},
		List: {"list", "-L", "", service + "connection timeout daemon numeric stats rate exact thresholds persistent-conn tun-info " +
			"nosort syncid format color summary"},
		Zero:        {"zero", "-Z", "", service},
		Save:        {"save", "-S", "", "numeric"},
		Restore:     {"restore", "-R", "", ""},
		SetTimeouts: {"set", "--set 1 2 3", "", ""},
		StartDaemon: {"start-daemon", "--start-daemon master", "", "mcast-interface syncid mcast-group mcast-port mcast-ttl sync-maxlen"},
		StopDaemon:  {"stop-daemon", "--stop-daemon master", "", "syncid"},
	}
	for kind := AddService; kind < Help; kind++ {
		v, ok := kinds[kind]
		if !ok {
			t.Errorf("this test does not know kind %d (%v)", kind, kind)
			continue
		}
		needed := strings.Fields(v.required)
		line := v.line
		for _, name := range needed {
			line += " " + options[name]
		}
		for name, option := range options {
			if slices.Contains(needed, name) {
				missing := "You need to supply the '" + name + "' option for the '" + v.name + "' command"
				without := strings.Replace(line, " "+option, "", 1)
				if _, err := parse(without); err == nil || err.Error() != missing {
					t.Errorf("%s: %v, want %s", without, err, missing)
				}
				continue
			}
			// A legal option may cause another error.
			_, err := parse(line + " " + option)
			illegal := "Illegal '" + name + "' option with the '" + v.name + "' command"
			if may := slices.Contains(strings.Fields(v.allowed), name); may == (err != nil && err.Error() == illegal) {
				t.Errorf("%s %s: %v", line, option, err)
			}
		}
	}
}

func TestLegalityOfTunnels(t *testing.T) {
	for tunnel, allowed := range map[string]string{
		"ipip":             "",
		"gue --tun-port 1": "--tun-nocsum --tun-csum --tun-remcsum",
		"gre":              "--tun-nocsum --tun-csum",
	} {
		for _, option := range []string{"--tun-port 1", "--tun-nocsum", "--tun-csum", "--tun-remcsum"} {
			if strings.Contains(tunnel, option) {
				continue
			}
			line := "-a -f 1 -r 192.0.2.9 -i --tun-type " + tunnel + " " + option
			if _, err := parse(line); (err == nil) != slices.Contains(strings.Fields(allowed), option) {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

// everything holds all properties.
func everything() (set properties) {
	for _, l := range newGrammar().commands {
		set |= l.may()
	}
	return set
}
