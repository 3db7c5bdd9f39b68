//go:build go1.23

package main

import "unique"

// The special of weak handles came with Go 1.23, for package unique.
func init() {
	keepers = append(keepers, func(n *node) { sink = unique.Make(string(n.pad[:])).Value() })
}
