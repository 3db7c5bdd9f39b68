import type { MemoryReader } from "../bytes/block-reader.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { type AllocationCaches, readCaches } from "./caches.ts";
import { countGoroutines } from "./goroutine-count.ts";
import { type GoroutineTable, type MachineStack, readGoroutines, readMachineStacks } from "./goroutines.ts";
import { heapConstants } from "./heap-constants.ts";
import { type HeapPages, readHeapPages, settleHeapPages, spansOfUnknownPages } from "./heap-pages.ts";
import { LayoutError } from "./layouts/layout-error.ts";
import { isFromOutside } from "./layouts/layouts.ts";
import { countMarks, type MarkCounts } from "./marks.ts";
import { type RuntimeCounters, readCounters } from "./memstats.ts";
import { type RuntimeMetadata, readMetadata } from "./metadata.ts";
import { NO_MMAPS, type ProgramMmaps, readMmaps } from "./mmap-registries.ts";
import { type RuntimeView, readGlobal, readStruct } from "./runtime-view.ts";
import { addSpans, readSpans, SPAN_IN_USE, type SpanTable } from "./spans.ts";

/** Everything that one look at a Go runtime yields. */
export interface RuntimeState {
	readonly view: RuntimeView;
	/** the look that the parts were read with, for what is read on demand (bits of single spans) */
	readonly look: MemoryReader;
	readonly spans: SpanTable;
	readonly marks: MarkCounts;
	readonly pages: HeapPages;
	readonly metadata: RuntimeMetadata;
	readonly counters: RuntimeCounters;
	/** what Ps and central lists keep to allocate from; undefined where it could not be believed */
	readonly caches: AllocationCaches | undefined;
	/** undefined where runtime.allgs was not found */
	readonly goroutines: GoroutineTable | undefined;
	/** as runtime.NumGoroutine says, where runtime.sched is known; else with the runtime's own; 0 where allgs was not found */
	readonly goroutineCount: number;
	readonly machineStacks: readonly MachineStack[];
	/** what the program itself mapped through packages that keep a list of it */
	readonly mmaps: ProgramMmaps;
	readonly blur: Blur;
}

/** How far the target moved while it was read. Zero on a still one. */
export interface Blur {
	/** bytes in use by the spans read against the runtime's own count, and that count's own change meanwhile; the larger */
	readonly heapBytes: number;
	/** spans and goroutines that were torn when read */
	readonly torn: number;
	/** GCs that ended while reading */
	readonly collections: number;
}

/** Bytes per block for what lies scattered over the heap, as g structs do: larger ones read several times what is needed. */
const SCATTERED = 16384;

/** How often unknown pages are looked at again. */
const SETTLE_ROUNDS = 3;

/** A list of the runtime that grows moves, and its old place is unmapped: what has just read where it is finds nothing there. */
const ATTEMPTS = 3;

/**
 * Reads the runtime. The order matters on a moving target: what moves fastest is read closest together, and pages that no
 * span claims are looked up again, since their span was made in between.
 * Throws ParseError where the heap cannot be read at all; lesser parts that fail are absent.
 */
export function readRuntime(view: RuntimeView): RuntimeState {
	for (let attempt = 1; ; attempt++) {
		try {
			return readAll(view);
		} catch (error) {
			// a release that gomem does not know may lack what it reads; a layout from outside may have it narrower than it can be
			if (error instanceof LayoutError || (error instanceof RangeError && isFromOutside(view.layout))) {
				const { label } = view.layout;
				throw new ParseError(
					{ format: "go runtime", field: `layout ${label}`, actual: error.message },
					{ cause: error },
				);
			}
			if (!(error instanceof ParseError) || attempt === ATTEMPTS) throw error;
		}
	}
}

function readAll(view: RuntimeView): RuntimeState {
	const look = view.memory.look();
	const mheap = readGlobal(view, look, "mheap_", "mheap");
	const before = readCounters(view, look, mheap);
	const caches = optional(() => readCaches(view, look, mheap));
	let spans = readSpans(view, look, mheap);
	let pages = readHeapPages(view, look, mheap, spans);
	for (let round = 0; round < SETTLE_ROUNDS && pages.unknownPages > 0; round++) {
		const again = view.memory.look();
		const structs = spansOfUnknownPages(view, again, pages);
		const more = structs.size === 0 ? spans : addSpans(view, again, spans, structs);
		const unknown = pages.unknownPages;
		pages = settleHeapPages(view, again, mheap, pages, more, spans.count);
		spans = more;
		if (pages.unknownPages >= unknown) break;
	}
	const marks = countMarks(view.layout, look, spans);
	const goroutines = view.globals.has("allgs")
		? optional(() => readGoroutines(view, view.memory.look({ blockBytes: SCATTERED })))
		: undefined;
	const machineStacks = optional(() => readMachineStacks(view, look)) ?? [];
	const metadata = readMetadata(view, look, mheap, pages);
	const mmaps = optional(() => readMmaps(view, look)) ?? NO_MMAPS;
	const end = view.memory.look();
	const after = readCounters(view, end, readGlobal(view, end, "mheap_", "mheap"));
	return {
		view,
		look,
		spans,
		marks,
		pages,
		metadata,
		counters: before,
		caches,
		goroutines,
		goroutineCount: optional(() => countGoroutines(view, look, goroutines)?.count) ?? 0,
		machineStacks,
		mmaps,
		blur: {
			heapBytes: Math.max(
				Math.abs(heapInUse(spans, heapConstants(view.layout).pageSize) - before.memStats.HeapInuse),
				Math.abs(after.memStats.HeapInuse - before.memStats.HeapInuse),
			),
			torn: spans.torn + (goroutines?.torn ?? 0),
			collections: after.memStats.NumGC - before.memStats.NumGC,
		},
	};
}

/** The part, or undefined where its ground could not be believed. */
export function optional<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch (error) {
		if (error instanceof ParseError || error instanceof LayoutError) return undefined;
		throw error;
	}
}

function heapInUse(spans: SpanTable, pageSize: number): number {
	let pages = 0;
	for (let i = 0; i < spans.count; i++) if (spans.state[i] === SPAN_IN_USE) pages += spans.npages[i] ?? 0;
	return pages * pageSize;
}

/** Whether the view's layout fits what stands at mheap_: two counts of the same pages, kept apart by the runtime, agree. */
export function fits(view: RuntimeView): boolean {
	const agree = optional(() => {
		const look = view.memory.look();
		const mheap = readGlobal(view, look, "mheap_", "mheap");
		const counters = readCounters(view, look, mheap);
		// the runtime says itself how large its structs are (mheap.go, init: spanalloc and cachealloc are told their sizes)
		for (const [allocator, struct] of [
			["spanalloc", "mspan"],
			["cachealloc", "mcache"],
		] as const) {
			const fixed = readStruct(look, view.layout.struct("fixalloc"), mheap.addressOf(allocator));
			if (fixed.word("size") !== view.layout.struct(struct).size) return false;
		}
		const used = mheap.word("pagesInUse") * heapConstants(view.layout).pageSize;
		const told = counters.memStats.HeapInuse;
		return counters.pacer.gcPercent >= -1 && told > 0 && Math.abs(used - told) <= told / 4;
	});
	return agree ?? false;
}
