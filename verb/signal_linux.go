package verb

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

func signalName(s syscall.Signal) string { return unix.SignalName(s) }

// raise sends a signal to the calling thread, which gets it before raise returns.
func raise(s syscall.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), s)
}

// inheritedHandlers holds the handler that each signal had when the program started. The runtime keeps SIGHUP and SIGINT
// ignored if they were ignored then, but not the other signals. The variable belongs to the runtime, which offers no other
// way to read it: a definition with a value wins over the runtime's own definition without one. Signal 0 does not exist;
// its element is that value. The array is as long as the longest of any architecture.
//
//go:linkname inheritedHandlers runtime.fwdSig
var inheritedHandlers = [129]uintptr{0: 1}

const ignoredHandler = 1 // SIG_IGN

// keepIgnored ignores the signals that were ignored when the program was started.
func keepIgnored() {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} {
		if inheritedHandlers[s] == ignoredHandler {
			signal.Ignore(s)
		}
	}
}
