package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"
)

// What is held until the profiles are written.
var (
	held  [][]byte
	boxes []any
)

// writeCorpus does some of everything that a profile counts and writes each profile as protobuf (debug 0) and as text.
func writeCorpus(dir string) error {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	if err := writeCPU(filepath.Join(dir, "cpu.pb.gz")); err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	park(stop)
	contend()
	allocate(1)
	runtime.GC()
	if err := write(dir, "heap", "heap.before.pb.gz", 0); err != nil {
		return err
	}
	allocate(3)
	held = held[:len(held)/2]
	runtime.GC()
	for _, name := range []string{"heap", "allocs", "goroutine", "threadcreate", "mutex", "block"} {
		if err := write(dir, name, name+".pb.gz", 0); err != nil {
			return err
		}
		if err := write(dir, name, name+".debug1.txt", 1); err != nil {
			return err
		}
	}
	return write(dir, "goroutine", "goroutine.debug2.txt", 2)
}

func write(dir, name, file string, debug int) error {
	out, err := os.Create(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	if err := pprof.Lookup(name).WriteTo(out, debug); err != nil {
		return err
	}
	return out.Close()
}

func writeCPU(path string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	for _, tenant := range []string{"blue", "grün"} {
		labels := pprof.Labels("tenant", tenant, "path", "/orders")
		pprof.Do(context.Background(), labels, func(context.Context) { burn(150 * time.Millisecond) })
	}
	burn(100 * time.Millisecond)
	pprof.StopCPUProfile()
	return out.Close()
}

var sink uint64

//go:noinline
func burn(duration time.Duration) {
	for end := time.Now().Add(duration); time.Now().Before(end); {
		for i := uint64(0); i < 1<<16; i++ {
			sink = mix(sink + i)
		}
	}
}

// mix is inlined into burn.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>29
}

func allocate(times int) {
	for i := 0; i < times; i++ {
		small(2000)
		deep(200, 64<<10)
		held = append(held, box[[3]int64](256), box[string](128))
		new(server).handle(32 << 10)
		func() { held = append(held, make([]byte, 100<<10)) }()
	}
}

//go:noinline
func small(n int) {
	for i := 0; i < n; i++ {
		held = append(held, leaf(16+i%200))
	}
}

// leaf is inlined, so its frame has no address of its own.
func leaf(n int) []byte { return make([]byte, n) }

// deep has more frames than the 32 that the runtime kept up to Go 1.22, and than the 128 that it keeps since.
//
//go:noinline
func deep(n, bytes int) {
	if n == 0 {
		held = append(held, make([]byte, bytes))
		return
	}
	deep(n-1, bytes)
}

//go:noinline
func box[T any](n int) []byte {
	values := make([]T, n)
	boxes = append(boxes, values)
	return make([]byte, n)
}

type server struct{ last []byte }

//go:noinline
func (s *server) handle(bytes int) {
	s.last = make([]byte, bytes)
	held = append(held, s.last)
}

// park leaves goroutines in several states and with labels.
func park(stop chan struct{}) {
	var started sync.WaitGroup
	wait := func(block func()) {
		started.Add(1)
		go func() {
			started.Done()
			block()
		}()
	}
	for i := 0; i < 10; i++ {
		worker := strconv.Itoa(i % 3)
		wait(func() {
			labels := pprof.Labels("worker", worker, "quoted", `a "b"`)
			pprof.Do(context.Background(), labels, func(context.Context) { consume(stop) })
		})
	}
	wait(func() { time.Sleep(time.Hour) })
	wait(func() { select {} })
	var never sync.Mutex
	never.Lock()
	wait(never.Lock)
	started.Wait()
	time.Sleep(20 * time.Millisecond)
}

//go:noinline
func consume(stop chan struct{}) { <-stop }

// contend makes goroutines wait for one another's lock and on channels.
func contend() {
	var lock sync.Mutex
	var done sync.WaitGroup
	for i := 0; i < 4; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for n := 0; n < 5; n++ {
				lock.Lock()
				time.Sleep(time.Millisecond)
				lock.Unlock()
			}
		}()
	}
	done.Wait()
	values := make(chan int)
	go func() {
		time.Sleep(5 * time.Millisecond)
		values <- 1
	}()
	<-values
}
