import type { Reading } from "../evidence/reading.ts";
import type { GoroutineStacks } from "../evidence/stacks.ts";
import { heapConstants } from "../goruntime/heap-constants.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { SPAN_MANUAL } from "../goruntime/spans.ts";
import { makeLedger } from "../ledger/ledger.ts";

/** The stacks in MemStats and in the ledger. Bytes. */
export interface StackAccounts {
	stackInuseBytes: number;
	threadStackBytes: number;
	unusedBytes: number;
	ledger: { id: string; bytes: number }[];
}

/**
 * MemStats.StackInuse counts spans of stacks (mstats.go): those of goroutines, of the scheduler and signal handlers of
 * threads that Go made the stacks for, and what stack.go keeps for later. What is left after the first two is the third.
 */
export function stackAccounts(reading: Reading, runtime: RuntimeState, s: GoroutineStacks): StackAccounts {
	const inuse = runtime.counters.memStats.StackInuse;
	const threads = threadStackBytes(runtime);
	let goroutines = 0;
	for (let row = 0; row < s.count; row++) goroutines += (s.stackHigh[row] ?? 0) - (s.stackLow[row] ?? 0);
	return {
		stackInuseBytes: inuse,
		threadStackBytes: threads,
		// on a moving target the two were not read at one moment
		unusedBytes: Math.max(0, inuse - goroutines - threads),
		ledger: makeLedger(reading, runtime)
			.lines.filter((line) => line.id.startsWith("stacks."))
			.map(({ id, bytes }) => ({ id, bytes })),
	};
}

/** Stacks of threads in spans of the heap; with cgo, C's library makes most of them elsewhere. */
function threadStackBytes(runtime: RuntimeState): number {
	const { spans, view, machineStacks } = runtime;
	const pageSize = heapConstants(view.layout).pageSize;
	const stacks = [...machineStacks].sort((a, b) => a.low - b.low);
	let bytes = 0;
	for (let i = 0; i < spans.count; i++) {
		if (spans.state[i] !== SPAN_MANUAL) continue;
		const base = spans.base[i] ?? 0;
		const end = base + (spans.npages[i] ?? 0) * pageSize;
		for (let k = firstFrom(stacks, base); k < stacks.length; k++) {
			const stack = stacks[k];
			if (stack === undefined || stack.low >= end) break;
			bytes += stack.high - stack.low;
		}
	}
	return bytes;
}

function firstFrom(stacks: readonly { readonly low: number }[], address: number): number {
	let low = 0;
	let high = stacks.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((stacks[middle]?.low ?? 0) < address) low = middle + 1;
		else high = middle;
	}
	return low;
}
