// Sharedmem maps shared memory in the three ways a Go program can: a memfd, a file in /dev/shm, and MAP_SHARED without a
// file. The kernel counts all of it as shmem; in a container it is charged to whoever touched it first.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

// memfdCreate by architecture: package syscall is frozen and lacks it.
var memfdCreate = map[string]uintptr{"amd64": 319, "arm64": 279}

var (
	memory   [][]byte
	mappings []truth.Mapping
	file     *os.File // kept: a finalizer would close the descriptor
)

func main() {
	mib := flag.Int("mib", 8, "MiB of each of the three mappings")
	flag.Parse()
	bytes := *mib * truth.MiB

	add("memfd", bytes, syscall.MAP_SHARED, memfd("gomem-subject"), "/memfd:gomem-subject")

	path := fmt.Sprintf("/dev/shm/gomem-subject-%d", os.Getpid())
	var err error
	file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		truth.Fail(err)
	}
	if err := os.Remove(path); err != nil { // at once, so that nothing is left however this ends
		truth.Fail(err)
	}
	add("shm", bytes, syscall.MAP_SHARED, int(file.Fd()), path)

	add("anonymous shared", bytes, syscall.MAP_SHARED|syscall.MAP_ANON, -1, "")

	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{"sharedBytes": 3 * bytes, "mappings": mappings}
		},
	})
}

func add(kind string, bytes, flags, fd int, path string) {
	if fd >= 0 {
		if err := syscall.Ftruncate(fd, int64(bytes)); err != nil {
			truth.Fail(err)
		}
	}
	region := truth.Map(bytes, syscall.PROT_READ|syscall.PROT_WRITE, flags, fd)
	touched := truth.Write(region)
	memory = append(memory, region)
	mappings = append(mappings, truth.Describe(kind, region, touched, touched, path))
}

func memfd(name string) int {
	label := append([]byte(name), 0)
	fd, _, errno := syscall.Syscall(memfdCreate[runtime.GOARCH], uintptr(unsafe.Pointer(&label[0])), 0, 0)
	if errno != 0 {
		truth.Fail(fmt.Errorf("memfd_create: %w", errno))
	}
	return int(fd)
}
