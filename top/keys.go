package top

import (
	"slices"
	"time"

	"ipvsadm/ipvs"
)

// Action is what a key asks of the program, beyond the screen itself.
type Action int

// The actions.
const (
	Nothing Action = iota
	Quit
	Suspend         // ^Z
	ListConnections // of the selected server
	NewInterval     // Interval has changed
)

// The shortest interval is that of the kernel's counters: since 6.2 it adds them up every two seconds.
const (
	ShortestInterval = 2 * time.Second
	longestInterval  = time.Minute
)

// Press changes the screen by the keys that a terminal sent, and returns what else they ask for.
func (s *Screen) Press(keys []byte, height int) Action {
	switch {
	case len(keys) == 0:
		return Nothing
	case keys[0] == 3: // ^C
		return Quit
	case keys[0] == 26: // ^Z
		return Suspend
	case s.typing:
		s.write(keys)
		return Nothing
	case s.Help || s.details != nil:
		s.Help, s.details = false, nil
		return Nothing
	}
	page := max(1, height-4)
	switch string(keys) {
	case "\x1b[A", "\x1bOA", "k":
		s.move(-1)
	case "\x1b[B", "\x1bOB", "j":
		s.move(1)
	case "\x1b[5~":
		s.move(-page)
	case "\x1b[6~", " ":
		s.move(page)
	case "q", "Q":
		return Quit
	case "s":
		s.sort(1)
	case "S":
		s.sort(-1)
	case "\r", "\n":
		s.fold()
	case "/":
		s.typing, s.Filter = true, ""
	case "f":
		s.Frozen = !s.Frozen
	case "h", "?":
		s.Help = true
	case "c":
		return ListConnections
	case "+":
		s.Interval = min(longestInterval, s.Interval+time.Second)
		return NewInterval
	case "-":
		s.Interval = max(ShortestInterval, s.Interval-time.Second)
		return NewInterval
	}
	return Nothing
}

// write changes the filter that is being typed.
func (s *Screen) write(keys []byte) {
	for _, char := range keys {
		switch {
		case char == '\r' || char == '\n':
			s.typing = false
		case char == 27: // escape
			s.typing, s.Filter = false, ""
			return
		case (char == 8 || char == 127) && len(s.Filter) > 0:
			s.Filter = s.Filter[:len(s.Filter)-1]
		case char > ' ' && char < 127 || char == ' ':
			s.Filter += string(rune(char))
		}
	}
}

// move selects another line.
func (s *Screen) move(by int) {
	visible := s.visible()
	if len(visible) == 0 {
		return
	}
	at := max(0, slices.IndexFunc(visible, func(l *Line) bool { return (key{l.Service, l.Server}) == s.selected }))
	line := visible[min(max(0, at+by), len(visible)-1)]
	s.selected = key{line.Service, line.Server}
}

func (s *Screen) sort(by int) {
	names := ColumnNames()
	at := max(0, slices.Index(names, s.Sort))
	s.Sort = names[(at+by+len(names))%len(names)]
}

// fold folds or unfolds the service of the selected line.
func (s *Screen) fold() {
	line := s.Selected()
	if line == nil {
		s.move(0)
		line = s.Selected()
	}
	if line == nil {
		return
	}
	if s.folded == nil {
		s.folded = make(map[ipvs.ServiceID]bool)
	}
	s.folded[line.Service] = !s.folded[line.Service]
	s.selected = key{service: line.Service}
}
