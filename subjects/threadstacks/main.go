//go:build cgo

// Threadstacks has threads of C with deep stacks that were written to, and Go's own threads blocked in C calls: 8 MiB
// mappings behind a guard page, of which only the touched part is resident.
package main

/*
#cgo LDFLAGS: -lpthread
#include <alloca.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static sem_t deep_enough;

// wait_deep writes bytes of its own stack and never returns.
__attribute__((noinline)) static void wait_deep(size_t bytes) {
	char *frame = alloca(bytes);
	memset(frame, 0x5a, bytes);
	__asm__ volatile("" : : "r"(frame) : "memory"); // else the compiler sees that nobody reads it
	sem_post(&deep_enough);
	for (;;) pause();
}

static void *thread(void *bytes) {
	wait_deep((size_t)bytes);
	return NULL;
}

static int prepare(void) { return sem_init(&deep_enough, 0, 0); }

static void await_deep(void) { while (sem_wait(&deep_enough) != 0) {} }

// start_thread makes a detached thread with a stack of reserve bytes that gets no signals: they are Go's.
static int start_thread(size_t reserve, size_t bytes) {
	pthread_t id;
	pthread_attr_t attributes;
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, reserve);
	int failure = pthread_create(&id, &attributes, thread, (void *)bytes);
	if (failure == 0) pthread_detach(id);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}
*/
import "C"

import (
	"flag"
	"syscall"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

func main() {
	threads := flag.Int("threads", 16, "threads of C")
	blocked := flag.Int("blocked", 16, "goroutines blocked in C, each with a thread of Go's")
	kib := flag.Int("kib", 512, "KiB of each stack that are written")
	reserve := flag.Int("reserve", 8, "MiB that each thread of C reserves for its stack")
	flag.Parse()
	bytes := *kib << 10
	if failure := C.prepare(); failure != 0 {
		truth.Fail(syscall.Errno(failure))
	}
	for i := 0; i < *threads; i++ {
		if failure := C.start_thread(C.size_t(*reserve*truth.MiB), C.size_t(bytes)); failure != 0 {
			truth.Fail(syscall.Errno(failure))
		}
	}
	for i := 0; i < *blocked; i++ {
		go blockInC(bytes)
	}
	for i := 0; i < *threads+*blocked; i++ {
		C.await_deep()
	}
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{
				"threadStackBytes":  (*threads + *blocked) * bytes,
				"cThreads":          *threads,
				"cThreadReserve":    *reserve * truth.MiB,
				"blockedInC":        *blocked,
				"touchedPerThread":  bytes,
				"blockedInFunction": "main.blockInC",
			}
		},
	})
}

func blockInC(bytes int) { C.wait_deep(C.size_t(bytes)) }
