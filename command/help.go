package command

import (
	"fmt"
	"io"
	"strings"
)

// WriteHelp writes the usage of the classic command line, with a line for each option and each verb.
func WriteHelp(w io.Writer, program string, verbs []Candidate) error {
	var b strings.Builder
	fmt.Fprintf(&b, `Usage:
  %[1]s -A|-E SERVICE [-s SCHEDULER] [-b FLAG,...] [-p [SECONDS]] [-M MASK] [--pe ENGINE] [-o]
  %[1]s -D SERVICE
  %[1]s -a|-e SERVICE -r ADDRESS[:PORT] [-g|-i|-m] [-w WEIGHT] [-x CONNECTIONS] [-y CONNECTIONS]
  %[1]s -d SERVICE -r ADDRESS[:PORT]
  %[1]s -C
  %[1]s [-L [SERVICE | -c | --timeout | --daemon] [-n] ...]
  %[1]s -Z [SERVICE]
  %[1]s -S [-n]
  %[1]s -R
  %[1]s --set TCP TCPFIN UDP
  %[1]s --start-daemon master|backup [--mcast-interface INTERFACE] [--syncid ID] ...
  %[1]s --stop-daemon master|backup
  %[1]s VERB [FLAG...]
  %[1]s -h|-v

`, program)
	for _, o := range options {
		if o.help == "" {
			continue
		}
		letter := "   "
		if o.letter != 0 {
			letter = "-" + string(o.letter) + ","
		}
		fmt.Fprintf(&b, "  %s --%-32s %s\n", letter, strings.TrimSuffix(o.long+" "+o.argument, " "), o.help)
	}
	b.WriteString("\nVerbs:\n")
	for _, verb := range verbs {
		fmt.Fprintf(&b, "  %-12s %s\n", verb.Word, verb.Help)
	}
	b.WriteString("\nSee ipvsadm(8).\n")
	_, err := io.WriteString(w, b.String())
	return err
}
