import type { CAllocator } from "./allocators.ts";

/** What each line of the ledger means and where its bytes were counted. Ids are stable; deeper ids add a dot and a name. */
export interface LineKind {
	readonly id: string;
	readonly group: LineGroup;
	/** a few plain words */
	readonly what: string;
	readonly source: string;
}

/** The groups that a verdict speaks of, in the order of the screen. */
export const lineGroups = [
	"heap",
	"stacks",
	"runtime",
	"binary",
	"c",
	"threads",
	"libs",
	"files",
	"shared",
	"anon",
] as const;
export type LineGroup = (typeof lineGroups)[number];

/** Allocators of C memory other than glibc's, see allocators.ts. */
const allocators: readonly CAllocator[] = ["jemalloc", "tcmalloc", "mimalloc", "musl"];

const SPANS = "runtime spans × pagemap";
const PAGES = "runtime page allocator × pagemap";
const GOROUTINES = "goroutine stack bounds × pagemap";
const METADATA = "runtime metadata addresses × pagemap";
const MAPPING = "smaps × pagemap";
const REGISTERED = "the package's own list of mappings × pagemap";

const kinds: readonly LineKind[] = [
	{ id: "heap.live", group: "heap", what: "objects marked live at the last GC", source: SPANS },
	{ id: "heap.new", group: "heap", what: "objects allocated since the last GC", source: SPANS },
	{ id: "heap.dead", group: "heap", what: "garbage found by the last GC, not yet swept", source: SPANS },
	{ id: "heap.free-slots", group: "heap", what: "free slots and slack in spans in use", source: SPANS },
	{ id: "heap.idle", group: "heap", what: "idle, not yet returned to the OS", source: PAGES },
	{ id: "heap.scavenged", group: "heap", what: "returned to the OS, still resident", source: PAGES },
	{ id: "heap.huge", group: "heap", what: "returned or never used, resident in huge pages", source: PAGES },
	{ id: "stacks.used", group: "stacks", what: "goroutine stacks in use", source: GOROUTINES },
	{ id: "stacks.slack", group: "stacks", what: "goroutine stacks below the stack pointer", source: GOROUTINES },
	{ id: "stacks.cached", group: "stacks", what: "stacks cached for goroutines to come", source: GOROUTINES },
	{ id: "runtime.metadata.spans", group: "runtime", what: "span structs, in use or kept for reuse", source: METADATA },
	{ id: "runtime.metadata.caches", group: "runtime", what: "per-P allocation caches", source: METADATA },
	{
		id: "runtime.metadata.specials",
		group: "runtime",
		what: "finalizers, cleanups, weak pointers, profile records",
		source: METADATA,
	},
	{
		id: "runtime.metadata.persistent",
		group: "runtime",
		what: "other persistent runtime structures",
		source: METADATA,
	},
	{ id: "runtime.metadata.heap-arenas", group: "runtime", what: "heap arena structs (page to span)", source: METADATA },
	{ id: "runtime.metadata.arena-index", group: "runtime", what: "arena index", source: METADATA },
	{ id: "runtime.metadata.page-summary", group: "runtime", what: "page allocator summaries", source: METADATA },
	{ id: "runtime.metadata.page-bitmap", group: "runtime", what: "page allocator bitmaps", source: METADATA },
	{ id: "runtime.metadata.scavenge-index", group: "runtime", what: "scavenger index", source: METADATA },
	{ id: "runtime.metadata.allspans", group: "runtime", what: "list of all spans", source: METADATA },
	{ id: "runtime.metadata.gc-bits", group: "runtime", what: "mark and allocation bits", source: METADATA },
	{ id: "runtime.metadata.heap-bits", group: "runtime", what: "pointer and mark bitmaps inside spans", source: SPANS },
	{ id: "runtime.metadata.gc-workbufs", group: "runtime", what: "GC work buffers", source: SPANS },
	{
		id: "runtime.metadata.other",
		group: "runtime",
		what: "small mappings beside the runtime's metadata",
		source: MAPPING,
	},
	{ id: "runtime.profiling", group: "runtime", what: "profiling buckets and their hash table", source: METADATA },
	{ id: "runtime.race", group: "runtime", what: "race detector's shadow and metadata", source: MAPPING },
	{ id: "binary.text", group: "binary", what: "program code", source: MAPPING },
	{ id: "binary.rodata", group: "binary", what: "read-only data, symbol and type tables", source: MAPPING },
	{ id: "binary.data", group: "binary", what: "global variables (data and bss)", source: MAPPING },
	{ id: "c.heap", group: "c", what: "C heap: brk, malloc arenas and large blocks", source: MAPPING },
	...allocators.map(
		(name): LineKind => ({
			id: `c.heap.${name}`,
			group: "c",
			what: `C memory in all likelihood: ${name} is loaded`,
			source: MAPPING,
		}),
	),
	{ id: "threads.stacks", group: "threads", what: "stacks of operating system threads", source: MAPPING },
	{ id: "libs", group: "libs", what: "shared library", source: MAPPING },
	{ id: "files", group: "files", what: "mapped file", source: MAPPING },
	{ id: "shared", group: "shared", what: "shared memory", source: MAPPING },
	{ id: "anon.mmap", group: "anon", what: "anonymous mappings that are not the runtime's", source: MAPPING },
	{ id: "anon.mmap.syscall.Mmap", group: "anon", what: "mapped with syscall.Mmap", source: REGISTERED },
	{ id: "anon.mmap.unix.Mmap", group: "anon", what: "mapped with unix.Mmap (golang.org/x/sys)", source: REGISTERED },
	{ id: "anon.named", group: "anon", what: "anonymous memory that the program named", source: MAPPING },
	{ id: "anon.all", group: "anon", what: "anonymous memory (the runtime could not be read)", source: MAPPING },
];

const byId = new Map(kinds.map((kind) => [kind.id, kind]));
const order = new Map(kinds.map((kind, i) => [kind.id, i]));

/** The kind of a line: of its own id, else of the longest prefix that is in the table. */
export function lineKind(id: string): LineKind {
	for (let prefix = id; prefix !== ""; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")))) {
		const kind = byId.get(prefix);
		if (kind !== undefined) return kind;
		// a file's path has dots of its own: its first part decides
		const [first = ""] = prefix.split(".", 1);
		const family = byId.get(first);
		if (family !== undefined) return family;
	}
	throw new RangeError(`no line of the ledger is called ${id}`);
}

/** The group that an id belongs to: its first part. */
export function groupOf(id: string): string {
	const dot = id.indexOf(".");
	return dot < 0 ? id : id.slice(0, dot);
}

/** Whether an id is the one given, or deeper. */
export function isWithin(id: string, outer: string): boolean {
	return id === outer || id.startsWith(`${outer}.`);
}

/** Bytes of a line and of what is deeper. */
export function bytesWithin(lines: readonly { readonly id: string; readonly bytes: number }[], outer: string): number {
	return lines.reduce((sum, { id, bytes }) => (isWithin(id, outer) ? sum + bytes : sum), 0);
}

/** Position of a line on the screen; deeper ids stand at their kind's. */
export function lineOrder(id: string): number {
	return order.get(lineKind(id).id) ?? kinds.length;
}
