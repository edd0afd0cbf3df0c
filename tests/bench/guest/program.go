//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// run runs a program and returns its time from fork to wait. It must succeed, but fail if it reads wrongFile.
func run(stdin, stdout string, words ...string) time.Duration {
	in, err := os.Open(stdin)
	must(err)
	defer in.Close()
	out, err := os.OpenFile(stdout, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) // as a shell does
	must(err)
	defer out.Close()
	attributes := &syscall.ProcAttr{Env: []string{"PATH=/bin"}, Files: []uintptr{in.Fd(), out.Fd(), 2}}

	start := time.Now()
	process, err := syscall.ForkExec(words[0], words, attributes)
	must(err)
	var status syscall.WaitStatus
	_, err = syscall.Wait4(process, &status, 0, nil)
	took := time.Since(start)
	must(err)
	if (status.ExitStatus() != 0) != (stdin == wrongFile) {
		must(fmt.Errorf("%s: status %d", strings.Join(words, " "), status.ExitStatus()))
	}
	return took
}

const null = "/dev/null"

// output runs a program and returns what it printed.
func output(words ...string) []byte {
	run(null, "/tmp/output", words...)
	return []byte(read("/tmp/output"))
}

func read(path string) string {
	text, err := os.ReadFile(path)
	must(err)
	return string(text)
}

// time returns the median of several runs in milliseconds. It calls before, if any, before each.
func (b *bench) time(before func(), stdin string, words ...string) float64 {
	fmt.Fprintln(os.Stderr, "bench:", strings.Join(words, " "))
	took := make([]float64, b.runs)
	for i := range took {
		if before != nil {
			before()
		}
		took[i] = float64(run(stdin, null, words...)) / float64(time.Millisecond)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// resident returns the largest resident memory of a program, in MiB. A small process starts it, because the kernel counts the
// memory of the parent at the fork.
func resident(stdin string, words ...string) float64 {
	fmt.Fprintln(os.Stderr, "bench: memory of", strings.Join(words, " "))
	run(stdin, null, append([]string{"/proc/self/exe", residentVerb, "/tmp/memory"}, words...)...)
	kilobytes, err := strconv.ParseFloat(read("/tmp/memory"), 64)
	must(err)
	return kilobytes / 1024
}

const residentVerb = "resident"

// writeResident is that process. It runs the words and writes the kilobytes to the file.
func writeResident(path string, words []string) {
	process, err := syscall.ForkExec(words[0], words, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	must(err)
	var status syscall.WaitStatus
	var usage syscall.Rusage
	_, err = syscall.Wait4(process, &status, 0, &usage)
	must(err)
	must(os.WriteFile(path, strconv.AppendInt(nil, usage.Maxrss, 10), 0o644))
	os.Exit(status.ExitStatus())
}

// same reports whether two programs print the same, after a change to both outputs.
func same(change func([]byte) []byte, one, other []string) bool {
	return bytes.Equal(change(output(one...)), change(output(other...)))
}

func asIs(b []byte) []byte { return b }

// withoutExpiry blanks the second column of a listing of connections, which changes with time.
func withoutExpiry(b []byte) []byte {
	for line := range bytes.Lines(b) {
		if len(line) > 10 && bytes.Contains(line[:10], []byte(":")) {
			copy(line[4:], "      ")
		}
	}
	return b
}
