// Goroutines that run all the time, each somewhere else: what a core says of them is compared with what is written here.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

var (
	sink  uint64
	begun int32
)

//go:noinline
func spin(n uint64) uint64 {
	atomic.AddInt32(&begun, 1)
	for {
		n = n*6364136223846793005 + 1442695040888963407
		if n == 0 {
			sink = n
		}
	}
}

//go:noinline
func deeper(depth int) uint64 {
	if depth == 0 {
		return spin(uint64(depth) + 1)
	}
	return deeper(depth-1) + 1
}

// clock asks the vDSO, which the runtime calls on the thread's own stack.
//
//go:noinline
func clock() {
	atomic.AddInt32(&begun, 1)
	for {
		if time.Now().IsZero() {
			sink++
		}
	}
}

// collect is in the runtime nearly always, on the thread's own stack.
//
//go:noinline
func collect() {
	for {
		runtime.GC()
	}
}

func main() {
	runtime.GOMAXPROCS(8)
	go func() { sink = deeper(5) }()
	go clock()
	if len(os.Args) > 1 {
		go collect()
	}
	for atomic.LoadInt32(&begun) < 2 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("ready")
	time.Sleep(5 * time.Minute)
}
