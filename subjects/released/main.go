// Released has allocated, dropped and given back: much address space is still mapped and counted in HeapSys, hardly any of
// it is resident.
package main

import (
	"flag"
	"runtime/debug"

	"gomem.test/subjects/internal/dropped"
	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

func main() {
	mib := flag.Int("mib", 64, "MiB allocated, dropped and released")
	flag.Parse()
	dropped.Fill(*mib * truth.MiB)
	debug.FreeOSMemory()
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{"releasedBytes": *mib * truth.MiB}
		},
	})
}
