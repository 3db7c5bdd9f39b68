// Nestedjson has decoded documents into map[string]any and keeps them: many small objects, boxed numbers, maps of maps. A
// document takes several times its text.
package main

import (
	"encoding/json"
	"flag"
	"runtime"
	"strconv"
	"strings"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

var (
	documents []map[string]any
	textBytes int
)

const documentBytes = 64 << 10

// write builds one document, three levels deep.
func write(number int) string {
	var text strings.Builder
	text.WriteString(`{"id":` + strconv.Itoa(number) + `,"items":[`)
	for i := 0; text.Len() < documentBytes-200; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		n := strconv.Itoa(number*1000 + i)
		text.WriteString(`{"sku":"sku-` + n + `","price":{"amount":` + n + `.25,"currency":"EUR"},` +
			`"tags":["a` + n + `","b"],"stock":{"here":` + n + `,"there":null,"open":true}}`)
	}
	text.WriteString(`]}`)
	return text.String()
}

func decode(bytes int) error {
	for got := 0; got < bytes; {
		text := write(len(documents))
		var document map[string]any
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			return err
		}
		documents = append(documents, document)
		got += len(text)
		textBytes += len(text)
	}
	return nil
}

func main() {
	mib := flag.Int("mib", 6, "MiB of text decoded; it takes about six times as much")
	flag.Parse()
	if err := decode(*mib * truth.MiB); err != nil {
		truth.Fail(err)
	}
	runtime.GC()
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{"documents": len(documents), "textBytes": textBytes, "heapAlloc": truth.HeapAlloc()}
		},
		Grow: func(mib int) error { return decode(mib * truth.MiB) },
	})
}
