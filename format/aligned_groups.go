package format

import (
	"fmt"
	"io"
	"strings"
)

// Groups writes a line for each group, with its share in percent.
func (a aligned) Groups(w io.Writer, properties []string, groups []Group) error {
	var g grid
	for _, property := range properties {
		g.columns = append(g.columns, column{heading: strings.ToUpper(property)})
	}
	g.columns = append(g.columns, column{heading: "CONNECTIONS", right: true}, column{heading: "SHARE", right: true}, column{heading: "EXPIRES", right: true})
	for _, group := range groups {
		cells := make([]string, len(properties))
		if group.Values == nil {
			cells[0] = "others"
		}
		copy(cells, group.Values)
		g.add(0, append(cells, decimal(group.Connections), fmt.Sprintf("%.1f%%", 100*group.Share), minutes(group.Expires))...)
	}
	return g.write(w, true)
}
