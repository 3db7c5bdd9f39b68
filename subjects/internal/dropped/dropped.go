// Package dropped allocates, lets go and collects, and leaves the heap idle but resident.
package dropped

import (
	"runtime"
	"runtime/debug"

	"gomem.test/subjects/truth"
)

var all [][]byte

// Fill makes bytes of heap idle and not released, for as long as nothing else collects.
//
// The background scavenger works towards 110 % of what was in use at the end of the last collection, scaled by how the
// goal moved (runtime/mgcscavenge.go, gcPaceScavenger), and a collection ends before the sweep, so with everything still
// counted as in use. A second collection would see the small heap and set the scavenger to work; so GOGC is off, which
// also ends the forced collection every two minutes (runtime/mgc.go, gcTriggerTime), and runtime.GC runs just once.
func Fill(bytes int) {
	debug.SetGCPercent(-1)
	for got := 0; got < bytes; {
		size := 8 << 10
		if got >= bytes/2 {
			size = 1 << 20
		}
		buffer := make([]byte, size)
		got += truth.Write(buffer)
		all = append(all, buffer)
	}
	all = nil
	runtime.GC()
}
