// Filemap maps a file of its own three times: shared and read, as an embedded database does; shared and written; private and
// written in its first half, which copies these pages. On tmpfs the kernel counts the pages of a file as shared memory.
package main

import (
	"flag"
	"os"
	"path/filepath"
	"syscall"

	"gomem.test/subjects/truth"
	_ "gomem.test/subjects/truth/prof"
)

var (
	memory   [][]byte
	files    []*os.File // kept open: a finalizer would close the descriptor
	mappings []truth.Mapping
)

func main() {
	mib := flag.Int("mib", 16, "MiB of each of the three mappings")
	dir := flag.String("dir", os.TempDir(), "where the files are made")
	flag.Parse()
	bytes := *mib * truth.MiB
	folder, err := os.MkdirTemp(*dir, "filemap-")
	if err != nil {
		truth.Fail(err)
	}
	truth.AtExit(func() { os.RemoveAll(folder) })

	file, path := create(folder, "read.db", bytes)
	region := truth.Map(bytes, syscall.PROT_READ, syscall.MAP_SHARED, file)
	add("file shared", region, truth.Read(region), 0, path)

	file, path = create(folder, "written.db", bytes)
	region = truth.Map(bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED, file)
	written := truth.Write(region)
	add("file shared", region, written, written, path)

	file, path = create(folder, "private.db", bytes)
	region = truth.Map(bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE, file)
	touched := truth.Read(region)
	written = truth.Write(region[:bytes/2])
	add("file private", region, touched, written, path)

	var system syscall.Statfs_t
	if err := syscall.Statfs(folder, &system); err != nil {
		truth.Fail(err)
	}
	const tmpfsMagic = 0x01021994 // statfs(2)
	truth.Serve(truth.Subject{
		Holds: func() truth.Holds {
			return truth.Holds{
				"fileBytes":   2*bytes + bytes/2,
				"copiedBytes": bytes / 2, // private copies: anonymous in smaps, under the file's name
				"mappings":    mappings,
				"tmpfs":       system.Type == tmpfsMagic,
			}
		},
	})
}

func add(kind string, region []byte, touched, written int, path string) {
	memory = append(memory, region)
	mappings = append(mappings, truth.Describe(kind, region, touched, written, path))
}

// create makes a file with content: a hole would be backed by pages too, but a database is no hole.
func create(folder, name string, bytes int) (int, string) {
	path := filepath.Join(folder, name)
	file, err := os.Create(path)
	if err != nil {
		truth.Fail(err)
	}
	block := make([]byte, truth.MiB)
	truth.Write(block)
	for got := 0; got < bytes; got += len(block) {
		if _, err := file.Write(block); err != nil {
			truth.Fail(err)
		}
	}
	files = append(files, file)
	return int(file.Fd()), path
}
