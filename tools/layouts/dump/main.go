// Dump prints, as JSON, what one Go toolchain says about the runtime's memory: struct layouts and global variables from
// the DWARF of a probe program, and constants and tables from the type-checked source of that toolchain.
//
//	dump -wanted wanted.json -probe PROBE -goroot GOROOT -arch amd64 -tags goexperiment.x,go1.24,…
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// wanted mirrors tools/layouts/wanted.json.
type wanted struct {
	Structs []string          `json:"structs"`
	Renamed map[string]string `json:"renamed"`
	// by struct, under its newest name: field as older releases have it → as the newest has it
	RenamedFields map[string]map[string]string `json:"renamedFields"`
	Opaque        []string                     `json:"opaque"`
	Globals       []string                     `json:"globals"`
	Packages      []string                     `json:"packages"`
	Constants     []string                     `json:"constants"`
	ConstantSets  []string                     `json:"constantSets"`
	// names that moved: what the data calls them → where the releases have them; wanted without being listed again
	ConstantNames map[string][]string `json:"constantNames"`
	TableNames    map[string][]string `json:"tableNames"`
	Rules         []string            `json:"rules"`
}

type output struct {
	Structs   map[string]*structLayout `json:"structs"`
	Globals   map[string]fieldLayout   `json:"globals"`
	Constants map[string]any           `json:"constants"`
	Tables    map[string][]any         `json:"tables"`
	// what a small function of the runtime returns, as written: the text of a rule that no constant states
	Rules map[string][]string `json:"rules"`
}

func main() {
	wantedPath := flag.String("wanted", "", "what to look for")
	probe := flag.String("probe", "", "probe program with DWARF")
	goroot := flag.String("goroot", "", "GOROOT of the toolchain that built the probe")
	arch := flag.String("arch", "amd64", "GOARCH")
	tags := flag.String("tags", "", "build tags of the toolchain, comma separated")
	flag.Parse()

	text, err := os.ReadFile(*wantedPath)
	check(err)
	var w wanted
	check(json.Unmarshal(text, &w))

	out := output{}
	out.Structs, out.Globals, err = readDWARF(*probe, &w)
	check(err)
	source, err := readSource(*goroot, *arch, strings.Split(*tags, ","), &w)
	check(err)
	out.Constants, out.Tables, out.Rules = source.constants, source.tables, source.rules
	check(json.NewEncoder(os.Stdout).Encode(out))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "dump:", err)
		os.Exit(1)
	}
}
