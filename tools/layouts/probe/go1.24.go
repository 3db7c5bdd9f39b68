//go:build go1.24

package main

import (
	"runtime"
	"weak"
)

func init() {
	keepers = append(keepers, func(n *node) {
		runtime.AddCleanup(n, func(int) {}, 0)
		sink = weak.Make(n).Value()
	})
}
