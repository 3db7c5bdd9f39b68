// Churn allocates flat out in several goroutines with a live set of bounded size: spans, statistics and the heap move
// under whoever reads them.
package main

import (
	"flag"
	"sync/atomic"
	"time"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

// ring holds the last objects of one worker; older ones become garbage.
type ring struct {
	slots []*item
	bytes uint64 // allocated so far; atomic
	_     [64]byte
}

type item struct {
	previous *item // of the same slot, cut off so that no chain forms
	payload  []byte
}

const itemBytes = 32

var rings []*ring

// sizes go round; the mean is 1280.
var sizes = [...]int{16, 48, 112, 256, 512, 1024, 2048, 6224}

const meanSize = 1280

func (r *ring) churn() {
	for i := 0; ; i++ {
		slot := i % len(r.slots)
		previous := r.slots[slot]
		if previous != nil {
			previous.previous = nil
		}
		next := &item{previous, make([]byte, sizes[i%len(sizes)])}
		next.payload[0] = byte(i)
		r.slots[slot] = next
		atomic.AddUint64(&r.bytes, uint64(itemBytes+len(next.payload)))
	}
}

func main() {
	mib := flag.Int("mib", 32, "MiB of live objects, about")
	workers := flag.Int("workers", 2, "goroutines that allocate")
	flag.Parse()
	perWorker := *mib * truth.MiB / *workers
	for i := 0; i < *workers; i++ {
		// Each slot holds its item and the one before it.
		r := &ring{slots: make([]*item, perWorker/(2*(meanSize+itemBytes)))}
		rings = append(rings, r)
		go r.churn()
	}
	for _, r := range rings {
		for atomic.LoadUint64(&r.bytes) < uint64(2*perWorker) {
			time.Sleep(time.Millisecond)
		}
	}
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			total := uint64(0)
			for _, r := range rings {
				total += atomic.LoadUint64(&r.bytes)
			}
			return truth.Holds{
				"liveBytesRequested":  *mib * truth.MiB, // about: the ring's mean
				"allocatedBytesSoFar": total,
				"workers":             *workers,
				"function":            "main.(*ring).churn",
			}
		},
	})
}
