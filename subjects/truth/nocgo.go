//go:build !cgo

package truth

// Cgo says whether this build contains C.
const Cgo = false
