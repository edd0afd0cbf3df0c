// Package thread runs parts of tests on threads of their own, whose namespace, rights and filters end with them.
package thread

import "runtime"

// Run calls f on a thread of its own, which ends with it.
func Run(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks it, so the thread ends
		done <- f()
	}()
	return <-done
}
