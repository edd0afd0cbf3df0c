package drain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Event is something that a drain reports. As JSON it is one object; man/ipvsadm-drain.schema.json is the schema.
type Event interface {
	Text() string // lines for people, without the last newline
}

// header begins the JSON of every event.
type header struct {
	Event string    `json:"event"`
	Time  time.Time `json:"time"`
}

func head(event string, now time.Time) header { return header{event, now.UTC()} }

// subject is the server that an event is about.
type subject struct {
	key     key
	Service jsonService  `json:"service"`
	Server  jsonEndpoint `json:"server"`
}

type jsonService struct {
	Protocol string      `json:"protocol"`
	Family   string      `json:"family"`
	Address  *netip.Addr `json:"address"`
	Port     *uint16     `json:"port"`
	Mark     *uint32     `json:"fwmark"`
}

type jsonEndpoint struct {
	Address netip.Addr `json:"address"`
	Port    uint16     `json:"port"`
}

func about(k key) subject {
	s := subject{key: k, Server: jsonEndpoint{k.server.Addr(), k.server.Port()}}
	s.Service.Family = k.service.Family.String()
	if k.service.Mark != 0 {
		s.Service.Protocol, s.Service.Mark = "fwmark", &k.service.Mark
		return s
	}
	address, port := k.service.Address.Addr(), k.service.Address.Port()
	s.Service.Protocol, s.Service.Address, s.Service.Port = strings.ToLower(k.service.Protocol.String()), &address, &port
	return s
}

// seconds is a duration in JSON.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// Started is the first event of a drain, before anything changes.
type Started struct {
	header
	Servers int     `json:"servers"`
	Until   Until   `json:"until"`
	Timeout float64 `json:"timeout_seconds"`
	Delete  bool    `json:"delete"`

	server   string
	services int
}

// Text returns the line for people.
func (e Started) Text() string {
	text := fmt.Sprintf("draining %s in %s", e.server, plural(e.services, "service"))
	if e.Timeout > 0 {
		text += ", for up to " + inWords(e.Timeout)
	}
	return text
}

// Began reports a weight that drain set to 0, or found there.
type Began struct {
	header
	subject
	Before uint32 `json:"weight_before"`
	Weight uint32 `json:"weight"`
}

// Text returns the line for people.
func (e Began) Text() string {
	if e.Before == 0 {
		return fmt.Sprintf("%s: the weight was 0 already", e.key)
	}
	return fmt.Sprintf("%s: weight %d -> 0", e.key, e.Before)
}

// Note reports something that keeps a server from being drained, and how to end it.
type Note struct {
	header
	Message string `json:"message"`
}

// Text returns the line for people.
func (e Note) Text() string { return "note: " + e.Message }

// counts are the numbers of a Remaining in JSON.
type counts struct {
	Active          uint32  `json:"active_connections"`
	Inactive        uint32  `json:"inactive_connections"`
	UDP             int     `json:"udp_connections"`
	Templates       int     `json:"templates"`
	Longest         float64 `json:"longest_connection_seconds"`
	LongestTemplate float64 `json:"longest_template_seconds"`
}

func (r Remaining) counts() counts {
	return counts{r.Active, r.Inactive, r.UDP, r.Templates, seconds(r.Longest), seconds(r.LongestTemplate)}
}

// Progress reports what a server still has.
type Progress struct {
	header
	subject
	counts
	PerMinute *float64 `json:"fewer_connections_per_minute"` // null if it is not known yet
	Elapsed   float64  `json:"elapsed_seconds"`
	Deadline  float64  `json:"seconds_to_deadline"`

	left, most int // how many things the drain waits for, and waited for at most
}

// Text returns the line for people.
func (e Progress) Text() string {
	if e.left == 0 {
		return e.key.String() + ": drained"
	}
	text := e.key.String() + ": " + e.counts.text()
	if e.PerMinute != nil && *e.PerMinute >= 0.1 {
		text += fmt.Sprintf("; %.1f fewer per minute", *e.PerMinute)
	}
	if e.Longest > 0 {
		text += "; up to " + inWords(e.Longest) + " if idle"
	}
	return text
}

func (c counts) text() string {
	text := fmt.Sprintf("%d active, %d inactive", c.Active, c.Inactive)
	if c.UDP > 0 {
		text += fmt.Sprintf(" (%d UDP)", c.UDP)
	}
	if c.Templates > 0 {
		text += fmt.Sprintf(", %s for up to %s", plural(c.Templates, "template"), inWords(c.LongestTemplate))
	}
	return text
}

// changed reports whether there is something new since an earlier event. Times pass by themselves.
func (e Progress) changed(before Progress) bool {
	c, b := e.counts, before.counts
	c.Longest, c.LongestTemplate, b.Longest, b.LongestTemplate = 0, 0, 0, 0
	return c != b
}

// Ended reports how the drain of a server ended.
type Ended struct {
	header
	subject
	Elapsed float64 `json:"elapsed_seconds"`
}

// Text returns the line for people.
func (e Ended) Text() string {
	if e.Event == "deleted" {
		return fmt.Sprintf("%s: deleted", e.key)
	}
	return fmt.Sprintf("%s: drained after %s", e.key, inWords(e.Elapsed))
}

// Client is how many connections and templates of a server a client has.
type Client struct {
	Address     netip.Addr `json:"address"`
	Connections int        `json:"connections"`
}

// TimedOut reports what a server still has at the deadline.
type TimedOut struct {
	header
	subject
	counts
	Elapsed float64  `json:"elapsed_seconds"`
	Clients []Client `json:"clients"` // the one with most first
}

// Text returns nothing: people get the message of the error.
func (e TimedOut) Text() string { return "" }

// mostClients is how many clients a line names.
const mostClients = 10

func (e TimedOut) line() string {
	text := fmt.Sprintf("%s: %s", e.key, e.counts.text())
	var named []string
	others := 0
	for i, c := range e.Clients {
		if i < mostClients {
			named = append(named, fmt.Sprintf("%d of %s", c.Connections, c.Address))
		} else {
			others += c.Connections
		}
	}
	if others > 0 {
		named = append(named, fmt.Sprintf("%d of %s", others, plural(len(e.Clients)-mostClients, "other client")))
	}
	if len(named) > 0 {
		text += ": " + strings.Join(named, ", ")
	}
	return text
}

func (r Remaining) clients() []Client {
	clients := []Client{}
	for address, n := range r.Clients {
		clients = append(clients, Client{address, n})
	}
	slices.SortFunc(clients, func(a, b Client) int {
		return cmp.Or(b.Connections-a.Connections, a.Address.Compare(b.Address))
	})
	return clients
}

// SetBack reports that someone else ended the drain of a server.
type SetBack struct {
	header
	subject
	Weight *uint32 `json:"weight"` // null if the server was deleted
}

// Text returns the line for people.
func (e SetBack) Text() string {
	if e.Weight == nil {
		return fmt.Sprintf("%s: someone deleted the server", e.key)
	}
	return fmt.Sprintf("%s: someone set the weight to %d", e.key, *e.Weight)
}

// Refused reports a Refusal.
type Refused struct {
	header
	Reason      string `json:"reason"`
	Consequence string `json:"consequence"`
	Instead     string `json:"instead"`
}

// Text returns nothing: people get the message of the error.
func (e Refused) Text() string { return "" }

// Planned reports what a drain would do.
type Planned struct {
	header
	subject
	counts
	Commands []string `json:"commands"`
	Timeout  float64  `json:"timeout_seconds"`

	until Until
}

// Text returns the lines for people: commands, and what drain does as comments.
func (e Planned) Text() string {
	what := "active connections and templates"
	if e.until == UntilAll {
		what = "connections and templates"
	}
	wait := fmt.Sprintf("# wait up to %s for the end of all %s; now: %s", inWords(e.Timeout), what, e.counts.text())
	if e.Timeout == 0 {
		wait = "# wait for nothing; now: " + e.counts.text()
	}
	return strings.Join(slices.Insert(slices.Clone(e.Commands), min(1, len(e.Commands)), wait), "\n")
}

// Finished is the last event of a drain.
type Finished struct {
	header
	Status  int     `json:"exit_status"`
	Message *string `json:"message"` // the error, or null
	Elapsed float64 `json:"elapsed_seconds"`
}

// Text returns nothing: people get the message of the error.
func (e Finished) Text() string { return "" }

// inWords returns a duration in whole seconds, such as "14m59s" or "15m".
func inWords(seconds float64) string { return short(time.Duration(seconds * float64(time.Second))) }

func short(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
