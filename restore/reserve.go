package restore

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
)

// Go's runtime starts threads and maps memory on demand, and ends the program if the kernel refuses. That must not happen
// between two changes, so a restore takes what it needs before the first one.

const (
	// With one processor four threads run at once: one executes the plan, and one each waits for signals, for the
	// kernel's replies and for the reader of a listing. One more is in reserve.
	threadsNeeded = 5

	// The memory that a plan and its undoing allocate, measured and rounded up.
	memoryNeeded        = 8 << 20
	memoryNeededPerStep = 4 << 10

	// arena is the address space that the runtime takes at once.
	arena = 64 << 20
)

// Reserve takes the threads and the memory to execute the plan and to undo it, until release is called. If threads are
// lacking the runtime ends the program, but nothing was changed by then.
func (p *Plan) Reserve() (release func(), err error) {
	steps := len(p.Additions) + len(p.Others) + len(p.Deletions) + len(p.Moves)
	for _, s := range p.before.services {
		steps += 1 + len(s.servers)
	}
	size := arena + memoryNeeded + steps*memoryNeededPerStep
	if err := memory(size); err != nil {
		return nil, fmt.Errorf("a restore of %d steps needs %d MiB of memory: %w", steps, size>>20, err)
	}
	processors := runtime.GOMAXPROCS(1) // each one more may start another thread
	startThreads(threadsNeeded)
	return func() { runtime.GOMAXPROCS(processors) }, nil
}

// memory maps memory and gives it back, so that the runtime can have it.
func memory(size int) error {
	mapped, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return err
	}
	return syscall.Munmap(mapped)
}

// startThreads starts threads, which the runtime keeps for later use.
func startThreads(number int) {
	var started, ended sync.WaitGroup
	all := make(chan struct{})
	started.Add(number)
	for range number {
		ended.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started.Done()
			<-all
		})
	}
	started.Wait()
	close(all)
	ended.Wait()
}
