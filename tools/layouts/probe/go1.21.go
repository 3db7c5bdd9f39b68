//go:build go1.21

package main

import "runtime"

func init() {
	keepers = append(keepers, func(n *node) {
		var pin runtime.Pinner
		pin.Pin(n)
		pin.Unpin()
	})
}
