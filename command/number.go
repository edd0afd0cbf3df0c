package command

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

const maxInt = math.MaxInt32

// isSpace is C's isspace.
func isSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

// parseNumber reads a decimal number within bounds as C's strtol does: white space and a sign may come before it, but
// nothing after it.
func parseNumber(text string, low, high int64) (int64, bool) {
	number, err := strconv.ParseInt(strings.TrimLeftFunc(text, isSpace), 10, 64)
	return number, err == nil && low <= number && number <= high
}

// leadingNumber reads a number as C's atoi does: anything may come after it.
func leadingNumber(text string) (int64, bool) {
	text = strings.TrimLeftFunc(text, isSpace)
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return 0, false
	}
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(digits)
	}
	number, err := strconv.ParseInt(text[:len(text)-len(digits)+end], 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return number, true
	}
	return number, err == nil
}
