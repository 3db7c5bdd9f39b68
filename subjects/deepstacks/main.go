// Deepstacks has goroutines that recursed deep and wait there: their stacks are large and in use, so they cannot shrink.
package main

import (
	"flag"
	"runtime/debug"
	"sync"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

const (
	frameLocals = 1024
	frameBytes  = frameLocals + 64 // roughly: spill slots, return address, frame pointer
)

var (
	release = make(chan struct{})
	parked  sync.WaitGroup
)

// descend holds a kilobyte in each frame and waits in the deepest.
//
//go:noinline
func descend(left int) byte {
	var frame [frameLocals]byte
	frame[left%frameLocals] = byte(left)
	if left == 0 {
		parked.Done()
		<-release
		return frame[0]
	}
	return descend(left-1) + frame[left%frameLocals]
}

type group struct {
	StackBytes int `json:"stackBytes"` // of one goroutine
	Count      int `json:"count"`
}

func main() {
	n := flag.Int("n", 96, "goroutines, a third of each size")
	small := flag.Int("kib", 64, "smallest stack in KiB, a power of two; the others are twice and four times as large")
	flag.Parse()
	// The size that new stacks begin with follows the average at the last collection (runtime/stack.go,
	// gcComputeStartingStackSize): without any, each stack is just as large as it had to grow.
	percent := debug.SetGCPercent(-1)
	var groups []group
	total := 0
	for i := 0; i < 3; i++ {
		size := *small << 10 << i
		depth := size * 3 / 4 / frameBytes // more than half, so that it has grown to size and not beyond
		count := *n / 3
		parked.Add(count)
		for j := 0; j < count; j++ {
			go descend(depth)
		}
		groups = append(groups, group{size, count})
		total += size * count
	}
	parked.Wait()
	debug.SetGCPercent(percent)
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{"stackBytes": total, "groups": groups, "function": "main.descend"}
		},
	})
}
