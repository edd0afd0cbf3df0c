package command

import "strings"

// longestName is the kernel's limit, in bytes, for the name of a scheduler, an engine or an interface.
const longestName = 15

// CheckNames returns the kernel's error for a name that no kernel can know, so that a file with one is refused as a whole.
func (c Command) CheckNames() error {
	switch {
	case impossible(c.Service.Scheduler), impossible(c.Service.Engine):
		return &Error{Message: "Scheduler or persistence engine not found", Status: statusRefused}
	case len(c.Daemon.Interface) > longestName, strings.ContainsAny(c.Daemon.Interface, "/: \t\n\v\f\r\x00"):
		return &Error{Message: "No such device", Status: statusRefused}
	default:
		return nil
	}
}

// impossible reports whether the name of a scheduler or an engine is too long for the kernel, or has a character that
// no such name has.
func impossible(name string) bool {
	return len(name) > longestName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
}

// withNamesCut returns the command with its names cut to the kernel's limit. The kernel knows no longer name, and says
// so after its other errors, as it does for the original.
func (c Command) withNamesCut() Command {
	for _, name := range []*string{&c.Service.Scheduler, &c.Service.Engine, &c.Daemon.Interface} {
		*name = (*name)[:min(len(*name), longestName)]
	}
	return c
}
