// Idle has allocated, dropped all of it and collected: free pages that the runtime still keeps. It keeps them for good,
// since nothing here lets the scavenger begin.
package main

import (
	"flag"

	"gomem.test/subjects/internal/dropped"
	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

func main() {
	mib := flag.Int("mib", 64, "MiB allocated and dropped")
	flag.Parse()
	dropped.Fill(*mib * truth.MiB)
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{"idleBytes": *mib * truth.MiB}
		},
	})
}
