package format

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// document is JSON text. Its methods append members one by one: package encoding/json would find them by reflection,
// which takes half of the time of "-Ln --format json".
type document struct{ text []byte }

// key appends the key of a member. The elements of an array have no keys.
func (d *document) key(key string) {
	if key != "" {
		d.text = append(append(append(d.text, '"'), key...), '"', ':')
	}
}

// open begins an object or an array. Each member in it ends with a comma.
func (d *document) open(key string, bracket byte) {
	d.key(key)
	d.text = append(d.text, bracket)
}

// close ends an object or an array.
func (d *document) close(bracket byte) {
	d.dropComma()
	d.text = append(d.text, bracket, ',')
}

func (d *document) dropComma() { d.text = bytes.TrimSuffix(d.text, []byte(",")) }

func (d *document) null(key string) {
	d.key(key)
	d.text = append(d.text, "null,"...)
}

func (d *document) boolean(key string, value bool) {
	d.key(key)
	d.text = append(strconv.AppendBool(d.text, value), ',')
}

func (d *document) number(key string, n uint64) {
	d.key(key)
	d.text = append(strconv.AppendUint(d.text, n, 10), ',')
}

func (d *document) seconds(key string, duration time.Duration) {
	d.number(key, uint64(duration/time.Second))
}

func (d *document) string(key, value string) {
	d.key(key)
	d.text = append(appendQuoted(d.text, value), ',')
}

// stringOrNull appends null for an empty string.
func (d *document) stringOrNull(key, value string) {
	if value == "" {
		d.null(key)
		return
	}
	d.string(key, value)
}

func (d *document) address(key string, address netip.Addr) {
	d.key(key)
	d.text = append(address.AppendTo(append(d.text, '"')), '"', ',')
}

func appendQuoted(b []byte, text string) []byte {
	if strings.IndexFunc(text, needsEscape) < 0 {
		return append(append(append(b, '"'), text...), '"')
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // cannot fail for a string
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}

func needsEscape(char rune) bool { return char < ' ' || char > '~' || char == '"' || char == '\\' }

// jsonArray is an array in a document, which is written one element at a time.
type jsonArray struct {
	head, tail string // of the document: up to the array, and behind its last element
	indent     string // of the elements; empty for each on a line of its own
	lines      bool   // write each element as a document of its own, on its own line
}

// writeArray writes the elements as they come. If they begin with an error, it writes nothing. If they end with an error,
// it does not close the array, so that no program takes it for the whole.
func writeArray[T any](w io.Writer, array jsonArray, elements iter.Seq2[T, error], add func(*document, T)) error {
	d := document{text: []byte(array.head)}
	separator := "\n"
	var readErr error
	for element, err := range elements {
		if readErr = err; readErr != nil {
			break
		}
		if !array.lines {
			d.text = append(d.text, separator...)
		}
		separator = ",\n"
		start := len(d.text)
		add(&d, element)
		d.dropComma()
		if array.lines {
			d.text = append(d.text, '\n')
		}
		if array.indent != "" {
			d.indent(start, array.indent)
		}
		if len(d.text) < enoughToWrite {
			continue
		}
		if _, err := w.Write(d.text); err != nil {
			return err
		}
		d.text = d.text[:0]
	}
	switch {
	case readErr == nil:
		d.text = append(d.text, array.tail...)
	case separator == "\n":
		return readErr
	}
	_, err := w.Write(d.text)
	return cmp.Or(readErr, err)
}

// indent indents the text that follows start, every line of it by a prefix.
func (d *document) indent(start int, prefix string) {
	var indented bytes.Buffer
	indented.WriteString(prefix)
	_ = json.Indent(&indented, d.text[start:], prefix, "  ") // fails only for text that is not JSON
	d.text = append(d.text[:start], indented.Bytes()...)
}
