package command

import "fmt"

// The exit statuses of a command line that is not carried out.
const (
	statusUsage   = 2   // it is understood and wrong
	statusRefused = 255 // it is not understood
)

// Error is why a command line was not understood or is not legal.
type Error struct {
	Message string // the original's words
	Status  int    // the exit status that the original has for it
	Hint    string // what to type instead, where that can be guessed
}

// Error returns the message without the hint.
func (e *Error) Error() string { return e.Message }

// wrong returns the error of a command line that is understood and wrong.
func wrong(format string, arguments ...any) error {
	return &Error{Message: fmt.Sprintf(format, arguments...), Status: statusUsage}
}

// refused returns the error of a command line that is not understood.
func refused(format string, arguments ...any) error {
	return &Error{Message: fmt.Sprintf(format, arguments...), Status: statusRefused}
}
