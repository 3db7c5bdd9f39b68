// Noprofile holds what livemap holds, in a program that refers to no profile: the linker then turns heap profiling off
// (disableMemoryProfiling, MemProfileRate 0), and there are no buckets to read.
package main

import (
	"flag"
	"runtime"
	"sync/atomic"

	"gomem.test/subjects/internal/orders"
	"gomem.test/subjects/truth"
)

var (
	live    orders.Live
	churned uint64
)

// churn allocates flat out, small and large, with and without pointers, and holds little of it.
func churn() {
	held := make([]any, 512)
	for i := 0; ; i++ {
		switch i % 4 {
		case 0:
			held[i%len(held)] = make([]byte, 16+i%5000)
		case 1:
			held[i%len(held)] = &orders.Line{}
		case 2:
			held[i%len(held)] = make([]*int, 1+i%300)
		case 3:
			var few [8]byte // the tiny allocator
			held[i%len(held)] = string(few[:1+i%7])
		}
		if i%1000 == 0 {
			held[i%len(held)] = make([]byte, 100_000)
		}
		atomic.AddUint64(&churned, 1)
	}
}

func main() {
	mib := flag.Int("mib", 64, "MiB of values, records and buffers")
	workers := flag.Int("churn", 0, "goroutines that allocate flat out")
	flag.Parse()
	for i := 0; i < *workers; i++ {
		go churn()
	}
	live.Grow(*mib * truth.MiB)
	runtime.GC()
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			holds := live.Holds()
			holds["heapAlloc"] = truth.HeapAlloc()
			holds["churned"] = atomic.LoadUint64(&churned)
			return holds
		},
		Grow: func(mib int) error {
			live.Grow(mib * truth.MiB)
			return nil
		},
	})
}
