//go:build cgo

package truth

// Importing C makes every subject a cgo program when CGO_ENABLED=1: the C library's start-up, its allocator and its
// threads under the runtime. The other builds leave this file out.

// #include <stdlib.h>
import "C"

// Cgo says whether this build contains C.
const Cgo = true

var _ = C.EXIT_SUCCESS
