import type { Residency } from "../formats/procfs/residency.ts";
import { inSpanMetadata, SLOT_DEAD, SLOT_LIVE, SLOT_NEW, slotStates } from "../goruntime/marks.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";

/** The lines on which bytes of a span in use stand. */
export type SpanLine = "heap.live" | "heap.new" | "heap.dead" | "heap.free-slots" | "runtime.metadata.heap-bits";

/** Told how many resident bytes a line gets. */
export interface SpanBytesSink {
	add(line: SpanLine, bytes: number): void;
}

/**
 * Spreads the resident bytes that span `i`, which is in use, has within [start, end) over lines: the whole span, or its
 * part in one arena. Everything that counts bytes of spans comes through here, so that figures agree.
 */
export function spreadSpan(
	runtime: RuntimeState,
	residency: Residency,
	i: number,
	start: number,
	end: number,
	sink: SpanBytesSink,
): void {
	const resident = residency.residentBytesIn(start, end);
	if (resident === 0) return;
	if ((runtime.spans.nelems[i] ?? 0) <= 1) sink.add(largeObject(runtime, i), resident);
	else if (resident === end - start) spreadWhole(runtime, i, end - start, sink);
	else spreadSlots(runtime, residency, i, start, end, resident, sink);
}

function largeObject({ marks }: RuntimeState, i: number): SpanLine {
	if ((marks.live[i] ?? 0) > 0) return "heap.live";
	if ((marks.fresh[i] ?? 0) > 0) return "heap.new";
	return (marks.dead[i] ?? 0) > 0 ? "heap.dead" : "heap.free-slots";
}

/** All of it is resident: counts times size. */
function spreadWhole({ spans, marks, view }: RuntimeState, i: number, bytes: number, sink: SpanBytesSink): void {
	const size = spans.elemSize[i] ?? 0;
	const live = (marks.live[i] ?? 0) * size;
	const fresh = (marks.fresh[i] ?? 0) * size;
	const dead = (marks.dead[i] ?? 0) * size;
	const bits = inSpanMetadata(view.layout, size, spans.spanClass[i] ?? 0, bytes);
	sink.add("heap.live", live);
	sink.add("heap.new", fresh);
	sink.add("heap.dead", dead);
	sink.add("runtime.metadata.heap-bits", bits);
	sink.add("heap.free-slots", bytes - live - fresh - dead - bits);
}

/** Some pages of the span are absent: each slot by the bytes of it that are there. */
function spreadSlots(
	runtime: RuntimeState,
	residency: Residency,
	i: number,
	start: number,
	end: number,
	resident: number,
	sink: SpanBytesSink,
): void {
	const { spans, view, look, pages } = runtime;
	const size = spans.elemSize[i] ?? 0;
	const base = spans.base[i] ?? 0;
	const states = slotStates(view.layout, look, spans, i);
	if (states === undefined) {
		sink.add("heap.live", resident);
		return;
	}
	let left = resident;
	for (let slot = 0; slot < states.length; ) {
		const first = slot;
		const state = states[slot];
		while (slot < states.length && states[slot] === state) slot++;
		const from = Math.max(start, base + first * size);
		const to = Math.min(end, base + slot * size);
		if (to <= from || state === undefined) continue;
		const bytes = residency.residentBytesIn(from, to);
		sink.add(LINE_OF_SLOT[state] ?? "heap.free-slots", bytes);
		left -= bytes;
	}
	const spanBytes = (spans.npages[i] ?? 0) * pages.pageBytes;
	const bits = Math.min(left, inSpanMetadata(view.layout, size, spans.spanClass[i] ?? 0, spanBytes));
	sink.add("runtime.metadata.heap-bits", bits);
	sink.add("heap.free-slots", left - bits);
}

const LINE_OF_SLOT: readonly (SpanLine | undefined)[] = (() => {
	const lines: SpanLine[] = [];
	lines[SLOT_LIVE] = "heap.live";
	lines[SLOT_NEW] = "heap.new";
	lines[SLOT_DEAD] = "heap.dead";
	return lines;
})();
