package top

import (
	"cmp"
	"math"
	"slices"
)

// Column is a column of the screen, by which lines can be sorted.
type Column struct {
	Name    string // as --sort takes it
	heading string
	width   int
	of      func(*Line) float64
	text    func(float64) string
	least   int // the columns of the narrowest screen that shows it
}

// Columns lists the columns with numbers, as the screen shows them from left to right.
func Columns() []Column {
	return []Column{
		{"weight", "WEIGHT", 6, func(l *Line) float64 { return float64(l.Weight) }, count, 0},
		{"weight-share", "W%", 4, func(l *Line) float64 { return l.WeightShare }, percent, 0},
		{"traffic-share", "T%", 4, func(l *Line) float64 { return l.TrafficShare }, percent, 0},
		{"active", "ACTIVE", 6, func(l *Line) float64 { return float64(l.Active) }, count, 0},
		{"inactive", "INACT", 6, func(l *Line) float64 { return float64(l.Inactive) }, count, 0},
		{"connections", "CONN/S", 6, func(l *Line) float64 { return l.Connections }, count, 0},
		{"packets-in", "PKT/S IN", 8, func(l *Line) float64 { return l.PacketsIn }, count, 120},
		{"packets-out", "PKT/S OUT", 9, func(l *Line) float64 { return l.PacketsOut }, count, 120},
		{"bits-in", "BIT/S IN", 8, func(l *Line) float64 { return l.BitsIn }, count, 90},
		{"bits-out", "BIT/S OUT", 9, func(l *Line) float64 { return l.BitsOut }, count, 90},
	}
}

// ColumnNames lists the words of --sort.
func ColumnNames() []string {
	names := []string{"name"}
	for _, column := range Columns() {
		names = append(names, column.Name)
	}
	return names
}

// sortLines sorts services, and the servers of each, by a column: the largest first, what is unknown last. It keeps the
// order of the table for "name" and between equals.
func sortLines(lines []Line, name string) []Line {
	columns := Columns()
	i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return lines
	}
	sorted := slices.Clone(lines)
	largestFirst := func(a, b Line) int { return compare(columns[i].of(&b), columns[i].of(&a)) }
	slices.SortStableFunc(sorted, largestFirst)
	for i := range sorted {
		sorted[i].Servers = slices.Clone(sorted[i].Servers)
		slices.SortStableFunc(sorted[i].Servers, largestFirst)
	}
	return sorted
}

// compare orders what is unknown before every number.
func compare(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return -1
	case math.IsNaN(b):
		return 1
	default:
		return cmp.Compare(a, b)
	}
}
