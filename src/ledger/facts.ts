import type { Reading } from "../evidence/reading.ts";
import { heapConstants } from "../goruntime/heap-constants.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { SPAN_IN_USE } from "../goruntime/spans.ts";
import type { Growth } from "./growth.ts";
import type { Ledger } from "./ledger.ts";
import { MappingOwners } from "./mapping-lines.ts";
import type { FilePages, RuntimeFacts, VerdictFacts } from "./verdict-facts.ts";

/** Gathers what a verdict rests on. */
export function verdictFacts(
	target: string,
	reading: Reading,
	runtime: RuntimeState | undefined,
	ledger: Ledger,
	growth: Growth | undefined,
	watched = false,
): VerdictFacts {
	return {
		target,
		watched: watched || growth !== undefined,
		program: programKnown(reading),
		filePages: filePages(reading),
		counted: reading.core === undefined ? "resident" : "in the core",
		ledger,
		growth,
		runtime: runtime === undefined ? undefined : runtimeFacts(reading, runtime),
		limit: reading.limit,
		threads: reading.status.threads,
		cgo: reading.program?.settings["CGO_ENABLED"] === "1" || (reading.program?.dynamic ?? false),
		blurBytes: runtime?.blur.heapBytes ?? 0,
		layoutCertainty: reading.program?.layout?.certainty,
	};
}

/** Without a program in the reading: whether it was looked for in an executable, or there was none to look at. */
function programKnown({ program, unavailable }: Reading): VerdictFacts["program"] {
	if (program !== undefined) return "go";
	const read = unavailable.some(({ part }) => part === "go program");
	return read ? "other" : "unknown";
}

/**
 * By the counters of smaps, which a core does not have. Private_Dirty alone would not do: it counts pages of the file itself,
 * too, where they wait to be written back and nobody else has mapped them.
 */
function filePages(reading: Reading): FilePages | undefined {
	if (reading.core !== undefined || reading.mappings.length === 0) return undefined;
	const owners = new MappingOwners(reading);
	let copied = 0;
	let unwritten = 0;
	for (const [index, m] of reading.mappings.entries()) {
		const dirty = m.privateDirty + m.sharedDirty;
		if ((m.kind !== "file" && m.kind !== "device") || dirty === 0) continue;
		if (!owners.idOf(index).startsWith("files.")) continue;
		const copies = m.permissions.shared ? 0 : Math.min(m.privateDirty, m.anonymous);
		copied += copies;
		unwritten += dirty - copies;
	}
	return { copied, unwritten };
}

function runtimeFacts(reading: Reading, runtime: RuntimeState): RuntimeFacts {
	const { memStats: s, pacer } = runtime.counters;
	return {
		heapAlloc: s.HeapAlloc,
		heapInuse: s.HeapInuse,
		heapReleased: s.HeapReleased,
		heapIdle: s.HeapIdle,
		sys: s.Sys,
		nextGc: typeof s.NextGC === "number" ? s.NextGC : undefined,
		numGc: s.NumGC,
		sinceGcSeconds: sinceGc(reading, runtime),
		pacer,
		goroutines: runtime.goroutineCount,
		worstClass: worstClass(runtime),
	};
}

/** Seconds from the end of the last GC to the reading, by the wall clock that the runtime noted; undefined before the first GC. */
export function sinceGc(reading: Reading, runtime: RuntimeState): number | undefined {
	const ns = BigInt(runtime.counters.memStats.LastGC);
	return ns === 0n ? undefined : Math.max(0, reading.at / 1000 - Number(ns / 1_000_000n) / 1000);
}

/** The size class whose spans have the most bytes in free slots. */
function worstClass(runtime: RuntimeState): RuntimeFacts["worstClass"] {
	const { spans } = runtime;
	const sizes = heapConstants(runtime.view.layout).classToSize;
	const free = new Float64Array(sizes.length);
	for (let i = 0; i < spans.count; i++) {
		if (spans.state[i] !== SPAN_IN_USE) continue;
		const spanClass = (spans.spanClass[i] ?? 0) >> 1;
		if (spanClass < free.length)
			free[spanClass] =
				(free[spanClass] ?? 0) + ((spans.nelems[i] ?? 0) - (spans.allocCount[i] ?? 0)) * (spans.elemSize[i] ?? 0);
	}
	let worst = 0;
	for (let c = 1; c < free.length; c++) if ((free[c] ?? 0) > (free[worst] ?? 0)) worst = c;
	return worst === 0 ? undefined : { size: sizes[worst] ?? 0, freeBytes: free[worst] ?? 0 };
}
