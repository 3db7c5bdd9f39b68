import type { Residency } from "../formats/procfs/residency.ts";
import { type AllocationCaches, centralSets, left } from "../goruntime/caches.ts";
import { heapConstants } from "../goruntime/heap-constants.ts";
import { inSpanMetadata } from "../goruntime/marks.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { SPAN_IN_USE } from "../goruntime/spans.ts";
import { type SpanLine, spreadSpan } from "../ledger/span-bytes.ts";

/** mspan.spanclass is a byte: size class × 2 + noscan. */
const SPAN_CLASSES = 256;

const FIGURES = [
	"spans",
	"objects",
	"freeSlots",
	"wasteBytes",
	"residentBytes",
	"deadObjects",
	"spanBytes",
	"objectBytes",
	"deadBytes",
	"freeSlotBytes",
	"tailBytes",
	"bitmapBytes",
	"residentWasteBytes",
] as const;
type Figure = (typeof FIGURES)[number];
const RESIDENT: readonly Figure[] = ["residentBytes", "residentWasteBytes"];

/** What the spans of one or more span classes have. residentBytes and residentWasteBytes are absent without pagemap. */
export type Amounts = { -readonly [F in Exclude<Figure, "residentBytes" | "residentWasteBytes">]: number } & {
	residentBytes?: number;
	residentWasteBytes?: number;
};

/** Sums of all spans in use, a column per figure and an entry per span class. */
export class SpanSums {
	readonly #columns: Readonly<Record<Figure, Float64Array>>;
	readonly #resident: boolean;

	constructor(runtime: RuntimeState, residency: Residency | undefined) {
		this.#columns = Object.fromEntries(FIGURES.map((f) => [f, new Float64Array(SPAN_CLASSES)])) as Record<
			Figure,
			Float64Array
		>;
		this.#resident = residency !== undefined;
		this.#addSpans(runtime);
		if (residency !== undefined) this.#addResident(runtime, residency);
	}

	#addSpans({ spans, marks, view, pages }: RuntimeState): void {
		const sums = this.#columns;
		const add = (figure: Figure, at: number, value: number) => {
			sums[figure][at] = (sums[figure][at] ?? 0) + value;
		};
		for (let i = 0; i < spans.count; i++) {
			if (spans.state[i] !== SPAN_IN_USE) continue;
			const at = spans.spanClass[i] ?? 0;
			const size = spans.elemSize[i] ?? 0;
			const bytes = (spans.npages[i] ?? 0) * pages.pageBytes;
			const slots = spans.nelems[i] ?? 0;
			const objects = spans.allocCount[i] ?? 0;
			const dead = marks.dead[i] ?? 0;
			const bitmap = inSpanMetadata(view.layout, size, at, bytes);
			add("spans", at, 1);
			add("objects", at, objects);
			add("freeSlots", at, slots - objects);
			add("deadObjects", at, dead);
			add("spanBytes", at, bytes);
			add("objectBytes", at, objects * size);
			add("deadBytes", at, dead * size);
			add("freeSlotBytes", at, (slots - objects) * size);
			add("tailBytes", at, bytes - slots * size - bitmap);
			add("bitmapBytes", at, bitmap);
			add("wasteBytes", at, bytes - objects * size);
		}
	}

	#addResident(runtime: RuntimeState, residency: Residency): void {
		const { spans, pages } = runtime;
		const all = this.#columns.residentBytes;
		const waste = this.#columns.residentWasteBytes;
		let at = 0;
		const sink = {
			add(line: SpanLine, bytes: number) {
				all[at] = (all[at] ?? 0) + bytes;
				if (line === "heap.free-slots") waste[at] = (waste[at] ?? 0) + bytes;
			},
		};
		for (let i = 0; i < spans.count; i++) {
			if (spans.state[i] !== SPAN_IN_USE) continue;
			at = spans.spanClass[i] ?? 0;
			const start = spans.base[i] ?? 0;
			spreadSpan(runtime, residency, i, start, start + (spans.npages[i] ?? 0) * pages.pageBytes, sink);
		}
	}

	/** The sum over some span classes. */
	of(spanClasses: readonly number[]): Amounts {
		const out: Partial<Record<Figure, number>> = {};
		for (const figure of FIGURES) {
			if (!this.#resident && RESIDENT.includes(figure)) continue;
			out[figure] = spanClasses.reduce((sum, at) => sum + (this.#columns[figure][at] ?? 0), 0);
		}
		return out as Amounts;
	}

	total(): Amounts {
		return this.of(Array.from({ length: SPAN_CLASSES }, (_, at) => at));
	}
}

/** The span classes of a size class: with pointers, without (mheap.go: makeSpanClass). */
export function spanClassesOf(sizeClass: number): readonly [scan: number, noscan: number] {
	return [sizeClass * 2, sizeClass * 2 + 1];
}

/** Bytes of a slot, by size class; 0 for class 0. */
export function slotBytes(runtime: RuntimeState): readonly number[] {
	return heapConstants(runtime.view.layout).classToSize;
}

/** What the caches of Ps hold of some span classes. */
export function cachedOf(caches: AllocationCaches, spanClasses: readonly number[]) {
	let cached = 0;
	let cachedFreeSlots = 0;
	for (const p of caches.ps) {
		for (const at of spanClasses) {
			if ((p.spans[at] ?? 0) === 0) continue;
			cached++;
			cachedFreeSlots += p.freeSlots[at] ?? 0;
		}
	}
	return { cached, cachedFreeSlots };
}

/** Spans in the central lists of some span classes. */
export function centralOf(caches: AllocationCaches, spanClasses: readonly number[]) {
	const counts = { partialSwept: 0, partialUnswept: 0, fullSwept: 0, fullUnswept: 0 };
	for (const set of centralSets) for (const at of spanClasses) counts[set] += left(caches.centrals[set], at);
	return counts;
}
