// Profiles writes profiles, for tests and benchmarks: those of the Go runtime of its own work (heap, allocs, goroutine,
// threadcreate, mutex, block, cpu, with labels; as protobuf and as text), or one profile of as many made-up stacks as are asked
// for, the same at each run. Unlike the other subjects it ends when all is written.
//
//	profiles -dir DIR             writes the runtime's own into DIR
//	profiles -stacks N -o FILE    writes a heap profile of N stacks, gzipped (-raw: not), of a call graph (-even: not)
package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"runtime"
)

func main() {
	dir := flag.String("dir", "", "where the profiles of the runtime go")
	stacks := flag.Int("stacks", 0, "made-up stacks")
	out := flag.String("o", "", "where the made-up profile goes")
	even := flag.Bool("even", false, "made-up stacks without a call graph behind them")
	raw := flag.Bool("raw", false, "do not gzip the made-up profile")
	flag.Parse()
	runtime.MemProfileRate = 4096
	var err error
	switch {
	case *dir != "":
		err = writeCorpus(*dir)
	case *stacks > 0 && *out != "":
		err = writeMadeUp(*out, madeUp(*stacks, *even), *raw)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writeMadeUp(path string, bytes []byte, raw bool) error {
	if raw {
		return os.WriteFile(path, bytes, 0o644)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	// the runtime writes its own profiles at this level
	packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := packed.Write(bytes); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return file.Close()
}
