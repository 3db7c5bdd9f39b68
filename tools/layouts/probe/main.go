// The probe is a program whose debug information holds every runtime type that gomem reads. It is built by each Go
// toolchain and never run. The linker drops the DWARF of types that nothing refers to, so each group of types needs a use.
package main

import (
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

type node struct {
	next *node
	pad  [64]byte
}

type speaker interface{ speak() }

func (n *node) speak() { sink = n }

var (
	sink any
	pool = sync.Pool{New: func() any { return new(node) }}
	// uses of what not every release has; added to by the files with build tags
	keepers []func(*node)
)

func main() {
	n := new(node)
	runtime.SetFinalizer(n, func(*node) {})
	for _, keep := range keepers {
		keep(n)
	}

	pool.Put(pool.Get())
	mapped, _ := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	sink = syscall.Munmap(mapped)
	var records [8]runtime.MemProfileRecord
	runtime.MemProfile(records[:], true)
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	debug.SetGCPercent(100)
	debug.FreeOSMemory()
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	runtime.BlockProfile(nil)
	runtime.MutexProfile(nil)
	runtime.GoroutineProfile(nil)

	m := map[string]speaker{"a": n}
	m[os.Args[0]] = n
	c := make(chan speaker, 4)
	go func() {
		defer func() { sink = recover() }()
		var lock sync.RWMutex
		lock.Lock()
		select {
		case c <- m["a"]:
		case <-time.After(time.Second):
		}
		panic(len(m))
	}()
	timer := time.AfterFunc(time.Second, func() { sink = m })
	defer timer.Stop()
	_ = trace.Start(os.Stdout)
	trace.Stop()
	(<-c).speak()

	t := reflect.TypeOf(sink)
	for i := 0; i < t.NumMethod(); i++ {
		sink = t.Method(i)
	}
	sink = []any{reflect.ValueOf(m).MapRange(), reflect.ValueOf(c).Kind(), reflect.FuncOf(nil, nil, false), t.Elem()}
}
