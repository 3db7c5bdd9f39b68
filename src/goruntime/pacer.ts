import type { Layout } from "./layouts/layout.ts";
import type { RuntimeView, StructValue } from "./runtime-view.ts";

/** The GC pacer's state (mgcpacer.go: gcControllerState). Bytes; bigint where a value stands for "off" or "no limit". */
export interface Pacer {
	/** GOGC as in force: percent, -1 for off */
	readonly gcPercent: number;
	/** GOMEMLIMIT as in force; 2^63-1 means none */
	readonly memoryLimit: bigint;
	/** bytes marked live by the last GC */
	readonly heapMarked: number;
	/** the runtime's own running estimate of the heap: overestimates by what is cached in Ps */
	readonly heapLive: number;
	readonly lastHeapGoal: bigint;
	/** stacks and globals that count as work in the goal since Go 1.18 */
	readonly lastStackScan: number;
	readonly globalsScan: number;
	readonly gcPercentHeapGoal: bigint;
	readonly sweepDistMinTrigger: bigint;
	readonly triggered: bigint;
	readonly runway: bigint;
	readonly heapFree: bigint;
	readonly totalAlloc: bigint;
	readonly totalFree: bigint;
	readonly mappedReady: bigint;
	readonly heapInUseAtLastGc: number;
	/** what the goal under GOMEMLIMIT keeps free below the limit: this part of it in percent, at least so many bytes */
	readonly limitHeadroom: { readonly percent: bigint; readonly minimum: bigint };
}

const MAX_UINT64 = 2n ** 64n - 1n;
/** "no limit" of runtime/debug.SetMemoryLimit. */
export const NO_MEMORY_LIMIT: bigint = 2n ** 63n - 1n;

/**
 * @param unflushedBytes allocations held back in mcaches: ReadMemStats flushes them into totalAlloc before it asks for the goal
 */
export function readPacer(view: RuntimeView, c: StructValue, memstats: StructValue, unflushedBytes: number): Pacer {
	const big = (field: string) => c.view.getBigUint64(c.layout.offset(field), true);
	return {
		gcPercent: c.i32("gcPercent"),
		memoryLimit: c.view.getBigInt64(c.layout.offset("memoryLimit"), true),
		heapMarked: c.word("heapMarked"),
		heapLive: c.word("heapLive"),
		lastHeapGoal: big("lastHeapGoal"),
		lastStackScan: c.word("lastStackScan"),
		globalsScan: c.word("globalsScan"),
		gcPercentHeapGoal: big("gcPercentHeapGoal"),
		sweepDistMinTrigger: big("sweepDistMinTrigger"),
		triggered: big("triggered"),
		runway: big("runway"),
		heapFree: big("heapFree"),
		totalAlloc: big("totalAlloc") + BigInt(unflushedBytes),
		totalFree: big("totalFree"),
		mappedReady: big("mappedReady"),
		limitHeadroom: limitHeadroom(view.layout),
		heapInUseAtLastGc: view.layout.struct("mstats").has("lastHeapInUse") ? memstats.word("lastHeapInUse") : 0,
	};
}

/** mgcpacer.go: 3 % and at least 1 MiB since 1.21; 1 MiB in 1.19 and 1.20, which have one constant for it. */
function limitHeadroom(layout: Layout): Pacer["limitHeadroom"] {
	const c = layout.constants;
	const of = (name: string) => BigInt(c.number(name));
	return c.has("memoryLimitHeapGoalHeadroomPercent")
		? { percent: of("memoryLimitHeapGoalHeadroomPercent"), minimum: of("memoryLimitMinHeapGoalHeadroom") }
		: { percent: 0n, minimum: of("memoryLimitHeapGoalHeadroom") };
}

const MIN_RUNWAY = 64n << 10n;

/** gcControllerState.heapGoal of Go 1.19 to 1.27: the heap size at which the next cycle should end. */
export function heapGoal(p: Pacer): number | bigint {
	const { goal } = goalAndMinTrigger(p);
	return goal <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(goal) : goal;
}

/** True when GOMEMLIMIT, not GOGC, sets the goal now. */
export function limitedByMemory(p: Pacer): boolean {
	return memoryLimitGoal(p) < p.gcPercentHeapGoal;
}

function goalAndMinTrigger(p: Pacer): { goal: bigint; minTrigger: bigint } {
	const limited = memoryLimitGoal(p);
	if (limited < p.gcPercentHeapGoal) return { goal: limited, minTrigger: 0n };
	let goal = p.gcPercentHeapGoal;
	if (p.sweepDistMinTrigger > goal) goal = p.sweepDistMinTrigger;
	if (p.triggered !== MAX_UINT64 && goal < p.triggered + MIN_RUNWAY) goal = p.triggered + MIN_RUNWAY;
	return { goal, minTrigger: p.sweepDistMinTrigger };
}

function memoryLimitGoal(p: Pacer): bigint {
	const heapAlloc = p.totalAlloc - p.totalFree;
	// read while it moves, the three counters may contradict each other: then there is nothing to subtract
	const nonHeap = max(p.mappedReady - p.heapFree - heapAlloc, 0n);
	const overage = max(p.mappedReady - p.memoryLimit, 0n);
	const marked = BigInt(p.heapMarked);
	if (nonHeap + overage >= p.memoryLimit) return marked;
	let goal = p.memoryLimit - (nonHeap + overage);
	const headroom = max((goal / 100n) * p.limitHeadroom.percent, p.limitHeadroom.minimum);
	goal = goal < headroom || goal - headroom < headroom ? headroom : goal - headroom;
	return max(goal, marked);
}

/** mgcpacer.go: triggerRatioDen, minTriggerRatioNum, maxTriggerRatioNum, defaultHeapMinimum. */
const RATIO = 64n;
const MIN_RATIO = 45n;
const MAX_RATIO = 61n;
const DEFAULT_HEAP_MINIMUM = 4n << 20n;

/** gcControllerState.trigger: the heap size at which the next cycle starts. */
export function heapTrigger(p: Pacer): number | bigint {
	const { goal, minTrigger } = goalAndMinTrigger(p);
	const marked = BigInt(p.heapMarked);
	let trigger = goal;
	if (marked < goal) {
		const lowest = max(max(minTrigger, marked), ((goal - marked) / RATIO) * MIN_RATIO + marked);
		let highest = ((goal - marked) / RATIO) * MAX_RATIO + marked;
		if (goal > DEFAULT_HEAP_MINIMUM) highest = max(highest, goal - DEFAULT_HEAP_MINIMUM);
		highest = max(highest, lowest);
		trigger = p.runway > goal ? lowest : goal - p.runway;
		trigger = min(max(trigger, lowest), highest);
	}
	return trigger <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(trigger) : trigger;
}

function max(a: bigint, b: bigint): bigint {
	return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
	return a < b ? a : b;
}
