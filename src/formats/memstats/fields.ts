export type MemStatsUnit = "bytes" | "objects" | "ns" | "unix-ns" | "count" | "fraction" | "boolean";

export interface MemStatsField {
	readonly name: MemStatsName;
	readonly unit: MemStatsUnit;
	/** cumulative: grows for as long as the process lives, so its slope says something and its value little */
	readonly kind: "cumulative" | "gauge";
	/** what it is and what it is not */
	readonly words: string;
}

/** The names of runtime.MemStats that hold one value, in the struct's order. PauseNs, PauseEnd and BySize are lists. */
export type MemStatsName =
	| "Alloc"
	| "TotalAlloc"
	| "Sys"
	| "Lookups"
	| "Mallocs"
	| "Frees"
	| "HeapAlloc"
	| "HeapSys"
	| "HeapIdle"
	| "HeapInuse"
	| "HeapReleased"
	| "HeapObjects"
	| "StackInuse"
	| "StackSys"
	| "MSpanInuse"
	| "MSpanSys"
	| "MCacheInuse"
	| "MCacheSys"
	| "BuckHashSys"
	| "GCSys"
	| "OtherSys"
	| "NextGC"
	| "LastGC"
	| "PauseTotalNs"
	| "NumGC"
	| "NumForcedGC"
	| "GCCPUFraction"
	| "EnableGC"
	| "DebugGC";

type Row = readonly [name: MemStatsName, unit: MemStatsUnit, kind: MemStatsField["kind"], words: string];

// runtime/mstats.go, Go 1.26
const ROWS: readonly Row[] = [
	["Alloc", "bytes", "gauge", "same as HeapAlloc: objects reachable, and unreachable ones not yet swept"],
	[
		"TotalAlloc",
		"bytes",
		"cumulative",
		"all bytes ever allocated on the heap; frees do not lower it: its slope is the allocation rate",
	],
	[
		"Sys",
		"bytes",
		"gauge",
		"address space obtained from the system, sum of the …Sys fields; not resident memory, and it never shrinks",
	],
	[
		"Lookups",
		"count",
		"cumulative",
		"pointer lookups of the runtime; always 0 in today's Go, which no longer counts them",
	],
	[
		"Mallocs",
		"objects",
		"cumulative",
		"heap objects ever allocated, tiny ones counted each; less Frees = live objects",
	],
	["Frees", "objects", "cumulative", "heap objects ever freed"],
	[
		"HeapAlloc",
		"bytes",
		"gauge",
		"bytes of heap objects, dead ones not yet swept among them; not the live heap, except right after a GC",
	],
	[
		"HeapSys",
		"bytes",
		"gauge",
		"address space of the heap (HeapInuse + HeapIdle), parts returned to the system among it; no measure of residency",
	],
	[
		"HeapIdle",
		"bytes",
		"gauge",
		"spans without objects, whether returned to the system or not; less HeapReleased = kept by Go for its own use",
	],
	[
		"HeapInuse",
		"bytes",
		"gauge",
		"spans with at least one object; less HeapAlloc = free slots and span tails, an upper bound of fragmentation",
	],
	[
		"HeapReleased",
		"bytes",
		"gauge",
		"idle heap returned to the system and not taken back; may still be in Rss when MADV_FREE was used (Go 1.12 to 1.15)",
	],
	["HeapObjects", "objects", "gauge", "heap objects, dead ones not yet swept among them (Mallocs - Frees)"],
	[
		"StackInuse",
		"bytes",
		"gauge",
		"spans that hold goroutine stacks, free stacks inside them too; no stacks of C threads",
	],
	["StackSys", "bytes", "gauge", "StackInuse and the few thread stacks that the runtime itself took from the system"],
	["MSpanInuse", "bytes", "gauge", "mspan structures in use: the heap's bookkeeping, outside of the heap"],
	["MSpanSys", "bytes", "gauge", "memory obtained for mspan structures; never given back"],
	["MCacheInuse", "bytes", "gauge", "mcache structures in use, one per P"],
	["MCacheSys", "bytes", "gauge", "memory obtained for mcache structures"],
	[
		"BuckHashSys",
		"bytes",
		"gauge",
		"tables of the memory, block and mutex profilers; grows with the number of distinct stacks",
	],
	["GCSys", "bytes", "gauge", "the garbage collector's metadata: mark bits, heap arenas, work buffers' bookkeeping"],
	["OtherSys", "bytes", "gauge", "other runtime memory: profiling labels, trace buffers, finalizer and itab tables"],
	[
		"NextGC",
		"bytes",
		"gauge",
		"heap size at which the next cycle aims to end; follows GOGC, GOMEMLIMIT, stacks and globals",
	],
	["LastGC", "unix-ns", "gauge", "when the last cycle ended, in nanoseconds since 1970; 0 before the first"],
	[
		"PauseTotalNs",
		"ns",
		"cumulative",
		"stop-the-world pauses of the collector since the start; not the time that assists and background marking took",
	],
	["NumGC", "count", "cumulative", "completed GC cycles"],
	[
		"NumForcedGC",
		"count",
		"cumulative",
		"GC cycles forced by runtime.GC (debug.FreeOSMemory too); many of them are a finding",
	],
	[
		"GCCPUFraction",
		"fraction",
		"gauge",
		"share of the available CPU that the collector used since the start; write barriers left out, and hours-old load weighs in",
	],
	["EnableGC", "boolean", "gauge", "always true, even with GOGC=off"],
	["DebugGC", "boolean", "gauge", "unused"],
];

export const MEM_STATS_FIELDS: readonly MemStatsField[] = ROWS.map(([name, unit, kind, words]) => ({
	name,
	unit,
	kind,
	words,
}));

const BY_NAME: ReadonlyMap<string, MemStatsField> = new Map(MEM_STATS_FIELDS.map((field) => [field.name, field]));

/** The field of exactly this name. */
export function memStatsField(name: string): MemStatsField | undefined {
	return BY_NAME.get(name);
}
