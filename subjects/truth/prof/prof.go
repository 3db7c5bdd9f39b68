// Package prof adds the commands that need the runtime's profiles. Subjects import it for that effect.
//
// It is apart from package truth since a mere reference to runtime.MemProfile decides whether the linker leaves heap
// profiling on (cmd/link: disableMemoryProfiling); the subject noprofile does without.
package prof

import (
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"

	"gomem.test/subjects/truth"
)

func init() {
	truth.Register("memprofile", memProfile)
	truth.Register("pprof", lookup)
}

type record struct {
	AllocBytes   int64 `json:"allocBytes"`
	FreeBytes    int64 `json:"freeBytes"`
	AllocObjects int64 `json:"allocObjects"`
	FreeObjects  int64 `json:"freeObjects"`
	// PCs are return addresses, innermost first.
	PCs []string `json:"pcs"`
	// Functions are the frames of these, inlined calls included, innermost first.
	Functions []string `json:"functions"`
}

// memProfile is runtime.MemProfile, not scaled: the records of the last completed cycle.
func memProfile(string) (any, error) {
	records := make([]runtime.MemProfileRecord, 10_000)
	count, complete := runtime.MemProfile(records, true)
	if !complete {
		return nil, fmt.Errorf("%d records, more than the room for %d", count, len(records))
	}
	result := make([]record, 0, count)
	for i := range records[:count] {
		from := &records[i]
		to := record{from.AllocBytes, from.FreeBytes, from.AllocObjects, from.FreeObjects, nil, nil}
		for _, pc := range from.Stack() {
			to.PCs = append(to.PCs, fmt.Sprintf("%#x", pc))
		}
		frames := runtime.CallersFrames(from.Stack())
		for {
			frame, more := frames.Next()
			to.Functions = append(to.Functions, frame.Function)
			if !more {
				break
			}
		}
		result = append(result, to)
	}
	return map[string]any{"rate": runtime.MemProfileRate, "records": result}, nil
}

// lookup is the text (debug=1) of a profile of runtime/pprof: "pprof goroutine", "pprof heap", …
func lookup(name string) (any, error) {
	profile := pprof.Lookup(name)
	if profile == nil {
		return nil, fmt.Errorf("no profile %q", name)
	}
	var text strings.Builder
	if err := profile.WriteTo(&text, 1); err != nil {
		return nil, err
	}
	return map[string]string{"text": text.String()}, nil
}
