// Allocsites allocates at places whose stacks are hard to read: inlined calls, generics, methods by value and by pointer,
// closures, reflection, recursion beyond a profile's depth, the allocator of maps, slices, strings and channels. Its
// profile in full is asked for with "proto NAME".
package main

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"

	"gomem.test/subjects/truth"
)

var kept struct {
	values [][]byte
	boxes  []any
	maps   []map[int][4]int64
	text   []string
	chans  []chan [64]byte
	nodes  *node[[32]byte]
}

type node[T any] struct {
	value T
	next  *node[T]
}

// push is generic and small enough to be inlined.
func push[T any](list *node[T], value T) *node[T] { return &node[T]{value, list} }

type pair[K comparable, V any] struct {
	key   K
	value V
}

//go:noinline
func (p pair[K, V]) boxed() any { return &p }

func inlinedOuter(n int) []byte { return inlinedInner(n) }
func inlinedInner(n int) []byte { return make([]byte, n) }

type keeper struct{ size int }

//go:noinline
func (k *keeper) Keep() { kept.values = append(kept.values, make([]byte, k.size)) }

type keeperByValue struct{ keeper }

type keeping interface{ Keep() }

//go:noinline
func recurse(depth int, leaf func()) {
	if depth == 0 {
		leaf()
		return
	}
	recurse(depth-1, leaf)
}

//go:noinline
func even(depth int, leaf func()) {
	if depth == 0 {
		leaf()
		return
	}
	odd(depth-1, leaf)
}

func odd(depth int, leaf func()) { even(depth-1, leaf) }

func allocate(times int) {
	for i := range make([]struct{}, times) {
		kept.values = append(kept.values, inlinedOuter(1000), make([]byte, 3<<20))
		kept.nodes = push(kept.nodes, [32]byte{})
		kept.boxes = append(kept.boxes, pair[string, [9]int]{key: "k"}.boxed(), pair[int, *byte]{}.boxed())
		for _, k := range []keeping{&keeper{5000}, keeperByValue{keeper{7000}}.pointer()} {
			k.Keep()
		}
		m := map[int][4]int64{}
		for j := 0; j < 3000; j++ {
			m[j] = [4]int64{int64(i)}
		}
		kept.maps = append(kept.maps, m)
		kept.text = append(kept.text, strings.Repeat("text", 9000), fmt.Sprintf("%0*d", 40_000, i))
		kept.chans = append(kept.chans, make(chan [64]byte, 200))
		func() { kept.values = append(kept.values, append([]byte(nil), make([]byte, 20_000)...)) }()
		made := reflect.MakeSlice(reflect.TypeOf([]int64{}), 8000, 8000)
		kept.boxes = append(kept.boxes, made.Interface())
		for _, depth := range []int{10, 40, 200} {
			recurse(depth, func() { kept.values = append(kept.values, make([]byte, 100_000)) })
			even(depth, func() { kept.values = append(kept.values, inlinedOuter(150_000)) })
		}
		garbage := make([]byte, 2<<20)
		garbage[0] = 1
		runtime.KeepAlive(garbage)
	}
}

func (k keeperByValue) pointer() keeping { return &k }

func proto(name string) (any, error) {
	profile := pprof.Lookup(name)
	if profile == nil {
		return nil, fmt.Errorf("no profile %q", name)
	}
	var packed bytes.Buffer
	if err := profile.WriteTo(&packed, 0); err != nil {
		return nil, err
	}
	return map[string]string{"base64": base64.StdEncoding.EncodeToString(packed.Bytes())}, nil
}

func main() {
	truth.Register("proto", proto)
	times := flag.Int("times", 12, "rounds of allocations")
	rate := flag.Int("rate", 64<<10, "bytes per sample")
	early := flag.Bool("early", false, "no collection before the first profile")
	flag.Parse()
	runtime.MemProfileRate = *rate
	allocate(*times)
	if !*early {
		kept.values = kept.values[:len(kept.values)/2]
		runtime.GC()
		runtime.GC()
	}
	truth.Serve(truth.Subject{Holds: func() truth.Holds { return truth.Holds{"heapAlloc": truth.HeapAlloc()} }})
}
