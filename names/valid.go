package names

import "strings"

// ValidHost reports whether a name is a valid host name: labels of letters, digits, dashes and underscores. It must not
// begin with a dash, like an option, or end with a number, like an address.
func ValidHost(name string) bool {
	if len(name) > 253 || strings.HasPrefix(name, "-") {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.IndexFunc(label, notInHost) >= 0 {
			return false
		}
		last = label
	}
	return !isNumber(last)
}

func notInHost(r rune) bool {
	return !isLetter(r) && !('0' <= r && r <= '9') && r != '-' && r != '_'
}

// isNumber reports whether inet_aton would read the last label of a name as part of an address.
func isNumber(label string) bool {
	digits := "0123456789"
	if rest, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		label, digits = rest, "0123456789abcdef"
	}
	return strings.Trim(label, digits) == ""
}

// validService reports whether a name is a valid service name: printable ASCII that does not begin with a dash. It must
// have a letter, or it could be read as a number.
func validService(name string) bool {
	return !strings.HasPrefix(name, "-") && strings.IndexFunc(name, isLetter) >= 0 && strings.IndexFunc(name, notPrintable) < 0
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }
