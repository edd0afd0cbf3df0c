package save

import (
	"io"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// WriteSettings writes the commands that set the timeouts and start the daemons, one on each line.
func WriteSettings(w io.Writer, timeouts ipvs.Timeouts, daemons []ipvs.Daemon) error {
	b := append(command.Command{Kind: command.SetTimeouts, Timeouts: timeouts}.AppendRule(nil, nil), '\n')
	sorted := slices.SortedFunc(slices.Values(daemons), func(a, b ipvs.Daemon) int { return int(a.State) - int(b.State) })
	for _, daemon := range sorted {
		b = append(command.Command{Kind: command.StartDaemon, Daemon: daemon}.AppendRule(b, nil), '\n')
	}
	_, err := w.Write(b)
	return err
}
