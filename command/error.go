package command

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The exit statuses of a bad command line.
const (
	statusUsage   = 2   // the options are known, and used wrongly
	statusRefused = 255 // a word is unknown, or the kernel would refuse it
)

// Error is a parse error: why a command line was not understood or is not legal.
type Error struct {
	Message string   // the original's words
	Status  int      // the original's exit status
	Hints   []string // the likely mistakes and what to type instead, if there are any
}

// Error returns the message without the hints.
func (e *Error) Error() string { return e.Message }

// ExitCode returns Status.
func (e *Error) ExitCode() int { return e.Status }

// usageError returns the error of options that are used wrongly.
func usageError(format string, arguments ...any) error {
	return &Error{Message: message(format, arguments), Status: statusUsage}
}

// syntaxError returns the error of words that are no options.
func syntaxError(format string, arguments ...any) error {
	return &Error{Message: message(format, arguments), Status: statusRefused}
}

// Hinted is an error of the kernel with its likely causes.
type Hinted struct {
	Err   error
	Hints []string
}

// Error returns Err's message.
func (h *Hinted) Error() string { return h.Err.Error() }

// Unwrap returns Err.
func (h *Hinted) Unwrap() error { return h.Err }

// message formats a message. Strings among the arguments are words of the command line, and become printable: anyone may
// have written the file that they come from.
func message(format string, arguments []any) string {
	for i, argument := range arguments {
		if word, ok := argument.(string); ok {
			arguments[i] = Printable(shortened(word))
		}
	}
	return fmt.Sprintf(format, arguments...)
}

// quoted returns a word in quotes and printable.
func quoted(word string) string { return `"` + Printable(shortened(word)) + `"` }

// mostShown is how many bytes of a word a message shows.
const mostShown = 1000

func shortened(word string) string {
	if len(word) <= mostShown {
		return word
	}
	end := mostShown
	for !utf8.RuneStart(word[end]) && end > mostShown-utf8.UTFMax {
		end--
	}
	return word[:end] + "..."
}

// Printable returns a text in which every character that could steer a terminal, or that nobody could see, is written as
// in a Go string: "\x1b" for an escape. Ordinary text stays as it is.
func Printable(text string) string {
	if strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		char, size := utf8.DecodeRuneInString(text)
		if unprintable(char) {
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

// unprintable also reports U+FFFD, which stands for a byte that is not UTF-8.
func unprintable(char rune) bool { return char == utf8.RuneError || !strconv.IsPrint(char) }
