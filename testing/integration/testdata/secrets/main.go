// Secrets holds a marker, the reverse of what it was given, in its heap, in a stack, in its data, in its environment and in
// the registers that the runtime saved, and says where, so that a test can see that it is there.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

var (
	list []*string
	data [64]byte
)

//go:noinline
func hold(marker string) {
	var stack [4096]byte
	for i := 0; i+len(marker) <= len(stack); i += len(marker) {
		copy(stack[i:], marker)
	}
	runtime.GC()
	fmt.Printf(`{"heap":"%p","stack":"%#x","data":"%p"}`+"\n", unsafe.StringData(*list[0]),
		uintptr(unsafe.Pointer(&stack)), &data) // a pointer would move it to the heap
	var wait [1]byte
	os.Stdin.Read(wait[:])
	fmt.Fprintln(os.Stderr, stack[0])
}

// preempted goes on for ever, stopped again and again while the marker is in vector registers: the runtime keeps those of
// the last time, for each P.
func preempted(marker []byte) {
	go func() {
		var copied [64]byte
		for {
			copy(copied[:], marker)
		}
	}()
	for range 100 {
		time.Sleep(100 * time.Microsecond)
		runtime.GC()
	}
}

func main() {
	marker := []byte(os.Getenv("GIVEN"))
	for i, j := 0, len(marker)-1; i < j; i, j = i+1, j-1 {
		marker[i], marker[j] = marker[j], marker[i]
	}
	os.Setenv("SECRET", string(marker))
	copy(data[:], marker)
	// of every size class up to 8 KiB, so that it stands at the ends and in the middle of all kinds of spans
	for n := 1; n <= 8192/len(marker); n++ {
		for range 40 {
			text := strings.Repeat(string(marker), n)
			list = append(list, &text)
		}
	}
	preempted(marker)
	hold(string(marker))
	runtime.KeepAlive(list)
}
