// Mixed has some of everything, and no group of it dominates: live heap, garbage, stacks, a mapped file, anonymous memory,
// globals, and C memory in cgo builds.
package main

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	"gomem.test/subjects/internal/orders"
	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

const globalBytes = 8 << 20

var (
	live    orders.Live
	sink    []byte
	table   [globalBytes]byte
	release = make(chan struct{})
	parked  sync.WaitGroup
)

// wait parks with a stack of 8 KiB, of which more than half is in use.
func wait() {
	var frame [5 << 10]byte
	frame[0] = 1
	parked.Done()
	<-release
	truth.Read(frame[:])
}

func main() {
	mib := flag.Int("mib", 8, "MiB of each kind")
	flag.Parse()
	bytes := *mib * truth.MiB
	debug.SetGCPercent(-1)
	goroutines := bytes / (8 << 10)
	parked.Add(goroutines)
	for i := 0; i < goroutines; i++ {
		go wait()
	}
	parked.Wait()
	live.Grow(bytes)
	runtime.GC()
	garbage := 0
	for garbage < bytes {
		sink = make([]byte, 2048)
		garbage += truth.Write(sink)
	}
	sink = nil
	anonymous := truth.Map(bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, -1)
	truth.Write(anonymous)
	file := mapFile(bytes)
	truth.Write(table[:])
	inC := holdC(bytes)
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			holds := live.Holds()
			holds["garbageBytesRequested"] = garbage
			holds["goroutines"] = goroutines
			holds["stackBytes"] = goroutines * (8 << 10)
			holds["mappings"] = []truth.Mapping{
				truth.Describe("anonymous", anonymous, bytes, bytes, ""),
				truth.Describe("file shared", file, bytes, 0, ""),
			}
			holds["globalBytes"] = globalBytes
			holds["cBytes"] = inC
			return holds
		},
	})
}

func mapFile(bytes int) []byte {
	file, err := os.CreateTemp("", "mixed-*.db")
	if err != nil {
		truth.Fail(err)
	}
	truth.AtExit(func() { os.Remove(file.Name()) })
	block := make([]byte, truth.MiB)
	truth.Write(block)
	for got := 0; got < bytes; got += len(block) {
		if _, err := file.Write(block); err != nil {
			truth.Fail(err)
		}
	}
	region := truth.Map(bytes, syscall.PROT_READ, syscall.MAP_SHARED, int(file.Fd()))
	truth.Read(region)
	return region
}
