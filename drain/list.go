package drain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// Listed reports a server that is drained.
type Listed struct {
	header
	subject
	Before  uint32    `json:"weight_before"`
	Since   time.Time `json:"since"`
	Elapsed float64   `json:"elapsed_seconds"`
	Deleted bool      `json:"deleted"`

	Active   uint32 `json:"active_connections"`
	Inactive uint32 `json:"inactive_connections"`
}

// Text returns the cells of a table, with tabs between them.
func (e Listed) Text() string {
	now := fmt.Sprintf("%d\t%d", e.Active, e.Inactive)
	if e.Deleted {
		now = "deleted\t"
	}
	return strings.Join([]string{e.key.service.String(), e.key.server.String(), fmt.Sprint(e.Before),
		e.Since.Local().Format(time.DateTime), inWords(e.Elapsed), now}, "\t")
}

// listed returns the events of servers that are drained.
func listed(all []Drained, now time.Time) []Listed {
	var events []Listed
	for _, d := range all {
		e := Listed{
			header: head("listed", now), subject: about(d.key()), Before: d.Server.Weight,
			Since: d.Since.UTC(), Elapsed: seconds(now.Sub(d.Since)), Deleted: d.Now == nil,
		}
		if d.Now != nil {
			e.Active, e.Inactive = d.Now.ActiveConnections, d.Now.InactiveConnections
		}
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b Listed) int {
		return cmp.Or(a.key.service.Compare(b.key.service),
			ipvs.Destination{Address: a.key.server}.Compare(ipvs.Destination{Address: b.key.server}))
	})
	return events
}
