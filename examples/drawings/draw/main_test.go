package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDrawings checks that each SVG is what its text says, and that it is well-formed.
func TestDrawings(t *testing.T) {
	texts, err := filepath.Glob("../*.txt")
	if err != nil || len(texts) != 6 {
		t.Fatalf("%d texts, %v; want one for each system", len(texts), err)
	}
	for _, path := range texts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := draw(string(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		svg, err := os.ReadFile(strings.TrimSuffix(path, ".txt") + ".svg")
		if err != nil || string(svg) != want {
			t.Errorf("%s: the SVG beside it is older (%v): run go run ./draw in examples/drawings", path, err)
		}
		decoder := xml.NewDecoder(strings.NewReader(want))
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if !strings.Contains(want, "prefers-color-scheme: dark") {
			t.Errorf("%s: no colours for dark pages", path)
		}
	}
}

func TestBadDrawings(t *testing.T) {
	for text, message := range map[string]string{
		"box a 0":                   `line 1: not a line of a drawing: "box a 0"`,
		"title x\nbox a one 0 text": `line 2: strconv.ParseFloat: parsing "one": invalid syntax`,
		"box a 0 0 text\nline a b":  `line 2: a line from "a" to "b", of which one is no box above it`,
		"circle":                    `line 1: not a line of a drawing: "circle"`,
	} {
		if _, err := draw(text); err == nil || err.Error() != message {
			t.Errorf("%q: %v, want %s", text, err, message)
		}
	}
}
