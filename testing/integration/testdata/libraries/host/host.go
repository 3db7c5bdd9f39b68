// Loads the plugin that its argument names, lets it work and waits for the end of its input.
package main

import (
	"fmt"
	"io"
	"os"
	"plugin"
)

func main() {
	loaded, err := plugin.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	work, err := loaded.Lookup("Work")
	if err != nil {
		panic(err)
	}
	work.(func(int))(4096)
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}
