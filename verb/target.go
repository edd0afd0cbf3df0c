package verb

import (
	"github.com/urfave/cli/v2"

	"ipvsadm/command"
)

// targetFlag is a flag that names a service or a server as the classic line does.
type targetFlag struct {
	cli.GenericFlag
	value *command.TargetFlag
}

// targetFlags returns the flags of a target for a verb.
func targetFlags(target *command.Target) []cli.Flag {
	var flags []cli.Flag
	for _, value := range target.Flags() {
		f := &targetFlag{cli.GenericFlag{Name: value.Name, Usage: value.Usage, Value: value}, value}
		if value.Alias != "" {
			f.Aliases = []string{value.Alias}
		}
		flags = append(flags, f)
	}
	return flags
}

// TakesValue reports whether the next word is the flag's value.
func (f *targetFlag) TakesValue() bool { return !f.value.IsBoolFlag() }

// String returns the flag's line in the help of its verb.
func (f *targetFlag) String() string { return cli.FlagStringer(f) }
