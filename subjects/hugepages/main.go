// Hugepages has memory that the runtime believes it has returned and that is resident all the same: one live object in
// each 2 MiB of heap, the rest released, and then the kernel makes huge pages of it (here by request, MADV_COLLAPSE; in
// life through khugepaged). HeapReleased says one thing, the resident set another.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

const (
	hugeBytes   = 2 << 20
	objectBytes = 8 << 10 // a span of its own

	// include/uapi/asm-generic/mman-common.h; collapse since Linux 6.1
	madvHugepage = 14
	madvCollapse = 25
)

// kept is one object of each 2 MiB region that lies wholly between the first and the last object.
var kept = map[uintptr][]byte{}

func main() {
	mib := flag.Int("mib", 64, "MiB of heap before all but one object in 2 MiB is released")
	flag.Parse()
	debug.SetGCPercent(-1) // no collection later, which might release or reuse anything
	fill(*mib * truth.MiB)
	debug.FreeOSMemory()
	pages, err := os.Open("/proc/self/pagemap")
	if err != nil {
		truth.Fail(err)
	}
	collapsed, surplus, unsupported := 0, 0, ""
	for region := range kept {
		before := residentPages(pages, region)
		errno := madvise(region, madvCollapse)
		if errno == syscall.EINVAL {
			// Up to Go 1.20 what the runtime releases is under MADV_NOHUGEPAGE (runtime/mem_linux.go, sysUnusedOS).
			madvise(region, madvHugepage)
			errno = madvise(region, madvCollapse)
		}
		if errno != 0 {
			unsupported = fmt.Sprintf("MADV_COLLAPSE: %v", errno)
			continue
		}
		collapsed++
		surplus += (residentPages(pages, region) - before) * os.Getpagesize()
	}
	pages.Close()
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			holds := truth.Holds{
				"liveObjects":        len(kept),
				"liveBytesRequested": len(kept) * objectBytes,
				"hugeRegions":        collapsed,
				"surplusBytes":       surplus, // resident though released
			}
			if unsupported != "" {
				holds["unsupported"] = unsupported
			}
			return holds
		},
	})
}

func madvise(region, advice uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, region, hugeBytes, advice)
	return errno
}

// fill allocates and keeps just one object of each aligned 2 MiB region that is filled from end to end.
func fill(bytes int) {
	count := map[uintptr]int{}
	first := map[uintptr][]byte{}
	all := make([][]byte, 0, bytes/objectBytes)
	for i := 0; i < bytes/objectBytes; i++ {
		object := make([]byte, objectBytes)
		truth.Write(object)
		all = append(all, object)
		region := truth.Pointer(object) &^ (hugeBytes - 1)
		count[region]++
		if first[region] == nil {
			first[region] = object
		}
	}
	for region, objects := range count {
		if objects == hugeBytes/objectBytes {
			kept[region] = first[region]
		}
	}
}

// residentPages counts the pages of a region that are present: bit 63 of a pagemap entry (proc(5)).
func residentPages(pages *os.File, region uintptr) int {
	entries := make([]byte, hugeBytes/os.Getpagesize()*8)
	if _, err := pages.ReadAt(entries, int64(region)/int64(os.Getpagesize())*8); err != nil {
		truth.Fail(err)
	}
	present := 0
	for ; len(entries) > 0; entries = entries[8:] {
		present += int(binary.LittleEndian.Uint64(entries) >> 63)
	}
	return present
}
