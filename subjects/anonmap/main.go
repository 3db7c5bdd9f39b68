// Anonmap maps anonymous memory itself, as an off-heap cache does: resident, in no figure of the Go runtime.
package main

import (
	"flag"
	"syscall"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

var (
	memory   [][]byte
	mappings []truth.Mapping
)

func add(bytes, touched int) {
	region := truth.Map(bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON, -1)
	truth.Write(region[:touched])
	memory = append(memory, region)
	mappings = append(mappings, truth.Describe("anonymous", region, touched, touched, ""))
}

func main() {
	mib := flag.Int("mib", 32, "MiB mapped and written; as much again is mapped and never touched")
	flag.Parse()
	add(*mib*truth.MiB, *mib*truth.MiB)
	add(*mib*truth.MiB, 0)
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			touched := 0
			for _, mapping := range mappings {
				touched += mapping.Touched
			}
			return truth.Holds{"anonymousBytes": touched, "mappings": mappings}
		},
		Grow: func(mib int) error {
			add(mib*truth.MiB, mib*truth.MiB)
			return nil
		},
	})
}
