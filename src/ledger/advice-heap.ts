import { bytes, count, duration, percent } from "../figures/figures.ts";
import { limitedByMemory, NO_MEMORY_LIMIT } from "../goruntime/pacer.ts";
import { type Adviser, bytesOf, mapsOf, watch } from "./advice-shape.ts";
import type { NextStep, RuntimeFacts, VerdictFacts } from "./verdict-facts.ts";

export const liveHeap: Adviser = (facts) => ({
	headline: "Live Go objects: the program holds them, and the last GC found them reachable",
	growing: "Objects that survive GC accumulate: a leak, or a cache without a bound.",
	reasons: heapReasons(facts),
	change: [
		"hold less: bound caches, drop references, stream instead of collecting; a lower GOGC does not shrink what is live",
	],
	next: [
		{ command: `gomem profile top ${facts.target}`, says: "who allocated what is held, by function" },
		{ command: `gomem memstats ${facts.target} --every 10s --for 5m`, says: "does the live heap rise after each GC?" },
		...watch(facts, "what grows, line by line"),
	],
});

/**
 * The part has what the last GC found dead, which is garbage, and what was allocated since, of which only the next GC tells
 * how much is.
 */
export const garbage: Adviser = (facts) => {
	const known = bytesOf(facts, "heap.dead") >= bytesOf(facts, "heap.new");
	const r = facts.runtime;
	return {
		headline: known ? "Garbage that the last GC found and that waits to be swept" : freshHeadline(r),
		growing: isOff(r)
			? "With GOGC=off nothing collects it: how much of it is live is unknown until a GC."
			: "The heap grows towards its goal; what survives is only known after the next GC.",
		reasons: [...garbageReasons(r), ...(known ? [] : tellingReasons(facts))],
		change: known
			? [rateAdvice(r)]
			: [
					"see first what a GC leaves of it: what stays is live, and neither GOGC nor GOMEMLIMIT shrinks that",
					`if it goes: ${rateAdvice(r)}`,
				],
		next: [
			...(known ? [] : [allocatedBy(facts)]),
			{
				command: `gomem memstats ${facts.target} --every 1s --for 1m`,
				says: "how often the collector runs, and what is left after it",
			},
		],
	};
};

function freshHeadline(r: RuntimeFacts | undefined): string {
	const unknown = "live or garbage, which is unknown until a GC";
	if (r === undefined) return `Objects allocated since the last GC: ${unknown}`;
	const since =
		r.numGc === 0 ? "Objects allocated while no GC has run yet" : `Objects allocated since the last GC,${ago(r)}`;
	return `${since}: ${unknown}${isOff(r) ? ", and with GOGC=off none is due" : ""}`;
}

/** Nothing starts a collection: GOGC is off, and no memory limit is set. */
function isOff(r: RuntimeFacts | undefined): boolean {
	return r !== undefined && r.pacer.gcPercent < 0 && r.pacer.memoryLimit === NO_MEMORY_LIMIT;
}

function ago(r: RuntimeFacts): string {
	return r.sinceGcSeconds === undefined ? "" : ` ${duration(Math.round(r.sinceGcSeconds) * 1000)} ago`;
}

function rateAdvice(r: RuntimeFacts | undefined): string {
	if (isOff(r)) return "set GOMEMLIMIT (with GOGC=off nothing else starts a collection), or set GOGC";
	if (r !== undefined && r.pacer.gcPercent < 0)
		return "GOGC=off with GOMEMLIMIT lets the heap fill up to the limit by design: lower GOMEMLIMIT if that is too much";
	return `GOGC=${r?.pacer.gcPercent ?? 100} lets the heap grow to its goal: a lower GOGC, or GOMEMLIMIT as a cap, trades CPU for memory; allocating less helps both`;
}

function garbageReasons(r: RuntimeFacts | undefined): string[] {
	if (r === undefined) return [];
	const first =
		r.numGc === 0
			? `no GC has run yet; allocated: ${bytes(r.heapAlloc)}`
			: `last GC${ago(r)}; marked live then: ${bytes(r.pacer.heapMarked)}; allocated now: ${bytes(r.heapAlloc)}`;
	return [first, goalReason(r)];
}

/** What is known of how much lives, or what would tell. */
function tellingReasons({ growth, counted }: VerdictFacts): string[] {
	const seen = growth?.survival;
	// a core collects no more
	if (counted === "in the core") return [];
	if (seen !== undefined)
		return [
			`${seen.collections === 1 ? "a GC" : `${count(seen.collections)} GCs`} between the readings left ${bytes(seen.left)} live, of ${bytes(seen.live)} that were and ${bytes(seen.new)} that were new`,
		];
	return [
		"a GC would tell: runtime.GC() in the program, or `gomem profile top URL --gc` where it serves /debug/pprof; then look again",
	];
}

function allocatedBy(facts: VerdictFacts): NextStep {
	return {
		command: `gomem profile top ${facts.target}`,
		says:
			facts.runtime?.numGc === 0 ? "who allocated it, by function" : "who allocates, by function, as of the GCs so far",
	};
}

export function goalReason(r: RuntimeFacts): string {
	if (r.nextGc === undefined) return "GOGC=off and no GOMEMLIMIT: there is no goal";
	const by = limitedByMemory(r.pacer)
		? "set by GOMEMLIMIT"
		: `GOGC=${r.pacer.gcPercent < 0 ? "off" : r.pacer.gcPercent}`;
	return `the next GC is due at a heap of ${bytes(r.nextGc)} (${by})`;
}

export function heapReasons({ runtime: r, program }: VerdictFacts): string[] {
	if (r === undefined)
		return [
			program === "go"
				? "the Go runtime could not be read: only the operating system's half is known"
				: "this is not known to be a Go program: only the operating system's half is known",
		];
	const last =
		r.sinceGcSeconds === undefined
			? "no GC yet"
			: `GC ${r.numGc.toLocaleString("en-US")} ended ${Math.round(r.sinceGcSeconds)} s ago`;
	return [`${last}; ${goalReason(r)}`];
}

export const fragmentation: Adviser = (facts) => {
	const r = facts.runtime;
	const reasons: string[] = [];
	if (r !== undefined)
		reasons.push(
			`spans in use hold ${bytes(r.heapInuse)}, objects in them ${bytes(r.heapAlloc)} (${percent(r.heapAlloc / Math.max(1, r.heapInuse))})`,
		);
	if (r?.worstClass !== undefined)
		reasons.push(
			`worst size class: ${r.worstClass.size.toLocaleString("en-US")}-byte objects, ${bytes(r.worstClass.freeBytes)} free between them`,
		);
	return {
		headline: "Fragmentation: free slots in spans that still hold at least one live object",
		growing: "Few survivors pin ever more spans.",
		reasons,
		change: [
			"free slots are reused by objects of the same size only; a lower GOGC collects sooner and does not free them. Allocate what lives long together (one slice, copied out of its batch) instead of between what lives short",
		],
		next: [
			{ command: `gomem spans ${facts.target}`, says: "which size classes, and the spans that few objects hold" },
			...watch(facts, "whether the free slots are being reused"),
		],
	};
};

export const idle: Adviser = (facts, parts) => {
	const huge = bytesOf(facts, "heap.huge");
	return huge > bytesOf(facts, "heap.idle") ? hugePages(facts, parts) : idlePages(facts, parts);
};

const hugePages: Adviser = (facts) => ({
	headline: "Huge pages: memory that the runtime returned or never used, kept resident by transparent huge pages",
	growing: "The kernel backs more of the heap with huge pages.",
	reasons: [`heap.huge ${bytes(bytesOf(facts, "heap.huge"))}: resident in 2 MiB pages, no object of the heap in it`],
	change: [
		"set /sys/kernel/mm/transparent_hugepage/enabled to madvise, or khugepaged/max_ptes_none to 0; for one process: prctl(PR_SET_THP_DISABLE)",
	],
	next: [
		mapsOf(facts, "heap", "the arenas, and how much of them is in huge pages"),
		...watch(facts, "whether khugepaged goes on"),
	],
});

const idlePages: Adviser = (facts) => ({
	headline: "Idle heap: the runtime keeps free pages for reuse and has not returned them yet",
	growing: "A recent peak left free pages behind; the scavenger returns them in the background.",
	reasons:
		facts.runtime === undefined
			? []
			: [
					`HeapIdle ${bytes(facts.runtime.heapIdle)}, of it returned ${bytes(facts.runtime.heapReleased)}; ${goalReason(facts.runtime)}`,
				],
	change: [
		"no leak: it is reused before new memory is taken. GOMEMLIMIT, or debug.FreeOSMemory() after a rare peak, returns it sooner",
	],
	next: [
		{
			command: `gomem memstats ${facts.target} --every 10s --for 5m`,
			says: "how quickly HeapReleased rises towards HeapIdle",
		},
		...watch(facts, "whether the peak comes back"),
	],
});
