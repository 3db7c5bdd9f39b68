//go:build go1.24

package main

import (
	"runtime"
	"unique"
	"weak"
)

// keepVersionTypes keeps the specials that came with Go 1.23 (weak handle) and 1.24 (cleanup).
func keepVersionTypes(n *node) {
	runtime.AddCleanup(n, func(int) {}, 0)
	sink = weak.Make(n).Value()
	sink = unique.Make(string(n.pad[:])).Value()
	var pin runtime.Pinner
	pin.Pin(n)
	pin.Unpin()
}
