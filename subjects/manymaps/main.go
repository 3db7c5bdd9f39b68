// Manymaps has thousands of memory mappings of one page each, kept apart by guard pages: a small resident set with a long
// list of mappings, which whoever reads smaps pays for.
package main

import (
	"flag"
	"os"
	"syscall"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

func main() {
	n := flag.Int("n", 2000, "mappings that are touched; as many guards lie between (vm.max_map_count is 65530 for all)")
	flag.Parse()
	page := os.Getpagesize()
	region := truth.Map(*n*2*page, syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, -1)
	for i := 0; i < *n; i++ {
		one := region[i*2*page:][:page]
		if err := syscall.Mprotect(one, syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
			truth.Fail(err)
		}
		truth.Write(one)
	}
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{
				"anonymousBytes": *n * page,
				"mappingsMade":   2 * *n,
				"address":        truth.Address(region),
				"length":         len(region),
			}
		},
	})
}
