package ipvs

import (
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"ipvsadm/ipvs/internal/nlsocket"
)

// TestKernelManyAtOnce needs several batches and datagrams, and stops a listing early.
func TestKernelManyAtOnce(t *testing.T) {
	c := dialKernel(t)
	var changes []Change
	const many = 500
	for i := range many {
		id := MarkService(uint32(i+1), IPv4)
		changes = append(changes, AddService(Service{ServiceID: id, Scheduler: "rr"}))
	}
	refused := []int{0, 63, 64, 300, len(changes) + 2}
	for _, i := range refused {
		changes = slices.Insert(changes, i, AddService(Service{ServiceID: MarkService(1<<20, IPv4), Scheduler: "nosuch"}))
	}
	err := c.Apply(t.Context(), changes...)
	var batch *BatchError
	if !errors.As(err, &batch) {
		t.Fatalf("error %v, want a BatchError", err)
	}
	var failed []int
	for _, failure := range batch.Failures {
		failed = append(failed, failure.Index)
		if failure.Err.Reason() != "Scheduler or persistence engine not found" {
			t.Errorf("change %d: %v", failure.Index, failure.Err)
		}
	}
	if !slices.Equal(failed, refused) {
		t.Errorf("changes %v failed, want %v", failed, refused)
	}
	all, err := c.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range c.Entries(t.Context(), all) {
		break // the client stays usable
	}
	if got := len(services(t, c)); got != many {
		t.Errorf("%d services, want %d", got, many)
	}
}

// TestKernelSmallBuffers applies changes that the kernel refuses, and lists a table of several datagrams, through sockets with
// small buffers, down to the kernel's minimum.
func TestKernelSmallBuffers(t *testing.T) {
	c := dialKernel(t)
	const many = 300
	var changes []Change
	for i := range many {
		service := Service{ServiceID: MarkService(uint32(i+1), IPv6), Scheduler: "rr"}
		changes = append(changes, AddService(service))
	}
	apply(t, c, changes...)
	for _, size := range [][2]int{{1, 1}, {1, 1 << 20}, {1 << 20, 1}, {1 << 20, 2000}, {1 << 20, 8000}, {1 << 20, 16384}} {
		conn, err := dialSized(nlsocket.Buffers{Send: size[0], Receive: size[1]})
		if err != nil {
			t.Fatal(err)
		}
		granted := conn.Buffers
		small, err := newClient(oneSocket(conn.Conn, granted))
		if err != nil {
			t.Fatal(err)
		}
		var batch *BatchError
		if err := small.Apply(t.Context(), changes...); !errors.As(err, &batch) || err != error(batch) || len(batch.Failures) != many {
			t.Errorf("buffers %+v: %v, want %d refusals", granted, err, many)
		}
		if got := len(services(t, small)); got != many {
			t.Errorf("buffers %+v: %d services, want %d", granted, got, many)
		}
		if err := small.Close(); err != nil {
			t.Error(err)
		}
	}
}

// dialSized dials with buffers of a size, or as near as the kernel allows. Dial never makes buffers smaller.
func dialSized(size nlsocket.Buffers) (*nlsocket.Conn, error) {
	fd, err := nlsocket.Open()
	if err != nil {
		return nil, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, size.Send),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size.Receive))
	if err != nil {
		return nil, err
	}
	return nlsocket.Connect(fd, nlsocket.Buffers{})
}

// TestKernelGrantsBuffers dials where default and limit are the kernel's minimum. Root still gets what a full batch needs.
func TestKernelGrantsBuffers(t *testing.T) {
	if os.Getenv("IPVSADM_LAB") == "" {
		t.Skip("changes the machine's settings")
	}
	for path, smallest := range map[string]string{
		"/proc/sys/net/core/wmem_default": "4608", "/proc/sys/net/core/rmem_default": "2304",
		"/proc/sys/net/core/wmem_max": "4608", "/proc/sys/net/core/rmem_max": "2304",
	} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(smallest), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.WriteFile(path, before, 0) })
	}
	c := dialKernel(t)
	if got := c.small.Buffers; got.Send < fullBatch.Send || got.Receive < fullBatch.Receive {
		t.Errorf("buffers %+v, want %+v", got, fullBatch)
	}
}
