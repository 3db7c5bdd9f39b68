import { bytes, count } from "../figures/figures.ts";
import { fragmentation, garbage, heapReasons, idle, liveHeap } from "./advice-heap.ts";
import { anonMap, binary, cMemory, fileMap, shared, threads } from "./advice-outside.ts";
import { type Advice, type Adviser, bytesOf, mapsOf, watch } from "./advice-shape.ts";
import type { Parts, VerdictCode } from "./groups.ts";
import type { VerdictFacts } from "./verdict-facts.ts";

export function adviceFor(code: VerdictCode, facts: VerdictFacts, parts: Parts): Advice {
	return ADVISERS[code](facts, parts);
}

/** A stack starts at 2 to 8 KiB, and one that is this large on average has been grown into by deep calls or large frames. */
const DEEP_STACK = 64 * 1024;

const stacks: Adviser = (facts) => {
	const n = facts.runtime?.goroutines ?? 0;
	const cached = bytesOf(facts, "stacks.cached");
	// what is cached belongs to no goroutine
	const average = n === 0 ? 0 : (bytesOf(facts, "stacks") - cached) / n;
	return average > DEEP_STACK ? deepStacks(facts, average, cached) : manyStacks(facts, average, cached);
};

function manyStacks(facts: VerdictFacts, average: number, cached: number): Advice {
	const n = facts.runtime?.goroutines ?? 0;
	return {
		headline: `Goroutine stacks: ${count(n)} goroutines`,
		growing: "More goroutines, or deeper ones: goroutines that never end are a leak.",
		reasons: stackReasons(facts, average, cached),
		change: ["find where they are made and what they wait for; bound their number, give them a context that ends"],
		next: [{ command: `gomem stacks ${facts.target}`, says: "goroutines by stack, creation site and wait reason" }],
	};
}

function deepStacks(facts: VerdictFacts, average: number, cached: number): Advice {
	const n = facts.runtime?.goroutines ?? 0;
	return {
		headline: `Deep goroutine stacks: ${count(n)} goroutines with ${bytes(average)} each on average`,
		growing: "Stacks grow deeper, or there are more of them: recursion without an end, or goroutines that never end.",
		reasons: stackReasons(facts, average, cached),
		change: [
			"look for deep recursion and for large arrays and structs as local variables (in frames); a loop with a slice of its own, or a pointer, takes them off the stack. A stack shrinks only at a GC, by half, when less than a quarter of it is in use",
		],
		next: [{ command: `gomem stacks ${facts.target} --full`, says: "how much stack each group has, with all frames" }],
	};
}

function stackReasons(facts: VerdictFacts, average: number, cached: number): string[] {
	const n = facts.runtime?.goroutines ?? 0;
	return [
		...(n === 0 ? [] : [`${count(n)} goroutines, ${bytes(average)} ${facts.counted} each on average`]),
		...(cached > bytesOf(facts, "stacks") / 4
			? [`${bytes(cached)} is cached for goroutines to come; the next GC frees what is not used`]
			: []),
	];
}

const runtimePart: Adviser = (facts) => {
	const lines = facts.ledger.lines.filter((line) => line.id.startsWith("runtime.")).sort((a, b) => b.bytes - a.bytes);
	return {
		headline: "The Go runtime's own structures",
		growing: "The runtime's structures grow with the heap's peak, and are not returned.",
		reasons: lines.slice(0, 3).map((line) => `${line.id} ${bytes(line.bytes)}: ${line.what}`),
		change: [
			"metadata follows the largest heap and the most objects there ever were; a small process has a floor of a few MiB that is no problem",
		],
		next: [mapsOf(facts, "runtime", "which structures, by mapping"), ...watch(facts, "whether it grows")],
	};
};

const mixed: Adviser = (facts) => ({
	headline: "No single part dominates",
	growing: "",
	reasons: heapReasons(facts),
	change: facts.watched
		? ["no single change helps: look at the largest lines one by one"]
		: ["watch it over time: what grows decides"],
	next: [
		...watch(facts, "what grows, line by line"),
		{ command: `gomem maps ${facts.target}`, says: "each part by its mappings" },
	],
});

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
