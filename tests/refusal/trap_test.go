package refusal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The test answers what the program under test, and its children, send on sockets. The program opens real sockets, but the
// kernel hands its system calls that send and receive to the test (seccomp_unotify(2)). The test reads the request from
// the program's memory and writes the answer there. So it needs neither IPVS nor root.

// trapped are the system calls of the C library and of Go for netlink. Those in forbidden are modprobe's, which must not
// load a module into this machine's kernel.
var (
	trapped   = []uint32{unix.SYS_SENDMSG, unix.SYS_RECVMSG, unix.SYS_WRITE, unix.SYS_RECVFROM}
	forbidden = []uint32{unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE}
)

const (
	trapVariable = "REFUSAL_TRAP" // set for a test binary that becomes the program under test

	// The files that it inherits.
	readyFile    = 3 // it closes this when the trap is set
	goFile       = 4 // we close this when we have the trap
	listenerFile = 5
)

// init becomes the program under test, with our arguments.
func init() {
	if os.Getenv(trapVariable) == "" {
		return
	}
	os.Unsetenv(trapVariable)
	runtime.LockOSThread()
	err := setTrap()
	if err == nil {
		err = unix.Exec(os.Args[0], os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(125)
}

// a read would be trapped
func setTrap() error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the number
	rule := func(numbers []uint32, action uint32) {
		for _, number := range numbers {
			filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
				unix.SockFilter{Code: unix.BPF_RET, K: action})
		}
	}
	rule(trapped, unix.SECCOMP_RET_USER_NOTIF)
	rule(forbidden, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if listener != listenerFile {
		if err := unix.Dup3(int(listener), listenerFile, unix.O_CLOEXEC); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	unix.CloseOnExec(goFile)
	unix.Close(readyFile)
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: goFile}}, -1) // reading is trapped already
		if err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
	}
}

// trap answers the system calls of a program.
type trap struct {
	listener int
	answer   func(process string, request []byte) (datagrams [][]byte, err error)
	queues   map[string][][]byte // the datagrams for each socket, by its name in /proc
}

// longest is the time limit of a command. In the lab many take some seconds.
const longest = time.Minute

// run runs a command and answers its requests by calling answer, with the process's folder in /proc. It returns what the
func run(command *exec.Cmd, answer func(process string, request []byte) ([][]byte, error)) (out []byte, err error) {
	readyRead, readyWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer readyRead.Close()
	goRead, goWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer goWrite.Close()
	command.Args[0] = command.Path
	command.Path = "/proc/self/exe"
	command.Env = append(command.Environ(), trapVariable+"=1")
	command.ExtraFiles = []*os.File{readyWrite, goRead}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	err = command.Start()
	readyWrite.Close()
	goRead.Close()
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(io.Discard, readyRead); err != nil {
		return nil, err
	}
	defer time.AfterFunc(longest, func() { unix.Kill(-command.Process.Pid, unix.SIGKILL) }).Stop()
	// Older kernels end the trap only after the program was waited for.
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	if err := serve(command.Process.Pid, goWrite, answer); err != nil {
		command.Process.Kill()
		return nil, err
	}
	err = <-ended
	return printed.Bytes(), err
}

// serve answers until the program and its children have ended.
func serve(pid int, ready io.Closer, answer func(string, []byte) ([][]byte, error)) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(process)
	listener, err := unix.PidfdGetfd(process, listenerFile, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_getfd", err)
	}
	defer unix.Close(listener)
	ready.Close()
	t := &trap{listener, answer, make(map[string][][]byte)}
	for {
		events := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(events, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return os.NewSyscallError("poll", err)
		}
		if events[0].Revents&unix.POLLIN == 0 {
			return nil // all processes have ended
		}
		if err := t.one(); err != nil {
			return err
		}
	}
}

// notification is struct seccomp_notif, and response struct seccomp_notif_resp.
type notification struct {
	id        uint64
	pid       uint32
	flags     uint32
	number    int32
	arch      uint32
	ip        uint64
	arguments [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

const (
	notifyReceive = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifySend    = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	goOn          = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE: let the kernel do it
)

// one answers one system call.
func (t *trap) one() error {
	var n notification
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.listener), notifyReceive, uintptr(unsafe.Pointer(&n))); errno == unix.ENOENT || errno == unix.EINTR {
		return nil // the process is gone
	} else if errno != 0 {
		return os.NewSyscallError("receive notification", errno)
	}
	process := fmt.Sprintf("/proc/%d", n.pid)
	socket, err := os.Readlink(fmt.Sprintf("%s/fd/%d", process, int32(n.arguments[0])))
	queue := t.queues[socket]
	r := response{flags: goOn}
	if err == nil && strings.HasPrefix(socket, "socket:") {
		if r, queue, err = t.do(n, process, queue); err != nil {
			return err
		}
	}
	r.id = n.id
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.listener), notifySend, uintptr(unsafe.Pointer(&r)))
	switch errno {
	case 0:
		t.queues[socket] = queue
	case unix.ENOENT: // a signal interrupted the system call, which begins again
	default:
		return os.NewSyscallError("send response", errno)
	}
	return nil
}

// do returns the response to a system call, and the datagrams that wait for the socket after it.
func (t *trap) do(n notification, process string, queue [][]byte) (response, [][]byte, error) {
	file, err := os.OpenFile(process+"/mem", os.O_RDWR, 0)
	if err != nil {
		return response{}, nil, err
	}
	defer file.Close()
	m := &memory{file: file}
	var size int
	switch n.number {
	case unix.SYS_WRITE:
		size, queue, err = t.send(process, queue, m.read(n.arguments[1], n.arguments[2]))
	case unix.SYS_SENDMSG:
		var data []byte
		for _, part := range m.message(n.arguments[1]) {
			data = append(data, m.read(part.base, part.length)...)
		}
		size, queue, err = t.send(process, queue, data)
	case unix.SYS_RECVFROM:
		size, queue, err = receive(queue, m, []extent{{n.arguments[1], n.arguments[2]}}, int(n.arguments[3]))
	case unix.SYS_RECVMSG:
		size, queue, err = receive(queue, m, m.message(n.arguments[1]), int(n.arguments[2]))
		m.received(n.arguments[1])
	}
	if errno, ok := err.(syscall.Errno); ok {
		return response{errno: -int32(errno)}, queue, nil
	}
	if err == nil {
		err = m.failure
	}
	return response{value: int64(size)}, queue, err
}

func (t *trap) send(process string, queue [][]byte, request []byte) (int, [][]byte, error) {
	answers, err := t.answer(process, request)
	return len(request), append(queue, answers...), err
}

// receive puts the next datagram into the program's memory. It never waits, because answers are there at once.
func receive(queue [][]byte, m *memory, room []extent, flags int) (int, [][]byte, error) {
	if len(queue) == 0 {
		return 0, queue, unix.EAGAIN
	}
	datagram, rest := queue[0], queue[1:]
	if flags&unix.MSG_PEEK != 0 {
		rest = queue
	}
	if datagram == nil {
		return 0, rest, unix.ENOBUFS // a datagram was lost
	}
	left := datagram
	for _, part := range room {
		n := min(uint64(len(left)), part.length)
		m.write(part.base, left[:n])
		left = left[n:]
	}
	if len(left) > 0 && flags&unix.MSG_TRUNC == 0 {
		return 0, queue, fmt.Errorf("no room for %d bytes", len(left))
	}
	return len(datagram), rest, nil
}

// memory is the memory of a program under test. After a failure it does nothing.
type memory struct {
	file    *os.File
	failure error
}

// extent is a range of addresses.
type extent struct{ base, length uint64 }

func (m *memory) read(base, length uint64) []byte {
	b := make([]byte, length)
	if m.failure == nil {
		_, m.failure = m.file.ReadAt(b, int64(base))
	}
	return b
}

func (m *memory) write(base uint64, b []byte) {
	if m.failure == nil {
		_, m.failure = m.file.WriteAt(b, int64(base))
	}
}

// message returns the parts of a struct msghdr.
func (m *memory) message(base uint64) (parts []extent) {
	header := m.read(base, unix.SizeofMsghdr)
	vector, count := binary.NativeEndian.Uint64(header[16:]), binary.NativeEndian.Uint64(header[24:])
	b := m.read(vector, 16*count)
	for ; len(b) > 0; b = b[16:] {
		parts = append(parts, extent{binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])})
	}
	return parts
}

// received fills in a struct msghdr as the kernel does: the message is the kernel's, without control messages.
func (m *memory) received(base uint64) {
	header := m.read(base, unix.SizeofMsghdr)
	name := binary.NativeEndian.Uint64(header)
	if name != 0 {
		m.write(name, append([]byte{unix.AF_NETLINK, 0}, make([]byte, unix.SizeofSockaddrNetlink-2)...))
		binary.NativeEndian.PutUint32(header[8:], unix.SizeofSockaddrNetlink)
	}
	binary.NativeEndian.PutUint64(header[40:], 0) // control messages
	binary.NativeEndian.PutUint32(header[48:], 0) // flags
	m.write(base, header)
}
