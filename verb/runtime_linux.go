package verb

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func signalName(s syscall.Signal) string { return unix.SignalName(s) }

// raise sends a signal to the calling thread, which gets it before raise returns.
func raise(s syscall.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), s)
}

// The two variables below belong to Go's runtime, which offers no other way. A definition with a value wins over the
// runtime's own, which has none, and holds before the first line of Go runs.

// overrideWrite, if it is set, is called for all that the runtime itself prints. The runtime exits with 2 when it lacks a
// thread, memory or a descriptor, but 2 is the status of a kernel without IPVS.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite = writeThenExit

// inheritedHandlers holds the handler that each signal had when the program was started. The runtime keeps SIGHUP and
// SIGINT ignored if they were, and no others. There is no signal 0: its element is the value that makes this definition
// win. The array is as long as the longest of any architecture.
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

// dying says that the runtime has begun the line with the reason for which it ends the program.
var dying bool

// writeThenExit writes what the runtime prints to standard error, and exits at the end of the line that begins with
// "fatal error: ". It must not allocate or grow its stack, as there may be no memory.
//
//go:nosplit
func writeThenExit(fd uintptr, text unsafe.Pointer, length int32) int32 {
	const beginning = "fatal error: "
	syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(text), uintptr(length))
	b := unsafe.Slice((*byte)(text), length)
	same := len(b) == len(beginning)
	for i := 0; same && i < len(beginning); i++ {
		same = b[i] == beginning[i]
	}
	dying = dying || same
	if dying && len(b) > 0 && b[len(b)-1] == '\n' {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, statusFailed, 0, 0)
	}
	return length
}
