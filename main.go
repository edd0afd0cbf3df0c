// Ipvsadm administers IPVS, the layer-4 load balancer of the Linux kernel. It takes the command line of the original
// ipvsadm, and acts as ipvsadm-save and ipvsadm-restore when it is called by those names.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"ipvsadm/verb"
)

// version is set by the linker.
var version = "unknown"

// enoughMemory is the heap size, in bytes, below which the garbage collector seldom runs. Most commands end below it:
// reading 10,000 rules takes 12 ms instead of 16.
const enoughMemory = 128 << 20

func main() {
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(enoughMemory)
	os.Exit(verb.Run(context.Background(), version, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
