package verb

import (
	"syscall"
	"unsafe"
)

// The runtime exits with 2 when it lacks a thread, memory or a descriptor, but 2 is the status of a kernel without IPVS.
// overrideWrite belongs to the runtime, which calls it for everything that it prints itself. A definition with a value
// wins over the runtime's own definition without one, before the first line of Go runs.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite = writeThenExit

// dying is set when the runtime begins the line with the reason why it ends the program.
var dying bool

// writeThenExit writes text of the runtime. It exits at the end of the line that begins with "fatal error: ". There may be
// no memory, so it must not allocate or grow its stack.
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
