// Cache grows until it is full and then replaces its oldest entries: growth that ends, and no leak.
package main

import (
	"flag"
	"strconv"
	"sync"
	"time"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

const (
	entryBytes = 8 << 10
	ticks      = 20 // in a second
)

type cache struct {
	sync.Mutex
	entries  map[string][]byte
	order    []string // oldest first, a ring once full
	capacity int
	inserted int
}

func (c *cache) put(count int) {
	c.Lock()
	defer c.Unlock()
	for i := 0; i < count; i++ {
		key := "entry-" + strconv.Itoa(c.inserted)
		body := make([]byte, entryBytes)
		truth.Write(body)
		if len(c.order) < c.capacity {
			c.order = append(c.order, key)
		} else {
			oldest := c.inserted % c.capacity
			delete(c.entries, c.order[oldest])
			c.order[oldest] = key
		}
		c.entries[key] = body
		c.inserted++
	}
}

func main() {
	mib := flag.Int("mib", 32, "MiB when full")
	rate := flag.Int("rate", 8<<20, "bytes inserted in a second, when full as well; 0 for only by the command step")
	flag.Parse()
	held := &cache{entries: map[string][]byte{}, capacity: *mib * truth.MiB / entryBytes}
	held.put(held.capacity / 8)
	if *rate > 0 {
		go func() {
			for range time.Tick(time.Second / ticks) {
				held.put(*rate / ticks / entryBytes)
			}
		}()
	}
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			held.Lock()
			defer held.Unlock()
			return truth.Holds{
				"cachedBytes":    len(held.entries) * entryBytes,
				"entries":        len(held.entries),
				"capacityBytes":  held.capacity * entryBytes,
				"insertedSoFar":  held.inserted,
				"full":           len(held.entries) == held.capacity,
				"bytesPerSecond": *rate,
			}
		},
		// Step inserts an eighth of what it can hold.
		Step: func() error {
			held.put(held.capacity / 8)
			return nil
		},
	})
}
