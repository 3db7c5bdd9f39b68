// Go as a library of a C program: -buildmode=c-shared and c-archive.
package main

import "C"

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"time"
)

var held [][]byte

func park() { time.Sleep(time.Hour) }

//export Work
func Work(n C.int) {
	for i := 0; i < int(n); i++ {
		held = append(held, bytes.Repeat([]byte{1}, 1024)) // written, so that it is resident
	}
	for i := 0; i < 5; i++ {
		go park()
	}
	stacks := make([]byte, 1<<16)
	for bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(" [sleep]:")) < 5 {
		time.Sleep(time.Millisecond)
	}
	runtime.GC()
}

// Truth prints a line of MemStats, taken last.
//
//export Truth
func Truth() {
	var m runtime.MemStats
	json.NewEncoder(os.Stdout).Encode(&m) // what it allocates is counted before the figures are taken
	runtime.ReadMemStats(&m)
	json.NewEncoder(os.Stdout).Encode(&m)
}

func main() {}
