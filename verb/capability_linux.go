package verb

import "golang.org/x/sys/unix"

// hasNetAdmin reports whether this process has CAP_NET_ADMIN. It reports true if the kernel does not let us ask.
func hasNetAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // of 32 capabilities each
	if unix.Capget(&header, &sets[0]) != nil {
		return true
	}
	return sets[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
