package format

import (
	"fmt"
	"io"
	"strings"
)

// Groups writes a line for each group, with its share in percent.
func (a aligned) Groups(w io.Writer, properties []string, groups []Group) error {
	var columns []column
	for _, property := range properties {
		columns = append(columns, column{heading: strings.ToUpper(property)})
	}
	g := a.newGrid(append(columns, column{heading: "CONNECTIONS", right: true}, column{heading: "SHARE", right: true},
		column{heading: "EXPIRES", right: true}))
	for _, group := range groups {
		for i := range properties {
			switch {
			case group.Values != nil:
				g.add(group.Values[i])
			case i == 0:
				g.add("others")
			}
			g.next()
		}
		g.addNumber(group.Connections)
		g.add(fmt.Sprintf("%.1f%%", 100*group.Share))
		g.next()
		g.minutes(group.Expires)
		g.next()
	}
	g.place()
	if err := g.writeHeadings(w); err != nil {
		return err
	}
	return g.write(w)
}
