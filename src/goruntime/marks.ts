import type { MemoryReader } from "../bytes/block-reader.ts";
import { heapConstants } from "./heap-constants.ts";
import type { Layout } from "./layouts/layout.ts";
import { isUnswept, SPAN_IN_USE, type SpanTable } from "./spans.ts";

/** What stands in one slot of a span. */
export const SLOT_FREE = 0;
/** marked by the last GC that ended */
export const SLOT_LIVE = 1;
/** allocated since */
export const SLOT_NEW = 2;
/** not marked by the last GC, not yet swept: garbage that still counts in HeapAlloc */
export const SLOT_DEAD = 3;

/** Objects by their state, per span (aligned with the span table; zero for manual spans). */
export interface MarkCounts {
	readonly live: Uint16Array;
	readonly fresh: Uint16Array;
	readonly dead: Uint16Array;
	/** spans whose bits could not be read: their objects count as live */
	readonly unread: number;
}

/** Green tea keeps the marks of small objects in the span itself (mgcmark_greenteagc.go: spanInlineMarkBits). */
const INLINE_BYTES = 128;
const INLINE_MARKS_AT = 64;
const INLINE_MARKS = 63;

/** Whether spans of this element size carry their marks in their own last 128 bytes (Go 1.25 with the experiment, 1.26+). */
export function hasInlineMarks(layout: Layout, elemSize: number): boolean {
	const sizes = heapConstants(layout).inlineMarks;
	return sizes !== undefined && elemSize >= sizes.minSize && elemSize <= sizes.maxSize;
}

/**
 * Bytes at the end of a small-object span that the runtime keeps for itself: the pointer bitmap (mbitmap.go:
 * heapBitsInSpan, since 1.22) and the inline marks.
 */
export function inSpanMetadata(layout: Layout, elemSize: number, spanClass: number, spanBytes: number): number {
	if (elemSize > heapConstants(layout).heapBitsInSpanMax || elemSize === 0) return 0;
	const pointers = (spanClass & 1) === 0 ? spanBytes / 64 : 0;
	return pointers + (hasInlineMarks(layout, elemSize) ? INLINE_BYTES : 0);
}

const ONES = new Uint8Array(256);
for (let i = 1; i < 256; i++) ONES[i] = (ONES[i >> 1] ?? 0) + (i & 1);

/** Counts the set bits among the first `bits` of the bitmap at `at`. */
function countBits(view: DataView, at: number, bits: number): number {
	let n = 0;
	const whole = bits >> 3;
	for (let i = 0; i < whole; i++) n += ONES[view.getUint8(at + i)] ?? 0;
	if (bits & 7) n += ONES[view.getUint8(at + whole) & ((1 << (bits & 7)) - 1)] ?? 0;
	return n;
}

/** gcBits are allocated in whole 64-bit words (mheap.go: newMarkBits). */
function bitmapBytes(nelems: number): number {
	return Math.ceil(nelems / 64) * 8;
}

/** Counts, for every span in use, the objects that are live, new and dead. */
export function countMarks(layout: Layout, look: MemoryReader, spans: SpanTable): MarkCounts {
	const live = new Uint16Array(spans.count);
	const fresh = new Uint16Array(spans.count);
	const dead = new Uint16Array(spans.count);
	let unread = 0;
	for (let i = 0; i < spans.count; i++) {
		if (spans.state[i] !== SPAN_IN_USE) continue;
		const allocated = spans.allocCount[i] ?? 0;
		const unswept = isUnswept(spans, i);
		// a partly resident span is looked at slot by slot later: then these bits must be of the same moment
		if (unswept) look.locate(spans.allocBits[i] ?? 0, bitmapBytes(spans.nelems[i] ?? 0));
		const marked = unswept ? countMarked(layout, look, spans, i) : countAllocBits(look, spans, i);
		if (marked < 0) {
			unread++;
			live[i] = allocated;
			continue;
		}
		const alive = Math.min(marked, allocated);
		live[i] = alive;
		if (unswept) dead[i] = allocated - alive;
		else fresh[i] = allocated - alive;
	}
	return { live, fresh, dead, unread };
}

/** After a sweep allocBits are what the GC marked; allocation moves freeindex and leaves them (mgcsweep.go: sweep). */
function countAllocBits(look: MemoryReader, spans: SpanTable, i: number): number {
	const nelems = spans.nelems[i] ?? 0;
	const at = look.locate(spans.allocBits[i] ?? 0, bitmapBytes(nelems));
	return at < 0 ? -1 : countBits(look.view, at, nelems);
}

function countMarked(layout: Layout, look: MemoryReader, spans: SpanTable, i: number): number {
	const nelems = spans.nelems[i] ?? 0;
	const inline = hasInlineMarks(layout, spans.elemSize[i] ?? 0);
	if (!inline) {
		const at = look.locate(spans.gcmarkBits[i] ?? 0, bitmapBytes(nelems));
		return at < 0 ? -1 : countBits(look.view, at, nelems);
	}
	const marks = inlineMarks(layout, look, spans, i);
	return marks === undefined ? -1 : countBits(new DataView(marks.buffer), 0, nelems);
}

/** gcmarkBits and the inline marks together (mgcmark_greenteagc.go: moveInlineMarks ors one into the other). */
function inlineMarks(layout: Layout, look: MemoryReader, spans: SpanTable, i: number): Uint8Array | undefined {
	const length = bitmapBytes(spans.nelems[i] ?? 0);
	const marks = look.copy(spans.gcmarkBits[i] ?? 0, length);
	if (marks === undefined) return undefined;
	const pageEnd = (spans.base[i] ?? 0) + heapConstants(layout).pageSize;
	const at = look.locate(pageEnd - INLINE_BYTES + INLINE_MARKS_AT, INLINE_MARKS);
	if (at >= 0) {
		for (let b = 0; b < Math.min(length, INLINE_MARKS); b++) marks[b] = (marks[b] ?? 0) | look.view.getUint8(at + b);
	}
	return marks;
}

/** The state of each slot of one span, or undefined where its bits cannot be read. */
export function slotStates(layout: Layout, look: MemoryReader, spans: SpanTable, i: number): Uint8Array | undefined {
	const nelems = spans.nelems[i] ?? 0;
	const allocBits = look.copy(spans.allocBits[i] ?? 0, bitmapBytes(nelems));
	if (allocBits === undefined) return undefined;
	const unswept = isUnswept(spans, i);
	let marks: Uint8Array | undefined = allocBits;
	if (unswept) {
		marks = hasInlineMarks(layout, spans.elemSize[i] ?? 0)
			? inlineMarks(layout, look, spans, i)
			: look.copy(spans.gcmarkBits[i] ?? 0, bitmapBytes(nelems));
		if (marks === undefined) return undefined;
	}
	const freeIndex = spans.freeIndex[i] ?? 0;
	const states = new Uint8Array(nelems);
	for (let slot = 0; slot < nelems; slot++) {
		const bit = 1 << (slot & 7);
		const allocated = slot < freeIndex || ((allocBits[slot >> 3] ?? 0) & bit) !== 0;
		const marked = ((marks[slot >> 3] ?? 0) & bit) !== 0;
		if (marked) states[slot] = SLOT_LIVE;
		else if (allocated) states[slot] = unswept ? SLOT_DEAD : SLOT_NEW;
	}
	return states;
}
