// Garbage keeps little and never collects: GOGC is off from within the program, as after a well-meant
// debug.SetGCPercent(-1). All that was allocated since the one collection at the start is still there.
package main

import (
	"flag"
	"runtime"
	"runtime/debug"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

// node is garbage with a pointer in it; bytes alone would be all in noscan spans.
type node struct {
	next *node
	data [120]byte
}

var (
	kept          [][]byte
	chain         *node
	keptBytes     int
	garbageBytes  int
	garbageCount  int
	garbageHolder []byte
)

// sizes go round; the last is a large object.
var sizes = [...]int{16, 48, 96, 320, 1024, 4096, 8192, 65536}

func waste(bytes int) {
	for done, i := 0, 0; done < bytes; i++ {
		buffer := make([]byte, sizes[i%len(sizes)])
		truth.Write(buffer)
		garbageHolder = buffer
		chain = &node{}
		truth.Write(chain.data[:])
		if i%509 == 0 {
			kept = append(kept, buffer)
			keptBytes += len(buffer)
		} else {
			garbageBytes += len(buffer)
			garbageCount++
		}
		garbageBytes += 128
		garbageCount++
		done += len(buffer) + 128
	}
	garbageHolder, chain = nil, nil
}

func main() {
	mib := flag.Int("mib", 64, "MiB of garbage")
	flag.Parse()
	debug.SetGCPercent(-1)
	runtime.GC() // so that there is a last collection, and a live heap then
	waste(*mib * truth.MiB)
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{
				"garbageBytesRequested": garbageBytes,
				"garbageObjects":        garbageCount,
				"liveBytesRequested":    keptBytes,
				"liveObjects":           len(kept),
				"gcPercent":             -1,
			}
		},
		Grow: func(mib int) error {
			waste(mib * truth.MiB)
			return nil
		},
	})
}
