package truth

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"syscall"
)

// GoroutineGroup counts the goroutines that share where they began, who began them and why they wait.
type GoroutineGroup struct {
	Function  string `json:"function"`
	CreatedBy string `json:"createdBy"`
	// State is the wait reason or status as a traceback prints it: "chan receive", "select", "IO wait", "running"…
	State string `json:"state"`
	Count int    `json:"count"`
}

type goroutines struct {
	// Total is runtime.NumGoroutine: user goroutines only, as in the groups.
	Total  int              `json:"total"`
	Groups []GoroutineGroup `json:"groups"`
}

// tracebackLimit bounds the text of all stacks: about 250 bytes for each parked goroutine.
const tracebackLimit = 1 << 30

// countGoroutines groups the traceback of all goroutines. The text lies outside of the Go heap, so that asking leaves
// only some strings there.
func countGoroutines() (any, error) {
	text, err := syscall.Mmap(-1, 0, tracebackLimit, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	defer syscall.Munmap(text)
	length := runtime.Stack(text, true)
	if length == len(text) {
		return nil, fmt.Errorf("the traceback is longer than %d bytes", tracebackLimit)
	}
	counts := map[GoroutineGroup]int{}
	for _, block := range strings.Split(strings.TrimSpace(string(text[:length])), "\n\n") {
		counts[groupOf(block)]++
	}
	result := goroutines{Total: runtime.NumGoroutine()}
	for group, count := range counts {
		group.Count = count
		result.Groups = append(result.Groups, group)
	}
	sort.Slice(result.Groups, func(i, j int) bool {
		a, b := result.Groups[i], result.Groups[j]
		if a.Count != b.Count {
			return a.Count > b.Count
		}
		return a.Function+a.State < b.Function+b.State
	})
	return result, nil
}

// groupOf reads one block of a traceback (runtime/traceback.go): "goroutine 7 [chan receive, 2 minutes]:", then a line
// "function(arguments)" and a line with a tab and the place for each frame, at the end perhaps
// "created by function in goroutine 1" ("in goroutine" since Go 1.21) and its place.
func groupOf(block string) GoroutineGroup {
	var group GoroutineGroup
	for i, line := range strings.Split(block, "\n") {
		switch {
		case i == 0:
			_, state, _ := strings.Cut(line, "[")
			group.State = state[:strings.IndexAny(state, ",]")]
		case strings.HasPrefix(line, "\t"):
		case strings.HasPrefix(line, "created by "):
			group.CreatedBy, _, _ = strings.Cut(strings.TrimPrefix(line, "created by "), " in goroutine ")
		default:
			if end := strings.LastIndexByte(line, '('); end > 0 {
				group.Function = line[:end]
			}
		}
	}
	return group
}
