// Reference says what the profile package of github.com/google/pprof makes of profiles: what gomem's own decoder and
// encoder are compared with. One line of JSON per file that is named.
package main

import (
	"bytes"
	"encoding/json"
	"os"

	"github.com/google/pprof/profile"
)

type answer struct {
	File  string `json:"file"`
	Error string `json:"error,omitempty"`
	// Profile.String, what `go tool pprof -raw` prints of a profile that it need not merge or prune
	Text string `json:"text,omitempty"`
	// Profile.WriteUncompressed
	Proto []byte `json:"proto,omitempty"`
	// Profile.String of what was written and read again
	Again string `json:"again,omitempty"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, file := range os.Args[1:] {
		if err := out.Encode(read(file)); err != nil {
			panic(err)
		}
	}
}

func read(file string) answer {
	data, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	p, err := profile.ParseData(data)
	if err != nil {
		return answer{File: file, Error: err.Error()}
	}
	var proto bytes.Buffer
	text := p.String()
	if err := p.WriteUncompressed(&proto); err != nil {
		panic(err)
	}
	again, err := profile.ParseData(proto.Bytes())
	if err != nil {
		return answer{File: file, Error: err.Error(), Text: text}
	}
	return answer{File: file, Text: text, Proto: proto.Bytes(), Again: again.String()}
}
