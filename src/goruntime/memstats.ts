import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { heapConstants } from "./heap-constants.ts";
import { readPs } from "./heap-pages.ts";
import { heapGoal, type Pacer, readPacer } from "./pacer.ts";
import { type RuntimeView, readGlobal, readStruct, StructValue } from "./runtime-view.ts";

/** One size class as runtime.MemStats.BySize has it. */
export interface BySize {
	readonly Size: number;
	readonly Mallocs: number;
	readonly Frees: number;
}

/**
 * runtime.MemStats as runtime.ReadMemStats would fill it at this moment (mstats.go: readmemstats_m), read from outside.
 * Field names are Go's own; bytes, counts and nanoseconds as there. NextGC may be above 2^53 and is a bigint then.
 */
export interface MemStats {
	readonly Alloc: number;
	readonly TotalAlloc: number;
	readonly Sys: number;
	readonly Lookups: number;
	readonly Mallocs: number;
	readonly Frees: number;
	readonly HeapAlloc: number;
	readonly HeapSys: number;
	readonly HeapIdle: number;
	readonly HeapInuse: number;
	readonly HeapReleased: number;
	readonly HeapObjects: number;
	readonly StackInuse: number;
	readonly StackSys: number;
	readonly MSpanInuse: number;
	readonly MSpanSys: number;
	readonly MCacheInuse: number;
	readonly MCacheSys: number;
	readonly BuckHashSys: number;
	readonly GCSys: number;
	readonly OtherSys: number;
	readonly NextGC: number | bigint;
	readonly LastGC: number | bigint;
	readonly PauseTotalNs: number;
	readonly PauseNs: readonly number[];
	readonly PauseEnd: readonly (number | bigint)[];
	readonly NumGC: number;
	readonly NumForcedGC: number;
	readonly GCCPUFraction: number;
	readonly EnableGC: boolean;
	readonly DebugGC: boolean;
	readonly BySize: readonly BySize[];
}

/** MemStats, and what the runtime knows besides: the pacer, and GC work buffers that MemStats hides in GCSys. */
export interface RuntimeCounters {
	readonly memStats: MemStats;
	readonly pacer: Pacer;
	readonly gcWorkBufBytes: number;
	/** bytes in small objects that Ps have allocated since their last refill: already in the numbers above */
	readonly unflushedBytes: number;
	/** small objects by size class, all of them, where BySize has the first 61; class 0: large objects, their size 0 */
	readonly byClass: readonly BySize[];
	/** allocations that were cut of a block shared with others; not in byClass, their blocks are */
	readonly tinyAllocs: number;
	/** runtime nanotime of the last GC's end, 0 before the first */
	readonly lastGcNanotime: number;
}

/** A 64-bit value as a number where that is exact, else as a bigint (unix nanoseconds are above 2^53). */
function exact(view: DataView, at: number): number | bigint {
	const value = view.getBigUint64(at, true);
	return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** BySize has 61 entries for compatibility (mstats.go), the runtime 68 classes. */
const BY_SIZE = 61;

/** What the Ps hold back: allocations in their cached spans that heapStats does not count before the next refill. */
interface Unflushed {
	readonly smallAllocs: Float64Array;
	readonly tinyAllocs: number;
	readonly bytes: number;
}

/** mcache.go: refill and releaseAll count `allocCount - allocCountBeforeCache` of each cached span. */
function readUnflushed(view: RuntimeView, look: MemoryReader, classes: number): Unflushed {
	const smallAllocs = new Float64Array(classes);
	let tinyAllocs = 0;
	let bytes = 0;
	const mcache = view.layout.struct("mcache");
	const mspan = view.layout.struct("mspan");
	const spanCount = mcache.field("alloc").count ?? 0;
	for (const p of readPs(view, look)) {
		const at = look.locate(p.word("mcache"), mcache.size);
		if (at < 0) continue;
		const cache = new StructValue(mcache, p.word("mcache"), look.view, at);
		tinyAllocs += cache.word("tinyAllocs");
		const cached = new Float64Array(spanCount);
		for (let i = 0; i < spanCount; i++) cached[i] = cache.element("alloc", i);
		for (let i = 0; i < spanCount; i++) {
			const s = look.locate(cached[i] ?? 0, mspan.size);
			if (s < 0) continue;
			const used =
				look.view.getUint16(s + mspan.offset("allocCount"), true) -
				look.view.getUint16(s + mspan.offset("allocCountBeforeCache"), true);
			// the empty span that stands for "none" has no elements
			if (used <= 0 || look.view.getUint16(s + mspan.offset("nelems"), true) === 0) continue;
			smallAllocs[i >> 1] = (smallAllocs[i >> 1] ?? 0) + used;
			bytes += used * word(look.view, s + mspan.offset("elemsize"));
		}
	}
	return { smallAllocs, tinyAllocs, bytes };
}

/** The three slots of memstats.heapStats added up, as consistentHeapStats.unsafeRead does; signed, as deltas may be negative. */
class HeapStats {
	readonly #slots: StructValue[];

	constructor(view: RuntimeView, memstats: StructValue) {
		const delta = view.layout.struct("heapStatsDelta");
		const first = memstats.layout.offset("heapStats") + view.layout.struct("consistentHeapStats").offset("stats");
		this.#slots = [0, 1, 2].map((i) => {
			const at = first + i * delta.size;
			return new StructValue(delta, memstats.address + at, memstats.view, at);
		});
	}

	sum(field: string): number {
		return this.#slots.reduce((n, slot) => n + slot.signed(field), 0);
	}

	sumAt(field: string, index: number): number {
		return this.#slots.reduce((n, slot) => n + slot.signedElement(field, index), 0);
	}
}

interface Allocations {
	readonly totalAlloc: number;
	readonly totalFree: number;
	readonly mallocs: number;
	readonly frees: number;
	readonly tiny: number;
	readonly bySize: readonly BySize[];
	readonly large: BySize;
}

function sumAllocations(view: RuntimeView, stats: HeapStats, unflushed: Unflushed): Allocations {
	const sizes = heapConstants(view.layout).classToSize;
	let totalAlloc = stats.sum("largeAlloc");
	let totalFree = stats.sum("largeFree");
	let mallocs = stats.sum("largeAllocCount");
	let frees = stats.sum("largeFreeCount");
	const large: BySize = { Size: 0, Mallocs: mallocs, Frees: frees };
	const bySize: BySize[] = [];
	for (let i = 0; i < sizes.length; i++) {
		const size = sizes[i] ?? 0;
		const allocated = stats.sumAt("smallAllocCount", i) + (unflushed.smallAllocs[i] ?? 0);
		const freed = stats.sumAt("smallFreeCount", i);
		totalAlloc += allocated * size;
		totalFree += freed * size;
		mallocs += allocated;
		frees += freed;
		bySize.push({ Size: size, Mallocs: allocated, Frees: freed });
	}
	const tiny = stats.sum("tinyAllocCount") + unflushed.tinyAllocs;
	return { totalAlloc, totalFree, mallocs: mallocs + tiny, frees: frees + tiny, tiny, bySize, large };
}

/** Reads all counters. Throws ParseError where memstats, gcController or mheap_ was not found or cannot be read. */
export function readCounters(view: RuntimeView, look: MemoryReader, mheap: StructValue): RuntimeCounters {
	if (mheap.slice("allspans").length === 0) {
		// an address space that is gone reads as zeros; a Go program has spans from its first moment on
		throw new ParseError({
			format: "go runtime",
			offset: mheap.address,
			field: "mheap_.allspans",
			expected: "spans",
			actual: "none: the process has ended, or executed another program",
		});
	}
	const memstats = readGlobal(view, look, "memstats", "mstats");
	const pacerStruct = readGlobal(view, look, "gcController", "gcControllerState");
	const stats = new HeapStats(view, memstats);
	const unflushed = readUnflushed(view, look, heapConstants(view.layout).classToSize.length);
	const a = sumAllocations(view, stats, unflushed);
	const stackInUse = stats.sum("inStacks");
	const workBufs = stats.sum("inWorkBufs");
	const heapInUse = pacerStruct.word("heapInUse");
	const heapFree = pacerStruct.word("heapFree");
	const heapReleased = pacerStruct.word("heapReleased");
	const sys = {
		stacks: memstats.word("stacks_sys"),
		mspan: memstats.word("mspan_sys"),
		mcache: memstats.word("mcache_sys"),
		buckhash: memstats.word("buckhash_sys"),
		gcMisc: memstats.word("gcMiscSys"),
		other: memstats.word("other_sys"),
	};
	const pacer = readPacer(view, pacerStruct, memstats, unflushed.bytes);
	const memStats: MemStats = {
		Alloc: a.totalAlloc - a.totalFree,
		TotalAlloc: a.totalAlloc,
		Sys:
			heapInUse +
			heapFree +
			heapReleased +
			sys.stacks +
			sys.mspan +
			sys.mcache +
			sys.buckhash +
			sys.gcMisc +
			sys.other +
			stackInUse +
			workBufs,
		Lookups: 0,
		Mallocs: a.mallocs,
		Frees: a.frees,
		HeapAlloc: a.totalAlloc - a.totalFree,
		HeapSys: heapInUse + heapFree + heapReleased,
		HeapIdle: heapFree + heapReleased,
		HeapInuse: heapInUse,
		HeapReleased: heapReleased,
		HeapObjects: a.mallocs - a.frees,
		StackInuse: stackInUse,
		StackSys: stackInUse + sys.stacks,
		MSpanInuse: fixallocInUse(view, look, mheap, "spanalloc"),
		MSpanSys: sys.mspan,
		MCacheInuse: fixallocInUse(view, look, mheap, "cachealloc"),
		MCacheSys: sys.mcache,
		BuckHashSys: sys.buckhash,
		GCSys: sys.gcMisc + workBufs,
		OtherSys: sys.other,
		NextGC: heapGoal(pacer),
		LastGC: exact(memstats.view, memstats.layout.offset("last_gc_unix")),
		PauseTotalNs: memstats.word("pause_total_ns"),
		PauseNs: ring(memstats, "pause_ns").map(Number),
		PauseEnd: ring(memstats, "pause_end"),
		NumGC: memstats.u32("numgc"),
		NumForcedGC: memstats.u32("numforcedgc"),
		GCCPUFraction: memstats.f64("gc_cpu_fraction"),
		EnableGC: true,
		DebugGC: false,
		BySize: a.bySize.slice(0, BY_SIZE),
	};
	return {
		memStats,
		pacer,
		gcWorkBufBytes: workBufs,
		unflushedBytes: unflushed.bytes,
		byClass: [a.large, ...a.bySize.slice(1)],
		tinyAllocs: a.tiny,
		lastGcNanotime: memstats.word("last_gc_nanotime"),
	};
}

function ring(memstats: StructValue, field: string): (number | bigint)[] {
	const at = memstats.layout.offset(field);
	return Array.from({ length: 256 }, (_, i) => exact(memstats.view, at + i * 8));
}

function fixallocInUse(view: RuntimeView, look: MemoryReader, mheap: StructValue, field: string): number {
	return readStruct(look, view.layout.struct("fixalloc"), mheap.addressOf(field)).word("inuse");
}
