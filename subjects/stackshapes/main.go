// Stackshapes has goroutines that wait at places whose stacks are hard to name: inlined calls, generics, methods through
// interfaces and wrappers, method values, closures, deferred calls, reflection, recursion beyond a profile's depth; some
// have labels. Its own profile in full is asked for with "proto goroutine".
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"reflect"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"gomem.test/subjects/truth"
)

var (
	never   = make(chan int)
	started int64
)

//go:noinline
func park() {
	atomic.AddInt64(&started, 1)
	<-never
}

func inlinedOuter() { inlinedInner() }
func inlinedInner() { park() }

type box[K comparable, V any] struct {
	key   K
	value V
}

//go:noinline
func (b *box[K, V]) wait(other func()) { other(); _ = b.key }

func generic[T any](T) { park() }

type waiter interface{ Wait() }

type byValue struct{ words [4]int }

//go:noinline
func (b byValue) Wait() { park(); _ = b.words }

// A method of byValue through a pointer, and a promoted one, are called through wrappers.
type promoted struct {
	sync.Mutex
	*byValue
}

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

func deferred() {
	defer func() { park() }()
	inlinedNothing()
}

func recovering() {
	defer func() {
		recover()
		park()
	}()
	var none *byValue
	none.words[1]++ // runtime.sigpanic
}

func panicking() {
	defer park()
	panic("never seen: the deferred call does not return")
}

func inlinedNothing() {}

func start(labels bool) (count int64) {
	shapes := []func(){
		park, inlinedOuter, deferred, recovering, panicking,
		func() { func() { inlinedInner() }() },
		func() { (&box[string, []int]{}).wait(inlinedOuter) },
		func() { (&box[byValue, *int]{}).wait(func() { generic(map[string]byValue{}) }) },
		func() { var w waiter = &byValue{}; w.Wait() },
		func() { var w waiter = &promoted{byValue: &byValue{}}; w.Wait() },
		(&promoted{byValue: &byValue{}}).Wait,
		byValue{}.Wait,
		func() { reflect.ValueOf(byValue{}).Method(0).Call(nil) },
		func() { recurse(20, park) },
		func() { recurse(70, inlinedOuter) },
		func() { recurse(300, park) },
		func() { even(32, park) },
		func() { even(50, inlinedOuter) },
		func() { even(128, park) },
		func() { even(300, park) },
		func() { time.AfterFunc(0, park) },
		func() { var once sync.Once; once.Do(inlinedOuter) },
	}
	for i, shape := range shapes {
		for j := 0; j <= i%3; j++ {
			go shape() // that of AfterFunc ends, and another waits in its place
			count++
		}
	}
	if labels {
		for i := 0; i < 12; i++ {
			set := pprof.Labels("handler", fmt.Sprint("/orders/", i%3), "tenant", "ü — long ⟨"+fmt.Sprint(i%2)+"⟩")
			go pprof.Do(context.Background(), set, func(context.Context) { inlinedOuter() })
			count++
		}
	}
	return count
}

func main() {
	truth.Register("proto", func(name string) (any, error) {
		var packed bytes.Buffer
		if err := pprof.Lookup(name).WriteTo(&packed, 0); err != nil {
			return nil, err
		}
		return map[string]string{"base64": base64.StdEncoding.EncodeToString(packed.Bytes())}, nil
	})
	labels := flag.Bool("labels", false, "some have labels")
	flag.Parse()
	count := start(*labels)
	for atomic.LoadInt64(&started) < count {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // until the last has parked
	truth.Serve(truth.Subject{Holds: func() truth.Holds { return truth.Holds{"parked": count} }})
}
