// Noprofile holds what livemap holds, in a program that refers to no profile: the linker then turns heap profiling off
// (disableMemoryProfiling, MemProfileRate 0), and there are no buckets to read.
package main

import (
	"flag"
	"runtime"

	"gomem.test/subjects/internal/orders"
	"gomem.test/subjects/truth"
)

var live orders.Live

func main() {
	mib := flag.Int("mib", 64, "MiB of values, records and buffers")
	flag.Parse()
	live.Grow(*mib * truth.MiB)
	runtime.GC()
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			holds := live.Holds()
			holds["heapAlloc"] = truth.HeapAlloc()
			return holds
		},
		Grow: func(mib int) error {
			live.Grow(mib * truth.MiB)
			return nil
		},
	})
}
