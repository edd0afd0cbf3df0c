package command

import "strings"

// longestName is how many bytes the kernel has room for in the name of a scheduler, an engine or an interface.
const longestName = 15

// CheckNames reports a name that no kernel can know, with the message and status that asking the kernel would have.
func (c Command) CheckNames() error {
	switch {
	case impossible(c.Service.Scheduler), impossible(c.Service.Engine):
		return refused("Scheduler or persistence engine not found")
	case len(c.Daemon.Interface) > longestName, strings.ContainsAny(c.Daemon.Interface, "/: \t\n\v\f\r\x00"):
		return refused("No such device")
	default:
		return nil
	}
}

// impossible reports whether the name of a scheduler or an engine is too long for the kernel, or has a character that
// no such name has.
func impossible(name string) bool {
	return len(name) > longestName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
}

// inKernel returns the command with names as long as the kernel has room for. The kernel, which knows none of those
// that are longer, then says so after what else it has to say, as it does for the original.
func (c Command) inKernel() Command {
	for _, name := range []*string{&c.Service.Scheduler, &c.Service.Engine, &c.Daemon.Interface} {
		*name = (*name)[:min(len(*name), longestName)]
	}
	return c
}
