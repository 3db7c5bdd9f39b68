// Fragmentation fills spans with small objects and keeps 1 in 16 of each: no span can be given back, and nearly all of the
// heap in use is free slots.
package main

import (
	"flag"
	"runtime"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

// small has pointers: its spans are scan spans (size class 256).
type small struct {
	next *small
	data [248]byte
}

const (
	smallBytes  = 256
	bufferBytes = 128 // noscan, size class 128
	keepOneIn   = 16  // there are at least 31 such objects in a span of 8 KiB
)

var (
	smalls    []*small
	buffers   [][]byte
	allocated int
)

// spread allocates bytes and lets 15 of 16 go. All are held until the end, else a collection on the way would hand the
// free slots to the next ones.
func spread(bytes int) {
	count := bytes / (smallBytes + bufferBytes)
	allSmall := make([]*small, 0, count)
	allBuffers := make([][]byte, 0, count)
	for i := 0; i < count; i++ {
		one := new(small)
		truth.Write(one.data[:])
		allSmall = append(allSmall, one)
		buffer := make([]byte, bufferBytes)
		truth.Write(buffer)
		allBuffers = append(allBuffers, buffer)
	}
	for i := 0; i < count; i += keepOneIn {
		smalls = append(smalls, allSmall[i])
		buffers = append(buffers, allBuffers[i])
	}
	allocated += count * (smallBytes + bufferBytes)
}

func main() {
	mib := flag.Int("mib", 64, "MiB of objects before 15 of 16 are dropped")
	flag.Parse()
	spread(*mib * truth.MiB)
	runtime.GC()
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{
				"allocatedBytes":     allocated,
				"liveBytesRequested": len(smalls)*smallBytes + len(buffers)*bufferBytes,
				"liveObjects":        len(smalls) + len(buffers),
				"keptOneIn":          keepOneIn,
				"heapAlloc":          truth.HeapAlloc(),
			}
		},
		Grow: func(mib int) error {
			spread(mib * truth.MiB)
			runtime.GC()
			return nil
		},
	})
}
