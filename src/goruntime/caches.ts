import type { MemoryReader } from "../bytes/block-reader.ts";
import { readPs } from "./heap-pages.ts";
import { type RuntimeView, StructValue } from "./runtime-view.ts";

/**
 * What one P keeps to allocate from without a lock (mcache.go: mcache). Columns have an entry per span class, that is
 * size class × 2 + (1 where the objects have no pointers), as mcache.alloc has.
 */
export interface PCache {
	/** p.id */
	readonly id: number;
	/** address of the mspan struct that is cached; 0 for none */
	readonly spans: Float64Array;
	/** slots of the cached span that are free */
	readonly freeSlots: Uint16Array;
	/** slots that were free when it was cached (mspan.allocCountBeforeCache) */
	readonly givenSlots: Uint16Array;
	/** address of the block of which tiny objects are cut, 0 for none; and how many bytes of it are used */
	readonly tiny: number;
	readonly tinyUsedBytes: number;
	/** free stacks kept, in bytes, by order: of the smallest size, of twice that … (stackalloc) */
	readonly stackBytes: readonly number[];
	/** the cache is of before the last GC: its P has not run since, and its spans are swept when it does (flushGen) */
	readonly stale: boolean;
}

/**
 * How many spans were put into and taken out of one set of all mcentrals, by span class. Both count from the set's last
 * reset, which is once in two GCs (mspanset.go: headTailIndex); what is left in the set is the difference. The unswept
 * sets may hold spans that were swept in another way meanwhile (mcentral.go: "may encounter swept spans").
 */
export interface SetCounts {
	readonly pushed: Float64Array;
	readonly popped: Float64Array;
}

/** The central lists of spans that no P caches (mcentral.go). Large objects stand in fullSwept and fullUnswept. */
export interface Centrals {
	readonly partialSwept: SetCounts;
	readonly partialUnswept: SetCounts;
	readonly fullSwept: SetCounts;
	readonly fullUnswept: SetCounts;
}

export const centralSets = ["partialSwept", "partialUnswept", "fullSwept", "fullUnswept"] as const;

export interface AllocationCaches {
	/** mheap_.sweepgen: grows by 2 with each GC, and then the sets change roles */
	readonly sweepgen: number;
	readonly ps: readonly PCache[];
	readonly centrals: Centrals;
}

/** Reads the caches of all Ps and the central lists' counts. Throws ParseError where the list of Ps is not to be believed. */
export function readCaches(view: RuntimeView, look: MemoryReader, mheap: StructValue): AllocationCaches {
	const sweepgen = mheap.u32("sweepgen");
	const ps: PCache[] = [];
	for (const p of readPs(view, look)) {
		const cache = readCache(view, look, p, sweepgen);
		if (cache !== undefined) ps.push(cache);
	}
	return { sweepgen, ps, centrals: readCentrals(mheap, sweepgen) };
}

/** Undefined for a P that has none: GOMAXPROCS was lowered. */
function readCache(view: RuntimeView, look: MemoryReader, p: StructValue, sweepgen: number): PCache | undefined {
	const layout = view.layout.struct("mcache");
	const address = p.word("mcache");
	// copied: reading the spans moves the look's view
	const bytes = address === 0 ? undefined : look.copy(address, layout.size);
	if (bytes === undefined) return undefined;
	const cache = new StructValue(layout, address, new DataView(bytes.buffer));
	const count = layout.field("alloc").count ?? 0;
	const spans = new Float64Array(count);
	const freeSlots = new Uint16Array(count);
	const givenSlots = new Uint16Array(count);
	const slots = slotReader(view);
	for (let i = 0; i < count; i++) {
		const span = cache.element("alloc", i);
		const found = slots(look, span);
		if (found === undefined) continue;
		spans[i] = span;
		freeSlots[i] = found.free;
		givenSlots[i] = found.given;
	}
	const tiny = cache.word("tiny");
	return {
		id: p.i32("id"),
		spans,
		freeSlots,
		givenSlots,
		tiny,
		tinyUsedBytes: tiny === 0 ? 0 : cache.word("tinyoffset"),
		stackBytes: Array.from({ length: layout.field("stackcache").count ?? 0 }, (_, order) =>
			cache.word(`stackcache[${order}].size`),
		),
		stale: cache.u32("flushGen") !== sweepgen,
	};
}

type Slots = { readonly free: number; readonly given: number };

/** Reads a cached span's free slots; undefined for the empty span that stands for "none" (mcache.go: emptymspan). */
function slotReader(view: RuntimeView): (look: MemoryReader, address: number) => Slots | undefined {
	const mspan = view.layout.struct("mspan");
	const nelemsAt = mspan.offset("nelems");
	const allocCountAt = mspan.offset("allocCount");
	const beforeAt = mspan.offset("allocCountBeforeCache");
	return (look, address) => {
		const at = address === 0 ? -1 : look.locate(address, mspan.size);
		if (at < 0) return undefined;
		const nelems = look.view.getUint16(at + nelemsAt, true);
		const allocated = look.view.getUint16(at + allocCountAt, true);
		if (nelems === 0 || allocated > nelems) return undefined;
		const before = look.view.getUint16(at + beforeAt, true);
		return { free: nelems - allocated, given: Math.max(0, nelems - before) };
	};
}

/** Two generations of each set; which is which follows from sweepgen (mcentral.go: partialSwept and its like). */
function readCentrals(mheap: StructValue, sweepgen: number): Centrals {
	const swept = (sweepgen >>> 1) % 2;
	return {
		partialSwept: readSet(mheap, "partial", swept),
		partialUnswept: readSet(mheap, "partial", 1 - swept),
		fullSwept: readSet(mheap, "full", swept),
		fullUnswept: readSet(mheap, "full", 1 - swept),
	};
}

function readSet(mheap: StructValue, name: "partial" | "full", generation: number): SetCounts {
	const { layout, view } = mheap;
	const { count = 0, elementSize = 0, offset } = layout.field("central");
	const within = layout.offset(`central[].mcentral.${name}[${generation}].index`) - offset;
	const pushed = new Float64Array(count);
	const popped = new Float64Array(count);
	for (let i = 0; i < count; i++) {
		// head in the upper half, tail in the lower one
		const at = offset + i * elementSize + within;
		pushed[i] = view.getUint32(at, true);
		popped[i] = Math.min(pushed[i] ?? 0, view.getUint32(at + 4, true));
	}
	return { pushed, popped };
}

/** Spans left in the set, by span class. */
export function left(set: SetCounts, spanClass: number): number {
	return (set.pushed[spanClass] ?? 0) - (set.popped[spanClass] ?? 0);
}

/** Which P caches a span: p.id by the address of the mspan struct. */
export function cachedBy(caches: AllocationCaches): ReadonlyMap<number, number> {
	const by = new Map<number, number>();
	for (const p of caches.ps) for (const span of p.spans) if (span !== 0) by.set(span, p.id);
	return by;
}
