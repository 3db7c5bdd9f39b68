// Livemap holds a live heap: a map of byte slices, linked records and large buffers, all reachable from one global. The
// plain case: what the process has is what its program wants.
package main

import (
	"flag"
	"runtime"

	"gomem.test/subjects/internal/orders"
	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
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
