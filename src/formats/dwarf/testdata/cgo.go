// A program with a C part that has debug information of its own.
package main

/*
#cgo CFLAGS: -g
struct pair { long first; double second; char name[8]; };
struct pair only_in_c = { 1, 2.0, "pair" };
static struct pair *get(void) { return &only_in_c; }
*/
import "C"

import "fmt"

var kept = map[string]C.struct_pair{}

func main() {
	kept["pair"] = *C.get()
	fmt.Println(kept)
}
