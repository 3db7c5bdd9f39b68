import { bytes, percent } from "../figures/figures.ts";
import { limitedByMemory, NO_MEMORY_LIMIT } from "../goruntime/pacer.ts";
import type { Parts, VerdictCode } from "./groups.ts";
import type { NextStep, RuntimeFacts, VerdictFacts } from "./verdict-facts.ts";

/** What is said of one part when it dominates or grows. */
export interface Advice {
	/** names the part as the answer to "where did the memory go" */
	readonly headline: string;
	/** what growth of this part means, as a sentence */
	readonly growing: string;
	readonly reasons: readonly string[];
	readonly change: readonly string[];
	readonly next: readonly NextStep[];
}

type Adviser = (facts: VerdictFacts, parts: Parts) => Advice;

export function adviceFor(code: VerdictCode, facts: VerdictFacts, parts: Parts): Advice {
	return ADVISERS[code](facts, parts);
}

const watch = (facts: VerdictFacts, says: string): NextStep => ({
	command: `gomem why ${facts.target} --every 10s --for 5m`,
	says,
});

const liveHeap: Adviser = (facts) => ({
	headline: "Live Go objects: the program holds them, and the last GC found them reachable",
	growing: "Objects that survive GC accumulate: a leak, or a cache without a bound.",
	reasons: heapReasons(facts),
	change: [
		"hold less: bound caches, drop references, stream instead of collecting; a lower GOGC does not shrink what is live",
	],
	next: [
		{ command: `gomem memstats ${facts.target} --every 10s --for 5m`, says: "does the live heap rise after each GC?" },
		watch(facts, "what grows, line by line"),
	],
});

const garbage: Adviser = (facts) => {
	const r = facts.runtime;
	const off = r !== undefined && r.pacer.gcPercent < 0;
	return {
		headline: off
			? "Garbage: GOGC=off, so the collector lets it grow"
			: "Objects allocated since the last GC: most is garbage that the collector was told to let grow",
		growing: "The heap grows towards its goal; what survives is only known after the next GC.",
		reasons: garbageReasons(r),
		change: [
			off
				? r !== undefined && r.pacer.memoryLimit === NO_MEMORY_LIMIT
					? "set GOMEMLIMIT (with GOGC=off nothing else starts a collection), or set GOGC"
					: "GOGC=off with GOMEMLIMIT lets the heap fill up to the limit by design: lower GOMEMLIMIT if that is too much"
				: `GOGC=${r?.pacer.gcPercent ?? 100} lets the heap grow to its goal: a lower GOGC, or GOMEMLIMIT as a cap, trades CPU for memory; allocating less helps both`,
		],
		next: [
			{
				command: `gomem memstats ${facts.target} --every 1s --for 1m`,
				says: "how often the collector runs, and what is left after it",
			},
		],
	};
};

function garbageReasons(r: RuntimeFacts | undefined): string[] {
	if (r === undefined) return [];
	const reasons: string[] = [];
	const since = r.sinceGcSeconds === undefined ? "no GC has run yet" : `last GC ${Math.round(r.sinceGcSeconds)} s ago`;
	reasons.push(`${since}; marked live then: ${bytes(r.pacer.heapMarked)}; allocated now: ${bytes(r.heapAlloc)}`);
	reasons.push(goalReason(r));
	return reasons;
}

function goalReason(r: RuntimeFacts): string {
	if (r.nextGc === undefined) return "GOGC=off and no GOMEMLIMIT: there is no goal";
	const by = limitedByMemory(r.pacer)
		? "set by GOMEMLIMIT"
		: `GOGC=${r.pacer.gcPercent < 0 ? "off" : r.pacer.gcPercent}`;
	return `the next GC is due at a heap of ${bytes(r.nextGc)} (${by})`;
}

const fragmentation: Adviser = (facts) => {
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
			watch(facts, "whether the free slots are being reused"),
		],
	};
};

const idle: Adviser = (facts, _parts) => {
	const huge = facts.ledger.lines.find((line) => line.id === "heap.huge")?.bytes ?? 0;
	const idleBytes = facts.ledger.lines.find((line) => line.id === "heap.idle")?.bytes ?? 0;
	if (huge > idleBytes) {
		return {
			headline: "Huge pages: memory that the runtime returned or never used, kept resident by transparent huge pages",
			growing: "The kernel backs more of the heap with huge pages.",
			reasons: [`heap.huge ${bytes(huge)}: resident in 2 MiB pages, no object of the heap in it`],
			change: [
				"set /sys/kernel/mm/transparent_hugepage/enabled to madvise, or khugepaged/max_ptes_none to 0; for one process: prctl(PR_SET_THP_DISABLE)",
			],
			next: [watch(facts, "whether khugepaged goes on")],
		};
	}
	return {
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
		next: [watch(facts, "how quickly the scavenger returns it")],
	};
};

const stacks: Adviser = (facts) => {
	const count = facts.runtime?.goroutines ?? 0;
	const total = facts.ledger.lines
		.filter((line) => line.id.startsWith("stacks."))
		.reduce((n, line) => n + line.bytes, 0);
	return {
		headline: `Goroutine stacks: ${count.toLocaleString("en-US")} goroutines`,
		growing: "More goroutines, or deeper ones: goroutines that never end are a leak.",
		reasons:
			count === 0
				? []
				: [`${count.toLocaleString("en-US")} goroutines, ${bytes(total / count)} ${facts.counted} each on average`],
		change: ["find where they are made and what they wait for; bound their number, give them a context that ends"],
		next: [{ command: `gomem stacks ${facts.target}`, says: "goroutines by stack, creation site and wait reason" }],
	};
};

const runtimePart: Adviser = (facts) => {
	const lines = facts.ledger.lines.filter((line) => line.id.startsWith("runtime.")).sort((a, b) => b.bytes - a.bytes);
	return {
		headline: "The Go runtime's own structures",
		growing: "The runtime's structures grow with the heap's peak, and are not returned.",
		reasons: lines.slice(0, 3).map((line) => `${line.id} ${bytes(line.bytes)}: ${line.what}`),
		change: [
			"metadata follows the largest heap and the most objects there ever were; a small process has a floor of a few MiB that is no problem",
		],
		next: [watch(facts, "whether it grows")],
	};
};

const binary: Adviser = (facts) => {
	const data = facts.ledger.lines.find((line) => line.id === "binary.data")?.bytes ?? 0;
	return {
		headline: "The program file itself: code, tables and global variables",
		growing: "More of the binary is being touched; it ends at the file's size.",
		reasons: [
			`global variables (data and bss) ${bytes(data)}; the rest is file pages that the kernel can drop and read again`,
		],
		change: [
			"only global variables are private memory; code and read-only data are shared between processes of the same file",
		],
		next: [watch(facts, "whether anything else grows")],
	};
};

const cMemory: Adviser = (facts) => ({
	headline: "C memory: malloc called through cgo or by a C library, not the Go heap",
	growing: "A leak on the far side of cgo, or its allocator keeping what was freed.",
	reasons:
		facts.runtime === undefined
			? []
			: [`Go's own heap: ${bytes(facts.runtime.heapInuse)} in use; MemStats does not count C memory`],
	change: [
		"look for C.malloc or C.CString without C.free, and for C libraries with caches; MALLOC_ARENA_MAX=2 and malloc_trim() limit what glibc keeps. GOGC and GOMEMLIMIT do not act on it",
	],
	next: [watch(facts, "whether it grows, and by how much")],
});

const threads: Adviser = (facts) => ({
	headline: `Stacks of ${facts.threads.toLocaleString("en-US")} operating system threads`,
	growing: "More threads: goroutines blocked in system calls or C each hold one.",
	reasons: [`${facts.threads.toLocaleString("en-US")} threads`],
	change: [
		"limit concurrent calls into C and blocking system calls; the runtime does not end idle threads. ulimit -s sets the stack that cgo threads get",
	],
	next: [{ command: `gomem stacks ${facts.target}`, says: "goroutines in system calls and cgo calls" }],
});

const anonMap: Adviser = (facts, parts) =>
	facts.runtime === undefined ? anonOfUnreadRuntime(facts, parts) : anonOfOthers(facts, parts);

/** Without the runtime nobody knows how much of it is Go's heap, which is most of it in most programs. */
const anonOfUnreadRuntime: Adviser = (facts) => ({
	headline: "Anonymous memory, the Go heap among it: whose it is cannot be said, as the Go runtime could not be read",
	growing: "Anonymous memory grows; whether it is the Go heap cannot be said, as the Go runtime could not be read.",
	reasons: [],
	change: ["let gomem read the process first: without that nothing is known of its heap"],
	next: [
		{ command: `gomem doctor ${facts.target}`, says: "why the runtime could not be read, and how to be granted it" },
		watch(facts, "whether it grows"),
	],
});

const anonOfOthers: Adviser = (facts) => ({
	headline: "Anonymous mappings that the Go runtime did not make: syscall.Mmap, or a C library's own",
	growing: "Someone maps memory and does not unmap it; neither MemStats nor pprof sees it.",
	reasons: facts.runtime === undefined ? [] : [`MemStats.Sys ${bytes(facts.runtime.sys)} does not contain it`],
	change: ["look for syscall.Mmap, unix.Mmap and off-heap caches and arenas; GOGC and GOMEMLIMIT do not act on it"],
	next: [
		{ command: `gomem maps ${facts.target} --owner anon`, says: "each of them, and who mapped it" },
		watch(facts, "whether it grows"),
	],
});

const fileMap: Adviser = (facts) => {
	const files = facts.ledger.lines.filter((line) => line.id.startsWith("files.")).sort((a, b) => b.bytes - a.bytes);
	return {
		headline: `Mapped files${files[0] === undefined ? "" : `: ${files[0].id.slice("files.".length)}`}`,
		growing: "More of mapped files is being touched.",
		reasons: files.slice(0, 3).map((line) => `${line.id.slice("files.".length)} ${bytes(line.bytes)}`),
		change: [
			"clean file pages are page cache: the kernel drops them when it needs memory, so they rarely cause an OOM kill; dirty private copies do",
		],
		next: [watch(facts, "whether it grows")],
	};
};

const shared: Adviser = (facts) => {
	const maps = facts.ledger.lines.filter((line) => line.id.startsWith("shared.")).sort((a, b) => b.bytes - a.bytes);
	return {
		headline: `Shared memory${maps[0] === undefined ? "" : `: ${maps[0].id.slice("shared.".length)}`}`,
		growing: "Shared memory grows; unlike files it cannot be dropped, only swapped.",
		reasons: maps.slice(0, 3).map((line) => `${line.id.slice("shared.".length)} ${bytes(line.bytes)}`),
		change: ["memfd, tmpfs and System V segments stay until every user unmaps them and the name is removed"],
		next: [watch(facts, "whether it grows")],
	};
};

const mixed: Adviser = (facts) => ({
	headline: "No single part dominates",
	growing: "",
	reasons: heapReasons(facts),
	change: ["watch it over time: what grows decides"],
	next: [watch(facts, "what grows, line by line")],
});

function heapReasons(facts: VerdictFacts): string[] {
	const r = facts.runtime;
	if (r === undefined) return ["the Go runtime could not be read: only the operating system's half is known"];
	const ago =
		r.sinceGcSeconds === undefined
			? "no GC yet"
			: `GC ${r.numGc.toLocaleString("en-US")} ended ${Math.round(r.sinceGcSeconds)} s ago`;
	return [`${ago}; ${goalReason(r)}`];
}

const ADVISERS: Readonly<Record<VerdictCode, Adviser>> = {
	"live-heap": liveHeap,
	garbage,
	fragmentation,
	idle,
	stacks,
	runtime: runtimePart,
	binary,
	"c-memory": cMemory,
	threads,
	"anon-map": anonMap,
	"file-map": fileMap,
	shared,
	mixed,
};
