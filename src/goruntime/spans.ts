import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { heapConstants } from "./heap-constants.ts";
import type { StructLayout } from "./layouts/layout.ts";
import { type RuntimeView, readPointers, type StructValue } from "./runtime-view.ts";

/** mspan.state (mheap.go: mSpanState). */
export const SPAN_DEAD = 0;
export const SPAN_IN_USE = 1;
export const SPAN_MANUAL = 2;

/** 64 M spans would be 512 GiB of one-page spans; a longer list is not believed. */
const MAX_SPANS = 1 << 26;

/**
 * The spans of the heap that are in use or manually managed, one column per field (dead ones are left out).
 * Addresses are numbers below 2^53; `elemSize` and sizes are bytes.
 */
export interface SpanTable {
	readonly count: number;
	/** mheap_.sweepgen at the time */
	readonly sweepgen: number;
	/** address of the mspan struct itself */
	readonly struct: Float64Array;
	readonly base: Float64Array;
	readonly npages: Uint32Array;
	readonly elemSize: Float64Array;
	readonly nelems: Uint16Array;
	readonly freeIndex: Uint16Array;
	readonly allocCount: Uint16Array;
	readonly spanClass: Uint8Array;
	readonly state: Uint8Array;
	readonly spanSweepgen: Uint32Array;
	readonly allocBits: Float64Array;
	readonly gcmarkBits: Float64Array;
	/** mspan.needzero: 1 where free slots hold what was there before, and are cleared when they are handed out */
	readonly needZero: Uint8Array;
	/** span structs ever made, in use or not (their metadata stays) */
	readonly structs: number;
	/** structs that could not be read or contradicted themselves: the ground moved */
	readonly torn: number;
}

interface SpanOffsets {
	readonly size: number;
	readonly startAddr: number;
	readonly npages: number;
	readonly elemsize: number;
	readonly nelems: number;
	readonly freeindex: number;
	readonly allocCount: number;
	readonly spanclass: number;
	readonly state: number;
	readonly sweepgen: number;
	readonly allocBits: number;
	readonly gcmarkBits: number;
	readonly needzero: number;
}

/** mspan by field name (mheap.go). nelems and freeindex were uintptr before 1.22, uint16 since: both fit 16 bits. */
function spanOffsets(mspan: StructLayout): SpanOffsets {
	return {
		size: mspan.size,
		startAddr: mspan.offset("startAddr"),
		npages: mspan.offset("npages"),
		elemsize: mspan.offset("elemsize"),
		nelems: mspan.offset("nelems"),
		freeindex: mspan.offset("freeindex"),
		allocCount: mspan.offset("allocCount"),
		spanclass: mspan.offset("spanclass"),
		state: mspan.offset("state"),
		sweepgen: mspan.offset("sweepgen"),
		allocBits: mspan.offset("allocBits"),
		gcmarkBits: mspan.offset("gcmarkBits"),
		needzero: mspan.offset("needzero"),
	};
}

/** Columns that grow by one span at a time. */
class SpanColumns {
	count = 0;
	torn = 0;
	readonly struct: Float64Array;
	readonly base: Float64Array;
	readonly npages: Uint32Array;
	readonly elemSize: Float64Array;
	readonly nelems: Uint16Array;
	readonly freeIndex: Uint16Array;
	readonly allocCount: Uint16Array;
	readonly spanClass: Uint8Array;
	readonly state: Uint8Array;
	readonly spanSweepgen: Uint32Array;
	readonly allocBits: Float64Array;
	readonly gcmarkBits: Float64Array;
	readonly needZero: Uint8Array;
	readonly #off: SpanOffsets;
	readonly #pageSize: number;

	constructor(capacity: number, offsets: SpanOffsets, pageSize: number) {
		this.#off = offsets;
		this.#pageSize = pageSize;
		this.struct = new Float64Array(capacity);
		this.base = new Float64Array(capacity);
		this.npages = new Uint32Array(capacity);
		this.elemSize = new Float64Array(capacity);
		this.nelems = new Uint16Array(capacity);
		this.freeIndex = new Uint16Array(capacity);
		this.allocCount = new Uint16Array(capacity);
		this.spanClass = new Uint8Array(capacity);
		this.state = new Uint8Array(capacity);
		this.spanSweepgen = new Uint32Array(capacity);
		this.allocBits = new Float64Array(capacity);
		this.gcmarkBits = new Float64Array(capacity);
		this.needZero = new Uint8Array(capacity);
	}

	/** Adds the span whose struct stands at `address`, unless it is dead, torn or not there. */
	add(look: MemoryReader, address: number): void {
		const off = this.#off;
		const at = look.locate(address, off.size);
		if (at < 0) {
			this.torn++;
			return;
		}
		const view = look.view;
		const state = view.getUint8(at + off.state);
		if (state === SPAN_DEAD) return;
		const base = word(view, at + off.startAddr);
		const npages = word(view, at + off.npages);
		const elemSize = word(view, at + off.elemsize);
		const sane = state <= SPAN_MANUAL && base > 0 && base % this.#pageSize === 0 && npages > 0 && npages < 2 ** 31;
		const nelems = view.getUint16(at + off.nelems, true);
		const allocated = view.getUint16(at + off.allocCount, true);
		const holds = elemSize > 0 && nelems * elemSize <= npages * this.#pageSize && allocated <= nelems;
		if (!sane || (state === SPAN_IN_USE && !holds)) {
			this.torn++;
			return;
		}
		const i = this.count++;
		this.struct[i] = address;
		this.base[i] = base;
		this.npages[i] = npages;
		this.elemSize[i] = elemSize;
		this.nelems[i] = nelems;
		this.freeIndex[i] = view.getUint16(at + off.freeindex, true);
		this.allocCount[i] = allocated;
		this.spanClass[i] = view.getUint8(at + off.spanclass);
		this.state[i] = state;
		this.spanSweepgen[i] = view.getUint32(at + off.sweepgen, true);
		this.allocBits[i] = word(view, at + off.allocBits);
		this.gcmarkBits[i] = word(view, at + off.gcmarkBits);
		this.needZero[i] = view.getUint8(at + off.needzero);
	}
}

/**
 * Reads every span through mheap_.allspans (mheap.go: "allspans is a slice of all mspans ever created").
 * Throws ParseError where the list itself cannot be read; single torn spans are counted and left out.
 */
export function readSpans(view: RuntimeView, look: MemoryReader, mheap: StructValue): SpanTable {
	const pointers = readPointers(look, mheap.slice("allspans"), MAX_SPANS, "mheap_.allspans");
	const offsets = spanOffsets(view.layout.struct("mspan"));
	const columns = new SpanColumns(pointers.length + SPARE, offsets, heapConstants(view.layout).pageSize);
	for (const pointer of pointers) columns.add(look, pointer);
	return table(columns, pointers.length, mheap.u32("sweepgen"));
}

/** Room for spans that are found only when the ground is looked at again (settleHeapPages). */
const SPARE = 4096;

/** Adds spans by the address of their struct; returns the table that holds them too. */
export function addSpans(
	view: RuntimeView,
	look: MemoryReader,
	spans: SpanTable,
	structs: Iterable<number>,
): SpanTable {
	const known = new Set<number>();
	const wanted = [...structs].slice(0, SPARE);
	for (let i = 0; i < spans.count; i++) known.add(spans.base[i] ?? 0);
	const offsets = spanOffsets(view.layout.struct("mspan"));
	const columns = new SpanColumns(spans.count + wanted.length, offsets, heapConstants(view.layout).pageSize);
	for (const name of COLUMNS) columns[name].set(spans[name].subarray(0, spans.count));
	columns.count = spans.count;
	columns.torn = spans.torn;
	for (const struct of wanted) {
		const before = columns.count;
		columns.add(look, struct);
		// the struct may have been read before as another span, or the span through another struct
		if (columns.count > before && known.has(columns.base[before] ?? 0)) columns.count = before;
	}
	return table(columns, spans.structs, spans.sweepgen);
}

const COLUMNS = [
	"struct",
	"base",
	"npages",
	"elemSize",
	"nelems",
	"freeIndex",
	"allocCount",
	"spanClass",
	"state",
	"spanSweepgen",
	"allocBits",
	"gcmarkBits",
	"needZero",
] as const;

function table(columns: SpanColumns, structs: number, sweepgen: number): SpanTable {
	return {
		count: columns.count,
		torn: columns.torn,
		structs,
		sweepgen,
		struct: columns.struct,
		base: columns.base,
		npages: columns.npages,
		elemSize: columns.elemSize,
		nelems: columns.nelems,
		freeIndex: columns.freeIndex,
		allocCount: columns.allocCount,
		spanClass: columns.spanClass,
		state: columns.state,
		spanSweepgen: columns.spanSweepgen,
		allocBits: columns.allocBits,
		gcmarkBits: columns.gcmarkBits,
		needZero: columns.needZero,
	};
}

/**
 * Whether the span was not yet swept since the last GC (mheap.go, mspan.sweepgen): its allocBits are still those of the GC
 * before, and what the last GC marked stands in gcmarkBits (and in the span itself with green tea).
 */
export function isUnswept(spans: SpanTable, i: number): boolean {
	const behind = (spans.sweepgen - (spans.spanSweepgen[i] ?? 0)) | 0;
	// h-2: needs sweeping; h-1: being swept; h+1: cached before the sweep began, needs sweeping
	return behind === 2 || behind === 1 || behind === -1;
}

export type SweepState = "swept" | "unswept" | "sweeping" | "cached" | "cached, unswept" | "unknown";

/** What mspan.sweepgen says against mheap_.sweepgen (mheap.go: "sweep generation"); "unknown" on ground that moved. */
export function sweepState(spans: SpanTable, i: number): SweepState {
	return SWEEP_STATES[(((spans.spanSweepgen[i] ?? 0) - spans.sweepgen) | 0) + 2] ?? "unknown";
}

/** By mspan.sweepgen − h, from h−2 to h+3. */
const SWEEP_STATES: readonly SweepState[] = ["unswept", "sweeping", "swept", "cached, unswept", "unknown", "cached"];
