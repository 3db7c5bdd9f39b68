// Ended starts many goroutines that end and some that stay, so that most of runtime.allgs is free.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
)

func main() {
	var all sync.WaitGroup
	hold := make(chan struct{})
	for i := 0; i < 3000; i++ {
		all.Add(1)
		go func() { <-hold; all.Done() }()
	}
	close(hold)
	all.Wait()
	never := make(chan struct{})
	for i := 0; i < 37; i++ {
		go func() { <-never }()
	}
	runtime.GC()
	for runtime.NumGoroutine() > 38 {
		runtime.Gosched() // what ended last is given back
	}
	fmt.Println(runtime.NumGoroutine())
	os.Stdin.Read(make([]byte, 1))
}
