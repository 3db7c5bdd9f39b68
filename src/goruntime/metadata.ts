import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { followList } from "./data-words.ts";
import { heapConstants } from "./heap-constants.ts";
import type { HeapPages } from "./heap-pages.ts";
import { type RuntimeView, readStruct, type StructValue } from "./runtime-view.ts";
import { BUCKET_HASH_ENTRIES } from "./scheduler-shapes.ts";

/** An address range that the runtime mapped for itself, outside its heap. */
export interface MetadataRange {
	readonly start: number;
	readonly end: number;
	/** ledger id: runtime.metadata.… or runtime.profiling */
	readonly id: MetadataId;
}

export type MetadataId =
	| "runtime.metadata.heap-arenas"
	| "runtime.metadata.arena-index"
	| "runtime.metadata.page-summary"
	| "runtime.metadata.page-bitmap"
	| "runtime.metadata.scavenge-index"
	| "runtime.metadata.allspans"
	| "runtime.metadata.persistent"
	| "runtime.metadata.gc-bits"
	| "runtime.profiling";

/** What stands inside the persistent chunks and is a line of its own. */
export interface PersistentUse {
	readonly spanStructBytes: number;
	readonly cacheBytes: number;
	readonly specialBytes: number;
	/** profiling buckets (memory, block, mutex) */
	readonly bucketBytes: number;
	readonly buckets: number;
}

export interface RuntimeMetadata {
	readonly ranges: readonly MetadataRange[];
	readonly persistent: PersistentUse;
	/** kinds that could not be located: their bytes stand under other anonymous memory */
	readonly missing: readonly MetadataId[];
}

/** 2^22 arenas of 64 MiB (arenaL2Bits on linux/amd64 and arm64): 32 MiB of address space. */
const ARENA_INDEX_BYTES = 2 ** 22 * 8;
const MAX_LIST = 1 << 20;

/** Finds everything that the runtime mapped for itself. Ranges may be larger than what is resident. */
export function readMetadata(
	view: RuntimeView,
	look: MemoryReader,
	mheap: StructValue,
	pages: HeapPages,
): RuntimeMetadata {
	const ranges: MetadataRange[] = [];
	const missing: MetadataId[] = [];
	const add = (id: MetadataId, start: number, bytes: number) => {
		if (start > 0 && bytes > 0 && bytes < 2 ** 46) ranges.push({ id, start, end: start + bytes });
	};
	const arenaStruct = view.layout.struct("heapArena").size;
	for (const arena of pages.arenas) add("runtime.metadata.heap-arenas", arena.struct, arenaStruct);
	add("runtime.metadata.arena-index", mheap.element("arenas", 0), ARENA_INDEX_BYTES);
	add("runtime.metadata.allspans", mheap.slice("allspans").data, capacity(mheap, "allspans") * 8);
	pageAllocRanges(view, look, mheap, add);
	const c = heapConstants(view.layout);
	const chunks = listFrom(view, look, "persistentChunks", 0);
	if (chunks === undefined) missing.push("runtime.metadata.persistent");
	for (const chunk of chunks ?? []) add("runtime.metadata.persistent", chunk, c.persistentChunkBytes);
	const arenas = gcBitsArenas(view, look);
	if (arenas === undefined) missing.push("runtime.metadata.gc-bits");
	for (const arena of arenas ?? []) add("runtime.metadata.gc-bits", arena, c.gcBitsChunkBytes);
	const hash = view.globals.get("buckhash");
	if (hash === undefined) missing.push("runtime.profiling");
	else add("runtime.profiling", look.word(hash) ?? 0, BUCKET_HASH_ENTRIES * 8);
	return { ranges: ranges.sort((a, b) => a.start - b.start), persistent: persistentUse(view, look, mheap), missing };
}

function capacity(struct: StructValue, field: string): number {
	return word(struct.view, struct.layout.offset(field) + 16);
}

/** mpagealloc.go: summary levels, chunk bitmaps, the scavenger's index. */
function pageAllocRanges(
	view: RuntimeView,
	look: MemoryReader,
	mheap: StructValue,
	add: (id: MetadataId, start: number, bytes: number) => void,
): void {
	const pages = readStruct(look, view.layout.struct("pageAlloc"), mheap.addressOf("pages"));
	const levels = pages.layout.field("summary").count ?? 5;
	for (let level = 0; level < levels; level++) {
		add(
			"runtime.metadata.page-summary",
			pages.element("summary", level * 3),
			pages.element("summary", level * 3 + 2) * 8,
		);
	}
	const c = heapConstants(view.layout);
	const l1 = pages.layout.field("chunks").count ?? 0;
	for (let i = 0; i < l1; i++) {
		add("runtime.metadata.page-bitmap", pages.element("chunks", i), 2 ** c.pallocChunksL2Bits * 128);
	}
	if (pages.layout.has("scav.index.chunks")) {
		// atomicScavChunkData since 1.21; in 1.19 and 1.20 one bit for a chunk, in bytes
		const { layout } = view;
		const element = layout.hasStruct("atomicScavChunkData") ? layout.struct("atomicScavChunkData").size : 1;
		const count = capacity(pages, "scav.index.chunks");
		add("runtime.metadata.scavenge-index", pages.word("scav.index.chunks"), count * element);
	}
}

/** Follows a list of blocks whose next pointer stands at `nextAt`; undefined where the variable was not found. */
function listFrom(
	view: RuntimeView,
	look: MemoryReader,
	name: "persistentChunks",
	nextAt: number,
): number[] | undefined {
	const head = view.globals.get(name);
	return head === undefined ? undefined : followList(look, look.word(head) ?? 0, nextAt);
}

/** mheap.go: gcBitsArenas {lock, free, next, current, previous}; each arena {free, next, bits}. */
function gcBitsArenas(view: RuntimeView, look: MemoryReader): number[] | undefined {
	const address = view.globals.get("gcBitsArenas");
	if (address === undefined) return undefined;
	const out = new Set<number>();
	for (const at of heapConstants(view.layout).gcBitsArenaLists) {
		for (const arena of followList(look, look.word(address + at) ?? 0, 8)) out.add(arena);
	}
	return [...out];
}

function persistentUse(view: RuntimeView, look: MemoryReader, mheap: StructValue): PersistentUse {
	const inUse = (field: string) =>
		mheap.layout.has(field)
			? readStruct(look, view.layout.struct("fixalloc"), mheap.addressOf(field)).word("inuse")
			: 0;
	let bucketBytes = 0;
	let buckets = 0;
	for (const name of ["mbuckets", "bbuckets", "xbuckets"] as const) {
		const sum = sumBuckets(view, look, name);
		bucketBytes += sum.bytes;
		buckets += sum.count;
	}
	return {
		// allspans has every struct ever made; those not in use are kept for reuse and never returned
		spanStructBytes: mheap.slice("allspans").length * view.layout.struct("mspan").size,
		cacheBytes: inUse("cachealloc"),
		specialBytes: SPECIAL_ALLOCATORS.reduce((n, field) => n + inUse(field), 0),
		bucketBytes,
		buckets,
	};
}

/** mheap.go: the fixed-size allocators for what hangs on objects. */
const SPECIAL_ALLOCATORS = [
	"specialfinalizeralloc",
	"specialCleanupAlloc",
	"specialprofilealloc",
	"specialReachableAlloc",
	"specialPinCounterAlloc",
	"specialWeakHandleAlloc",
	"specialSecretAlloc",
	"specialCheckFinalizerAlloc",
	"specialTinyBlockAlloc",
	"specialBubbleAlloc",
];

/** mprof.go: a bucket is its header, the stack's pcs, and the record: memRecord or blockRecord (two words). */
function sumBuckets(
	view: RuntimeView,
	look: MemoryReader,
	name: "mbuckets" | "bbuckets" | "xbuckets",
): { bytes: number; count: number } {
	const head = view.globals.get(name);
	const bucket = view.layout.struct("bucket");
	const record = name === "mbuckets" ? view.layout.struct("memRecord").size : 16;
	let at = head === undefined ? 0 : (look.word(head) ?? 0);
	let bytes = 0;
	let count = 0;
	while (at !== 0 && count < MAX_LIST) {
		const here = look.locate(at, bucket.size);
		if (here < 0) break;
		const frames = word(look.view, here + bucket.offset("nstk"));
		if (frames > 4096) break;
		bytes += bucket.size + frames * 8 + record;
		count++;
		at = word(look.view, here + bucket.offset("allnext"));
	}
	return { bytes, count };
}
