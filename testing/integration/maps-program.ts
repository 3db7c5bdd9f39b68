import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { cacheFolder, defaultGo, toolchain } from "../subjects.ts";

/**
 * A program that maps memory with syscall.Mmap and with a package at the import path golang.org/x/sys/unix, whose mmapper is
 * that of golang.org/x/sys v0.30.0 (unix/syscall_unix.go): the real module would have to be downloaded.
 */
const FILES: Readonly<Record<string, string>> = {
	"go.mod": `module gomem.test/mmaps

go 1.19

require golang.org/x/sys v0.30.0

replace golang.org/x/sys => ./sys
`,
	"sys/go.mod": "module golang.org/x/sys\n\ngo 1.19\n",
	"sys/unix/mmap.go": `package unix

import (
	"sync"
	"syscall"
	"unsafe"
)

type mmapper struct {
	sync.Mutex
	active map[*byte][]byte // active mappings; key is last byte in mapping
	mmap   func(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error)
	munmap func(addr uintptr, length uintptr) error
}

func (m *mmapper) Mmap(fd int, offset int64, length int, prot int, flags int) (data []byte, err error) {
	addr, errno := m.mmap(0, uintptr(length), prot, flags, fd, offset)
	if errno != nil {
		return nil, errno
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(addr)), length)
	p := &b[cap(b)-1]
	m.Lock()
	defer m.Unlock()
	m.active[p] = b
	return b, nil
}

func (m *mmapper) Munmap(data []byte) (err error) {
	p := &data[cap(data)-1]
	m.Lock()
	defer m.Unlock()
	delete(m.active, p)
	return m.munmap(uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)))
}

func mmap(addr uintptr, length uintptr, prot int, flags int, fd int, offset int64) (xaddr uintptr, err error) {
	r, _, e := syscall.Syscall6(syscall.SYS_MMAP, addr, length, uintptr(prot), uintptr(flags), uintptr(fd), uintptr(offset))
	if e != 0 {
		return 0, e
	}
	return r, nil
}

func munmap(addr uintptr, length uintptr) (err error) {
	_, _, e := syscall.Syscall(syscall.SYS_MUNMAP, addr, length, 0)
	if e != 0 {
		return e
	}
	return nil
}

type mremapMmapper struct {
	mmapper
	mremap func(oldaddr uintptr, oldlength uintptr, newlength uintptr, flags int, newaddr uintptr) (xaddr uintptr, err error)
}

var mapper = &mremapMmapper{mmapper: mmapper{active: make(map[*byte][]byte), mmap: mmap, munmap: munmap}}

func Mmap(fd int, offset int64, length int, prot int, flags int) (data []byte, err error) {
	return mapper.Mmap(fd, offset, length, prot, flags)
}

func Munmap(b []byte) (err error) { return mapper.Munmap(b) }
`,
	"main.go": `package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	access = syscall.PROT_READ | syscall.PROT_WRITE
	flags  = syscall.MAP_ANON | syscall.MAP_PRIVATE
)

type held struct {
	Address string \`json:"address"\`
	Length  int    \`json:"length"\`
}

var bySyscall, byUnix [][]byte

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

func list(all [][]byte) (out []held) {
	for _, b := range all {
		out = append(out, held{fmt.Sprintf("%p", unsafe.Pointer(&b[0])), len(b)})
	}
	return out
}

func say() {
	text, _ := json.Marshal(map[string]any{"pid": os.Getpid(), "syscall": list(bySyscall), "unix": list(byUnix)})
	os.Stdout.Write(append(text, '\\n'))
}

func more(n int) {
	for i := 0; i < n; i++ {
		bySyscall = append(bySyscall, must(syscall.Mmap(-1, 0, 5000+i, access, flags)))
		b := must(unix.Mmap(-1, 0, 9000+i, access, flags))
		if i%3 == 0 {
			if err := unix.Munmap(b); err != nil {
				panic(err)
			}
		} else {
			byUnix = append(byUnix, b)
		}
	}
}

func main() {
	bySyscall = append(bySyscall, must(syscall.Mmap(-1, 0, 6<<20, access, flags)))
	byUnix = append(byUnix, must(unix.Mmap(-1, 0, 10<<20, access, flags)))
	more(300)
	say()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		more(200)
		say()
	}
}
`,
};

export interface MmapsHeld {
	readonly pid: number;
	readonly syscall: readonly { readonly address: string; readonly length: number }[];
	readonly unix: readonly { readonly address: string; readonly length: number }[];
}

export interface MmapsProgram extends AsyncDisposable {
	readonly pid: number;
	held: MmapsHeld;
	/** maps more, and says what it holds now */
	more(): Promise<MmapsHeld>;
}

/** Path of the program, built once for a release and flags. Throws SubjectUnavailable where there is no such toolchain. */
async function build(
	version: string,
	flags: readonly string[],
	env: Readonly<Record<string, string>>,
): Promise<string> {
	const { go, env: goEnv } = await toolchain(version);
	const key = createHash("sha256").update(JSON.stringify([version, flags, env, FILES]));
	const path = join(cacheFolder(), "mmaps", key.digest("hex").slice(0, 24));
	if (existsSync(path)) return path;
	await mkdir(dirname(path), { recursive: true });
	const folder = await mkdtemp(`${path}-`);
	try {
		for (const [name, text] of Object.entries(FILES)) {
			await mkdir(dirname(join(folder, name)), { recursive: true });
			await writeFile(join(folder, name), text);
		}
		await promisify(execFile)(go, ["build", ...flags, "-o", "mmaps", "."], {
			cwd: folder,
			env: { ...goEnv, GOFLAGS: "-mod=mod", GOPROXY: "off", GOSUMDB: "off", ...env },
		});
		await rename(join(folder, "mmaps"), path);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
	return path;
}

export interface MmapsOptions {
	readonly go?: string;
	readonly flags?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
}

/** Builds and starts it; it has said what it holds. */
export async function startMmaps(options: MmapsOptions = {}): Promise<MmapsProgram> {
	const path = await build(options.go ?? defaultGo, options.flags ?? [], options.env ?? {});
	const child = spawn(path, [], { stdio: ["pipe", "pipe", "inherit"] });
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const read = async () => JSON.parse(String((await lines.next()).value)) as MmapsHeld;
	const held = await read();
	const program = {
		pid: held.pid,
		held,
		async more() {
			child.stdin.write("\n");
			program.held = await read();
			return program.held;
		},
		async [Symbol.asyncDispose]() {
			const ended = new Promise((resolve) => child.once("exit", resolve));
			child.kill("SIGKILL");
			await ended;
		},
	};
	return program;
}
