package truth

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// MiB in bytes.
const MiB = 1 << 20

// Mapping is one memory mapping a subject made.
type Mapping struct {
	// Kind is "anonymous", "file private", "file shared", "memfd", "shm" or "anonymous shared".
	Kind    string `json:"kind"`
	Address string `json:"address"`
	Length  int    `json:"length"`
	// Touched is how many bytes of it were read or written, in whole pages, from its beginning.
	Touched int `json:"touched"`
	// Written is how many of these were written.
	Written int    `json:"written"`
	Path    string `json:"path,omitempty"`
}

// Map maps length bytes or ends the subject. fd is -1 for anonymous memory.
func Map(length, prot, flags, fd int) []byte {
	memory, err := syscall.Mmap(fd, 0, length, prot, flags)
	if err != nil {
		Fail(fmt.Errorf("mmap of %d bytes: %w", length, err))
	}
	return memory
}

// Describe says where a mapping lies.
func Describe(kind string, memory []byte, touched, written int, path string) Mapping {
	return Mapping{kind, Address(memory), len(memory), touched, written, path}
}

// Address of the first byte, as the JSON says addresses.
func Address(memory []byte) string { return fmt.Sprintf("%#x", Pointer(memory)) }

// Pointer is the address of the first byte.
func Pointer(memory []byte) uintptr { return uintptr(unsafe.Pointer(&memory[0])) }

var seen byte

// Write makes every page of memory resident by writing to it, and returns how many bytes that is. A large Go object is
// not resident before: the runtime does not clear memory that comes fresh from the kernel.
func Write(memory []byte) int {
	for i := 0; i < len(memory); i += 256 {
		memory[i] = byte(i>>8) | 1
	}
	return len(memory)
}

// Read makes every page of memory resident by reading it.
func Read(memory []byte) int {
	sum := byte(0)
	for i := 0; i < len(memory); i += os.Getpagesize() {
		sum += memory[i]
	}
	seen += sum
	return len(memory)
}

// HeapAlloc is the runtime's figure now; directly after runtime.GC it is what is live.
func HeapAlloc() uint64 {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return now.HeapAlloc
}
