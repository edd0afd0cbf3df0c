package command

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The exit statuses of a command line that is not carried out.
const (
	statusUsage   = 2   // it is understood and wrong
	statusRefused = 255 // it is not understood
)

// Error is why a command line was not understood or is not legal.
type Error struct {
	Message string   // the original's words
	Status  int      // the exit status that the original has for it
	Hints   []string // what is likely wrong and what to type instead, where that can be told
}

// Error returns the message without the hints.
func (e *Error) Error() string { return e.Message }

// wrong returns the error of a command line that is understood and wrong.
func wrong(format string, arguments ...any) error {
	return &Error{Message: message(format, arguments), Status: statusUsage}
}

// refused returns the error of a command line that is not understood.
func refused(format string, arguments ...any) error {
	return &Error{Message: message(format, arguments), Status: statusRefused}
}

// message formats the original's words. Strings among the arguments are words of the command line: anyone may have
// written the file that they come from.
func message(format string, arguments []any) string {
	for i, argument := range arguments {
		if word, ok := argument.(string); ok {
			arguments[i] = Printable(shortened(word))
		}
	}
	return fmt.Sprintf(format, arguments...)
}

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

// unprintable takes U+FFFD, which stands for a byte that is not UTF-8, for one of them.
func unprintable(char rune) bool { return char == utf8.RuneError || !strconv.IsPrint(char) }

// ExitCode returns Status.
func (e *Error) ExitCode() int { return e.Status }
