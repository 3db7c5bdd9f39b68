import { bytes, count } from "../figures/figures.ts";
import { type Advice, type Adviser, bytesOf, mapsOf, watch } from "./advice-shape.ts";
import type { VerdictFacts } from "./verdict-facts.ts";

/** Memory that is not the Go runtime's. */

export const binary: Adviser = (facts) => ({
	headline: "The program file itself: code, tables and global variables",
	growing: "More of the binary is being touched; it ends at the file's size.",
	reasons: [
		`global variables (data and bss) ${bytes(bytesOf(facts, "binary.data"))}; the rest is file pages that the kernel can drop and read again`,
	],
	change: [
		"only global variables are private memory; code and read-only data are shared between processes of the same file",
	],
	next: [
		mapsOf(facts, "binary", "its mappings, and how much of each is private dirty"),
		...watch(facts, "whether anything else grows"),
	],
});

export const cMemory: Adviser = (facts) => ({
	headline: "C memory: malloc called through cgo or by a C library, not the Go heap",
	growing: "A leak on the far side of cgo, or its allocator keeping what was freed.",
	reasons:
		facts.runtime === undefined
			? []
			: [`Go's own heap: ${bytes(facts.runtime.heapInuse)} in use; MemStats does not count C memory`],
	change: [
		"look for C.malloc or C.CString without C.free, and for C libraries with caches; MALLOC_ARENA_MAX=2 and malloc_trim() limit what glibc keeps. GOGC and GOMEMLIMIT do not act on it",
	],
	next: [
		mapsOf(facts, "c", "the brk heap, malloc's arenas and its large blocks"),
		...watch(facts, "whether it grows, and by how much"),
	],
});

export const threads: Adviser = (facts) => ({
	headline: `Stacks of ${count(facts.threads)} operating system threads`,
	growing: "More threads: goroutines blocked in system calls or C each hold one.",
	reasons: [`${count(facts.threads)} threads`],
	change: [
		"limit concurrent calls into C and blocking system calls; the runtime does not end idle threads. ulimit -s sets the stack that cgo threads get",
	],
	next: [{ command: `gomem stacks ${facts.target}`, says: "goroutines in system calls and cgo calls" }],
});

export const anonMap: Adviser = (facts, parts) => {
	if (facts.runtime !== undefined) return anonOfOthers(facts, parts);
	return facts.program === "go" ? anonOfUnreadRuntime(facts, parts) : anonOfAnyProgram(facts, parts);
};

/** Without the runtime nobody knows how much of it is Go's heap, which is most of it in most programs. */
const anonOfUnreadRuntime: Adviser = (facts) => ({
	headline: "Anonymous memory, the Go heap among it: whose it is cannot be said, as the Go runtime could not be read",
	growing: "Anonymous memory grows; whether it is the Go heap cannot be said, as the Go runtime could not be read.",
	reasons: [],
	change: ["let gomem read the process first: without that nothing is known of its heap"],
	next: [
		{ command: `gomem doctor ${facts.target}`, says: "why the runtime could not be read, and how to be granted it" },
		...watch(facts, "whether it grows"),
	],
});

/** The program is none of Go's, or nobody could look. */
const anonOfAnyProgram: Adviser = (facts) => {
	const unknown = facts.program === "unknown";
	return {
		headline: unknown
			? "Anonymous memory: whose it is cannot be said, as the program could not be read; it may not be written in Go"
			: "Anonymous memory of a program that is not known to be written in Go: its heap, and what it mapped",
		growing: unknown
			? "Anonymous memory grows; whose it is cannot be said, as the program could not be read."
			: "Anonymous memory grows: the program's own heap, or what it maps.",
		reasons: [],
		change: [
			unknown
				? "let gomem read the process first: without that nothing is known of what it holds"
				: "gomem tells a Go program's memory apart; of another language's heap its own tools tell more",
		],
		next: [
			unknown
				? { command: `gomem doctor ${facts.target}`, says: "why it could not be read, and how to be granted it" }
				: mapsOf(facts, "anon", "each of the mappings"),
			...watch(facts, "whether it grows"),
		],
	};
};

const anonOfOthers: Adviser = (facts) => ({
	headline: "Anonymous mappings that the Go runtime did not make: syscall.Mmap, or a C library's own",
	growing: "Someone maps memory and does not unmap it; neither MemStats nor pprof sees it.",
	reasons: facts.runtime === undefined ? [] : [`MemStats.Sys ${bytes(facts.runtime.sys)} does not contain it`],
	change: ["look for syscall.Mmap, unix.Mmap and off-heap caches and arenas; GOGC and GOMEMLIMIT do not act on it"],
	next: [mapsOf(facts, "anon", "each of them, and who mapped it"), ...watch(facts, "whether it grows")],
});

export const fileMap: Adviser = (facts) => ({
	...named(facts, "files"),
	headline: "Mapped files",
	growing: "More of mapped files is being touched.",
	change: [filesChange(facts)],
	next: [mapsOf(facts, "files", "each mapping, and how much of it is private dirty")],
});

function filesChange({ filePages }: VerdictFacts): string {
	const clean =
		"File pages are page cache: the kernel drops them when it needs memory, so they rarely cause an OOM kill";
	if (filePages === undefined) return `private copies of pages that were written count like anonymous memory. ${clean}`;
	const { copied, unwritten } = filePages;
	const copies =
		copied === 0
			? "none of it is private dirty"
			: `${bytes(copied)} of it is private dirty: copies of pages that were written, which count like anonymous memory and cannot be dropped; write to fewer of them`;
	const back = unwritten === 0 ? "" : ` (${bytes(unwritten)} is dirty and must be written back first)`;
	return `${copies}. ${clean}${back}`;
}

export const shared: Adviser = (facts) => ({
	...named(facts, "shared"),
	headline: "Shared memory",
	growing: "Shared memory grows; unlike files it cannot be dropped, only swapped.",
	change: ["memfd, tmpfs and System V segments stay until every user unmaps them and the name is removed"],
	next: [mapsOf(facts, "shared", "each of the mappings")],
});

/** The largest lines of a group whose ids end in a file's name, each with its own bytes. */
function named({ ledger }: VerdictFacts, group: "files" | "shared"): Pick<Advice, "detail" | "reasons"> {
	// without smaps there is one sum, of no file
	const lines = ledger.lines.filter(({ id }) => id.startsWith(`${group}.`) && id !== `${group}.all`);
	lines.sort((a, b) => b.bytes - a.bytes);
	const [largest] = lines;
	const name = (id: string) => id.slice(group.length + 1);
	if (largest === undefined) return { reasons: [] };
	const others = lines.length - 1;
	const rest = others === 0 ? "" : `, the largest of ${count(lines.length)}`;
	return {
		detail: `${name(largest.id)} has ${others === 0 ? "it all" : bytes(largest.bytes)}${rest}`,
		reasons: others === 0 ? [] : lines.slice(0, 3).map((line) => `${name(line.id)} ${bytes(line.bytes)}`),
	};
}
