//go:build !cgo

package main

// holdC holds nothing: this build has no C.
func holdC(int) int { return 0 }
