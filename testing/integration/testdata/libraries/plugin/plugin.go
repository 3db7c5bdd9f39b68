// A plugin with a goroutine that waits in its own code.
package main

import (
	"bytes"
	"runtime"
	"time"
)

var held [][]byte

func park() { time.Sleep(time.Hour) }

// Work allocates n KiB, keeps them, and starts a goroutine; it waits until that one is parked.
func Work(n int) {
	for i := 0; i < n; i++ {
		held = append(held, make([]byte, 1024))
	}
	go park()
	stacks := make([]byte, 1<<16)
	for !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte(" [sleep]:")) {
		time.Sleep(time.Millisecond)
	}
}

func main() {}
