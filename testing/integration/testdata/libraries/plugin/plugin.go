// A plugin with a goroutine that waits in its own code.
package main

import "time"

var held [][]byte

func park() { time.Sleep(time.Hour) }

// Work allocates n KiB, keeps them, and starts a goroutine.
func Work(n int) {
	for i := 0; i < n; i++ {
		held = append(held, make([]byte, 1024))
	}
	go park()
}

func main() {}
