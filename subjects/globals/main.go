// Globals has large package-level arrays: initialised ones, which are part of the binary file until written, and zeroed
// ones, which are anonymous memory once touched. None of it is in the Go heap.
package main

import (
	"fmt"
	"unsafe"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

const (
	initialisedBytes = 8 << 20
	zeroedBytes      = 24 << 20
	pointerCount     = 1 << 19 // 4 MiB on 64 bits
)

var (
	initialised = [initialisedBytes]byte{0: 1, initialisedBytes - 1: 1} // .noptrdata
	zeroed      [zeroedBytes]byte                                       // .noptrbss
	pointers    [pointerCount]*byte                                     // .bss
)

type global struct {
	Name    string `json:"name"`
	Section string `json:"section"`
	Address string `json:"address"`
	Length  int    `json:"length"`
	Touched int    `json:"touched"`
	Written int    `json:"written"`
}

func main() {
	truth.Read(initialised[:])
	truth.Write(initialised[:initialisedBytes/2])
	truth.Write(zeroed[:])
	for i := range pointers {
		pointers[i] = &zeroed[i]
	}
	pointersBytes := len(pointers) * int(unsafe.Sizeof(pointers[0]))
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{
				"globalBytes": initialisedBytes + zeroedBytes + pointersBytes,
				"globals": []global{
					{"main.initialised", ".noptrdata", truth.Address(initialised[:]), initialisedBytes, initialisedBytes,
						initialisedBytes / 2},
					{"main.zeroed", ".noptrbss", truth.Address(zeroed[:]), zeroedBytes, zeroedBytes, zeroedBytes},
					{"main.pointers", ".bss", fmt.Sprintf("%p", &pointers), pointersBytes, pointersBytes, pointersBytes},
				},
			}
		},
	})
}
