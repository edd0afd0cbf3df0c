package top

import (
	"math"
	"strconv"
)

// count returns a number in at most five characters, with K, M, G, T or P for thousands, and "-" if it is unknown.
func count(n float64) string {
	if math.IsNaN(n) {
		return "-"
	}
	if n > 0 && n < 9.95 && n != math.Trunc(n) {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	for _, unit := range []string{"", "K", "M", "G", "T"} {
		switch {
		case unit == "" && n < 99_999.5, n < 999.5:
			return strconv.FormatFloat(math.Round(n), 'f', 0, 64) + unit
		}
		if n /= 1000; n < 99.95 {
			return strconv.FormatFloat(n, 'f', 1, 64) + next(unit)
		}
	}
	return strconv.FormatFloat(math.Round(n), 'f', 0, 64) + "P"
}

// next returns the unit of the thousandfold.
func next(unit string) string {
	return map[string]string{"": "K", "K": "M", "M": "G", "G": "T", "T": "P"}[unit]
}

// percent returns a share in percent, and "-" if it is unknown.
func percent(share float64) string {
	if math.IsNaN(share) {
		return "-"
	}
	return strconv.FormatFloat(math.Round(100*share), 'f', 0, 64)
}

// Bars are the characters of a bar from empty to full.
const (
	Blocks = " ▁▂▃▄▅▆▇█"
	Plain  = " .:-=+*#@"
)

// bar draws the last values of a history in a width, scaled to the largest.
func bar(history []float64, width int, characters []rune) string {
	history = history[max(0, len(history)-width):]
	largest := 0.0
	for _, value := range history {
		largest = max(largest, value)
	}
	drawn := make([]rune, 0, width)
	for range width - len(history) {
		drawn = append(drawn, ' ')
	}
	for _, value := range history {
		level := 0
		if largest > 0 && value > 0 {
			level = 1 + int(value/largest*float64(len(characters)-2))
		}
		drawn = append(drawn, characters[min(level, len(characters)-1)])
	}
	return string(drawn)
}
