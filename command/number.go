package command

import (
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

// leadingNumber reads a number as C's atoi does: anything may come after it, and no number is zero. One that is too large
// is the largest.
func leadingNumber(text string) int64 {
	text = strings.TrimLeftFunc(text, isSpace)
	rest := strings.TrimLeft(strings.TrimLeft(text, "+-"), "0123456789")
	number, _ := strconv.ParseInt(strings.TrimSuffix(text, rest), 10, 64)
	return number
}
