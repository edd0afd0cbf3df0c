package format

import (
	"io"
	"strconv"
)

// Groups writes each group as a document on its own line.
func (j jsonFormat) Groups(w io.Writer, properties []string, groups []Group) error {
	var d document
	for _, group := range groups {
		d.open("", '{')
		for i, value := range group.Values {
			d.string(properties[i], value)
		}
		if group.Values == nil {
			d.boolean("others", true)
		}
		d.number("connections", group.Connections)
		d.key("share")
		d.text = append(strconv.AppendFloat(d.text, group.Share, 'f', 4, 64), ',')
		d.seconds("expires_seconds", group.Expires)
		d.close('}')
		d.dropComma()
		d.text = append(d.text, '\n')
	}
	_, err := w.Write(d.text)
	return err
}
