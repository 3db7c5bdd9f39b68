// Command frames tells the truth about its own functions: it prints what the Go runtime makes of program counters.
//
//	frames            calls through inlined, generic, closure and method frames; prints the stack as runtime.Callers sees it
//	frames lookup     reads program counters (hex, one a line) and prints for each the frames of runtime.CallersFrames
//
// A frame is a line "function|file|line", a stack ends with an empty line.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
)

//go:noinline
func capture() []uintptr {
	pcs := make([]uintptr, 64)
	return pcs[:runtime.Callers(1, pcs)]
}

func inlinedOnce() []uintptr { return capture() }

func inlinedTwice() []uintptr { return inlinedOnce() }

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (p pair[K, V]) walk() []uintptr {
	if any(p.key) == nil {
		return nil
	}
	return inlinedTwice()
}

//go:noinline
func mapOver[T any](values []T, f func(T) []uintptr) []uintptr {
	var last []uintptr
	for _, v := range values {
		last = f(v)
	}
	return last
}

type walker interface{ walk() []uintptr }

//go:noinline
func viaInterface(w walker) []uintptr { return w.walk() }

func show(pcs []uintptr) {
	for _, pc := range pcs {
		fmt.Printf("pc %x\n", pc)
	}
	print1(pcs)
}

func print1(pcs []uintptr) {
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		if frame.PC != 0 {
			fmt.Printf("%s|%s|%d\n", frame.Function, frame.File, frame.Line)
		}
		if !more {
			break
		}
	}
	fmt.Println()
}

func lookup() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		pc, err := strconv.ParseUint(in.Text(), 16, 64)
		if err != nil {
			panic(err)
		}
		// CallersFrames takes return addresses, and expands the inlined calls of all but the last: hence the 1.
		frames := runtime.CallersFrames([]uintptr{uintptr(pc) + 1, 1})
		for more := true; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			if frame.PC != 0 {
				fmt.Fprintf(out, "%s|%s|%d\n", frame.Function, frame.File, frame.Line)
			}
		}
		fmt.Fprintln(out)
	}
}

func main() {
	// The bias of a position-independent executable shows in where a known function is.
	fmt.Printf("main.main %x\n", reflect.ValueOf(main).Pointer())
	if len(os.Args) > 1 && os.Args[1] == "lookup" {
		lookup()
		return
	}
	show(inlinedTwice())
	show(mapOver([]int{1, 2}, func(v int) []uintptr { return pair[int, string]{v, "x"}.walk() }))
	show(mapOver([]string{"a"}, func(v string) []uintptr {
		return mapOver([]error{nil}, func(error) []uintptr { return viaInterface(pair[string, int]{v, 1}) })
	}))
	done := make(chan []uintptr)
	go func() { done <- viaInterface(&pair[int, int]{}) }()
	show(<-done)
}
