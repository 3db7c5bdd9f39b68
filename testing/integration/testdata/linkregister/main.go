// Goroutines that stand where a return address is in the link register or beside it, on machines that have one: in leaves
// without a frame, interrupted, preempted, faulted or not yet begun. At a line on its standard input it makes some more and
// dies with a traceback of all. With an argument it can run under GODEBUG=asyncpreemptoff=1.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var (
	sink  uint64
	begun int32
	never = make(chan int)
)

// spin is a leaf without a frame.
//
//go:noinline
func spin(n uint64) {
	atomic.AddInt32(&begun, 1)
	for n != 0 {
		n = n*6364136223846793005 | 1
	}
}

// calls is stopped in its loop or, where nothing is preempted there, in the first instructions of what it calls.
//
//go:noinline
func calls() {
	atomic.AddInt32(&begun, 1)
	for {
		sink += framed(sink, 3)
	}
}

//go:noinline
func framed(a uint64, depth int) uint64 {
	if depth == 0 {
		return a
	}
	return framed(a+1, depth-1) + 1
}

//go:noinline
func leafLoad(p *uint64) uint64 { return *p }

//go:noinline
func framedLoad(p *uint64) uint64 {
	var words [16]uint64
	for i := range words {
		words[i] = framed(sink, 1)
	}
	return *p + words[sink%16]
}

// callNothing calls a function at address 0.
//
//go:noinline
func callNothing() {
	var code uintptr
	closure := &code
	f := *(*func())(unsafe.Pointer(&closure))
	f()
}

// faulted parks in a deferred call, below the panic of a fault.
//
//go:noinline
func faulted(fault func()) {
	defer func() {
		atomic.AddInt32(&begun, 1)
		<-never
	}()
	fault()
}

//go:noinline
func unbegun(n int) { sink += uint64(n) }

func await(all int32) {
	for atomic.LoadInt32(&begun) < all {
		time.Sleep(time.Millisecond)
	}
}

func main() {
	runtime.GOMAXPROCS(2)
	go faulted(func() { sink = leafLoad(nil) })
	go faulted(func() { sink = framedLoad(nil) })
	go faulted(callNothing)
	await(3)
	all := int32(6)
	for i := 0; i < 3; i++ {
		if len(os.Args) == 1 { // a loop without calls never ends where nothing is preempted inside
			go spin(uint64(i)*2 + 1)
			all++
		}
		go calls()
	}
	await(all)
	time.Sleep(100 * time.Millisecond) // so that most have been preempted
	fmt.Println("{}")
	bufio.NewReader(os.Stdin).ReadString('\n')
	for i := 0; i < 40; i++ {
		go unbegun(i)
	}
	syscall.Kill(syscall.Getpid(), syscall.SIGABRT)
	<-never
}
