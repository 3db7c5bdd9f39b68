//go:build cgo

// Cheap (the C heap) has memory from malloc, which the Go runtime knows nothing of: small chunks in the main arena
// (brk) and in the arenas of other threads, and chunks so large that malloc maps each by itself.
package main

/*
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct chunk { struct chunk *next; };

// hold mallocs count chunks of size bytes, writes all of each and links them to *list. Returns how many it got.
static size_t hold(struct chunk **list, size_t count, size_t size) {
	size_t got = 0;
	for (; got < count; got++) {
		struct chunk *chunk = malloc(size);
		if (chunk == NULL) break;
		memset(chunk, 0x5a, size);
		chunk->next = *list;
		*list = chunk;
	}
	return got;
}

// drop frees every second chunk of a list, as a C library with a leak does. Returns how many.
static size_t drop(struct chunk *list) {
	size_t freed = 0;
	while (list != NULL && list->next != NULL) {
		struct chunk *victim = list->next;
		list->next = victim->next;
		list = victim->next;
		free(victim);
		freed++;
	}
	return freed;
}

// What glibc itself counts: bytes from brk and arenas, bytes mapped for large chunks, bytes handed out, bytes free.
static void count(size_t out[4]) {
	memset(out, 0, 4 * sizeof *out);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	struct mallinfo2 info = mallinfo2();
	out[0] = info.arena;
	out[1] = info.hblkhd;
	out[2] = info.uordblks;
	out[3] = info.fordblks;
#endif
}
*/
import "C"

import (
	"flag"
	"fmt"
	"runtime"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

const (
	smallBytes = 160
	largeBytes = 1 << 20 // above glibc's M_MMAP_THRESHOLD of 128 KiB
)

type held struct {
	list *C.struct_chunk

	Place      string `json:"place"`
	ChunkBytes int    `json:"chunkBytes"`
	Count      int    `json:"count"`
}

var all []*held

// The main goroutine stays on the main thread, whose arena is [heap].
func init() { runtime.LockOSThread() }

func main() {
	mib := flag.Int("mib", 48, "MiB: a third each in the main arena, in two other arenas, in large chunks")
	dropHalf := flag.Bool("drop", false, "free every second small chunk: C memory that stays and that nobody uses")
	flag.Parse()
	third := *mib * truth.MiB / 3
	add("main arena", third, smallBytes)
	add("mapped", third, largeBytes)
	for i := 0; i < 2; i++ {
		onAnotherThread(func() { add("thread arena", third/2, smallBytes) })
	}
	freed := 0
	if *dropHalf {
		for _, held := range all {
			if held.ChunkBytes == smallBytes {
				count := int(C.drop(held.list))
				held.Count -= count
				freed += count * smallBytes
			}
		}
	}
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			total := 0
			for _, held := range all {
				total += held.Count * held.ChunkBytes
			}
			var info [4]C.size_t
			C.count(&info[0])
			return truth.Holds{
				"cBytes":      total,
				"cFreedBytes": freed,
				"chunks":      all,
				"mallinfo": map[string]uint64{ // of all arenas; zeros where the C library has no mallinfo2
					"arena": uint64(info[0]), "hblkhd": uint64(info[1]), "uordblks": uint64(info[2]), "fordblks": uint64(info[3]),
				},
			}
		},
		Grow: func(mib int) error {
			add("main arena", mib*truth.MiB, smallBytes)
			return nil
		},
	})
}

func add(place string, bytes, size int) {
	next := &held{Place: place, ChunkBytes: size}
	next.Count = int(C.hold(&next.list, C.size_t(bytes/size), C.size_t(size)))
	if next.Count < bytes/size {
		truth.Fail(fmt.Errorf("malloc gave %d of %d chunks of %d bytes", next.Count, bytes/size, size))
	}
	all = append(all, next)
}

// onAnotherThread keeps the thread for good: a thread that ends gives its arena to the next one.
func onAnotherThread(work func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		work()
		close(done)
		select {}
	}()
	<-done
}
