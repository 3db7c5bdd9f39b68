//go:build cgo

package main

/*
#include <stdlib.h>
#include <string.h>

struct chunk { struct chunk *next; };

static struct chunk *chunks;

static int hold(size_t count, size_t size) {
	for (size_t i = 0; i < count; i++) {
		struct chunk *chunk = malloc(size);
		if (chunk == NULL) return -1;
		memset(chunk, 0x5a, size);
		chunk->next = chunks;
		chunks = chunk;
	}
	return 0;
}
*/
import "C"

import (
	"syscall"

	"gomem.test/subjects/truth"
)

// holdC takes bytes from malloc in small chunks and returns how many that are.
func holdC(bytes int) int {
	const size = 240
	if C.hold(C.size_t(bytes/size), size) != 0 {
		truth.Fail(syscall.ENOMEM)
	}
	return bytes / size * size
}
