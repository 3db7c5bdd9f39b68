// Goroutines has many that are parked, in groups that differ in what they wait for and in who started them.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

var (
	never     = make(chan int)
	alsoNever = make(chan string)
	full      = make(chan int)
	locked    sync.Mutex
	unready   sync.WaitGroup
	condition = sync.NewCond(new(sync.Mutex))
	sockets   []*os.File
)

func receive(order int)  { <-never; keep(order) }
func send(order int)     { full <- order }
func sleep(order int)    { time.Sleep(1000 * time.Hour); keep(order) }
func lock(order int)     { locked.Lock(); keep(order) }
func waitGroup(int)      { unready.Wait() }
func waitCondition(int)  { condition.L.Lock(); condition.Wait() }
func readSocket(nth int) { sockets[nth].Read(make([]byte, 16)) }
func choose(order int) {
	select {
	case <-never:
	case alsoNever <- "":
	}
	keep(order)
}

//go:noinline
func keep(int) {}

type group struct {
	Function string `json:"function"`
	// Wait is the wait reason of this release (runtime/runtime2.go, waitReasonStrings).
	Wait  string `json:"wait"`
	Count int    `json:"count"`

	run func(int)
}

var groups []*group

func main() {
	n := flag.Int("n", 20_000, "goroutines in all")
	perSocket := flag.Int("sockets", 200, "of these, how many wait for a socket of their own (two descriptors each)")
	flag.Parse()
	locked.Lock()
	unready.Add(1)
	groups = []*group{
		{"main.receive", "chan receive", 0, receive},
		{"main.choose", "select", 0, choose},
		{"main.sleep", "sleep", 0, sleep},
		{"main.lock", since(20, "sync.Mutex.Lock"), 0, lock},
		{"main.send", "chan send", 0, send},
		{"main.waitCondition", "sync.Cond.Wait", 0, waitCondition},
		{"main.waitGroup", since(24, "sync.WaitGroup.Wait"), 0, waitGroup},
		{"main.readSocket", "IO wait", 0, readSocket},
	}
	parts := [...]int{40, 20, 15, 10, 8, 4} // per cent; the wait group has the rest
	rest := *n - *perSocket
	openSockets(*perSocket)
	start(groups[7], *perSocket)
	left := rest
	for i, part := range parts {
		start(groups[i], rest*part/100)
		left -= rest * part / 100
	}
	start(groups[6], left)
	time.Sleep(200 * time.Millisecond) // until the last has parked
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			total := 0
			for _, group := range groups {
				total += group.Count
			}
			return truth.Holds{"goroutines": total, "groups": groups}
		},
		// Step starts 100 more that nobody will ever send to.
		Step: func() error {
			start(groups[0], 100)
			return nil
		},
	})
}

// since gives a wait reason that came with Go 1.minor; it was plainly that of the semaphore before.
func since(minor int, reason string) string {
	var ours int
	if _, err := fmt.Sscanf(runtime.Version(), "go1.%d", &ours); err == nil && ours < minor {
		return "semacquire"
	}
	return reason
}

func start(group *group, count int) {
	for i := 0; i < count; i++ {
		go group.run(i)
	}
	group.Count += count
}

// openSockets makes pairs whose other end stays open and silent. A descriptor must not block for the poller to take it.
func openSockets(count int) {
	for i := 0; i < count; i++ {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			truth.Fail(fmt.Errorf("socket pair %d of %d: %w", i, count, err))
		}
		sockets = append(sockets, os.NewFile(uintptr(pair[0]), "socket"))
	}
}
