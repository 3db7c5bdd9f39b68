// Slowleak holds on to a little more in every second: a list that only ever grows.
package main

import (
	"flag"
	"sync"
	"time"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

// request fills a slot of 4 KiB together with the type word that Go 1.22 and later put before objects with pointers
// (runtime/mbitmap.go, malloc header).
type request struct {
	next *request
	body [4080]byte
}

const (
	requestBytes = 4088
	ticks        = 10 // in a second
)

var (
	mutex  sync.Mutex
	leaked *request
	count  int
)

//go:noinline
func leakRequests(bytes int) {
	mutex.Lock()
	defer mutex.Unlock()
	for got := 0; got < bytes; got += requestBytes {
		leaked = &request{next: leaked}
		truth.Write(leaked.body[:])
		count++
	}
}

func leakForever(rate int) {
	for range time.Tick(time.Second / ticks) {
		leakRequests(rate / ticks)
	}
}

func main() {
	rate := flag.Int("rate", 1<<20, "bytes leaked in a second; 0 for only by the commands grow and step")
	mib := flag.Int("mib", 8, "MiB leaked before it begins")
	flag.Parse()
	leakRequests(*mib * truth.MiB)
	if *rate > 0 {
		go leakForever(*rate)
	}
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			mutex.Lock()
			defer mutex.Unlock()
			return truth.Holds{
				"leakedBytes":    count * requestBytes,
				"leakedObjects":  count,
				"bytesPerSecond": *rate,
				"function":       "main.leakRequests",
			}
		},
		Grow: func(mib int) error {
			leakRequests(mib * truth.MiB)
			return nil
		},
		Step: func() error {
			leakRequests(truth.MiB)
			return nil
		},
	})
}
