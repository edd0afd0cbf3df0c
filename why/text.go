package why

import (
	"fmt"
	"io"
	"strings"

	"ipvsadm/check"
)

// Write writes an answer for people.
func (a Answer) Write(w io.Writer, text check.Text) error {
	var b strings.Builder
	const width = len("1. scheduler  ")
	for i, step := range a.Steps {
		words := step.Text
		if step.Unknown {
			words = "unknown: " + words
		}
		text.Row(&b, fmt.Sprintf("%d. %s", i+1, step.Name), width, words)
	}
	text.Row(&b, "=> result", width, a.Result)
	_, err := io.WriteString(w, b.String())
	return err
}
