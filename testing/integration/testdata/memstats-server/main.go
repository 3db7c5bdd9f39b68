// A server with the pages that Go programs publish their MemStats on. It prints its port and serves until stdin ends.
package main

import (
	_ "expvar"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"strings"
)

var held = make([]byte, 48<<20)

func main() {
	for i := range held {
		held[i] = byte(i)
	}
	http.HandleFunc("/metrics", metrics)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if len(os.Args) > 1 {
		socket, err := net.Listen("unix", os.Args[1])
		if err != nil {
			panic(err)
		}
		go http.Serve(socket, nil)
	}
	go http.Serve(listener, nil)
	runtime.GC()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(held)
}

// metrics writes as client_golang's Go and process collectors do (prometheus/go_collector.go, process_collector.go).
func metrics(w http.ResponseWriter, _ *http.Request) {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	fmt.Fprintf(w, "# TYPE go_info gauge\ngo_info{version=%q} 1\n", runtime.Version())
	for name, value := range map[string]uint64{
		"alloc_bytes": s.Alloc, "alloc_bytes_total": s.TotalAlloc, "sys_bytes": s.Sys, "mallocs_total": s.Mallocs,
		"frees_total": s.Frees, "heap_alloc_bytes": s.HeapAlloc, "heap_sys_bytes": s.HeapSys,
		"heap_idle_bytes": s.HeapIdle, "heap_inuse_bytes": s.HeapInuse, "heap_released_bytes": s.HeapReleased,
		"heap_objects": s.HeapObjects, "stack_inuse_bytes": s.StackInuse, "stack_sys_bytes": s.StackSys,
		"mspan_inuse_bytes": s.MSpanInuse, "mspan_sys_bytes": s.MSpanSys, "mcache_inuse_bytes": s.MCacheInuse,
		"mcache_sys_bytes": s.MCacheSys, "buck_hash_sys_bytes": s.BuckHashSys, "gc_sys_bytes": s.GCSys,
		"other_sys_bytes": s.OtherSys, "next_gc_bytes": s.NextGC,
	} {
		fmt.Fprintf(w, "go_memstats_%s %g\n", name, float64(value))
	}
	fmt.Fprintf(w, "go_gc_duration_seconds_sum %g\ngo_gc_duration_seconds_count %d\n", float64(s.PauseTotalNs)/1e9, s.NumGC)
	fmt.Fprintf(w, "go_goroutines %d\ngo_gc_gogc_percent 100\ngo_gc_gomemlimit_bytes 9.223372036854776e+18\n", runtime.NumGoroutine())
	fmt.Fprintf(w, "process_resident_memory_bytes %d\n", resident())
}

func resident() int {
	text, _ := os.ReadFile("/proc/self/status")
	var kib int
	if _, rest, found := strings.Cut(string(text), "VmRSS:"); found {
		fmt.Sscan(rest, &kib)
	}
	return kib << 10
}
