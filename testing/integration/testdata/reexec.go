// Reexec becomes another program, given as its arguments, at the first byte on its standard input.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 2))
	panic(syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
}
