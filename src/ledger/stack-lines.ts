import type { Residency } from "../formats/procfs/residency.ts";
import { isDead } from "../goruntime/goroutines.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import type { Tally } from "./tally.ts";

/**
 * Spreads manually managed spans over the stacks in them. Spans must come in ascending order of address: the stacks are
 * sorted once and walked along.
 */
export class StackLines {
	readonly #runtime: RuntimeState;
	readonly #residency: Residency;
	readonly #tally: Tally;
	readonly #low: Float64Array;
	readonly #high: Float64Array;
	readonly #sp: Float64Array;
	#next = 0;

	constructor(runtime: RuntimeState, residency: Residency, tally: Tally) {
		this.#runtime = runtime;
		this.#residency = residency;
		this.#tally = tally;
		const stacks = liveStacks(runtime);
		this.#low = stacks.low;
		this.#high = stacks.high;
		this.#sp = stacks.sp;
	}

	/** The span's part [start, end). */
	addSpan(i: number, start: number, end: number): void {
		const resident = this.#residency.residentBytesIn(start, end);
		// a stack span says the size of its stacks (stack.go: stackpoolalloc, stackalloc), a work buffer span nothing (mgcwork.go)
		if ((this.#runtime.spans.elemSize[i] ?? 0) === 0) {
			this.#tally.add("runtime.metadata.gc-workbufs", resident);
			return;
		}
		let covered = 0;
		const count = this.#low.length;
		while (this.#next < count && (this.#high[this.#next] ?? 0) <= start) this.#next++;
		for (let s = this.#next; s < count && (this.#low[s] ?? 0) < end; s++) {
			const low = Math.max(start, this.#low[s] ?? 0);
			const high = Math.min(end, this.#high[s] ?? 0);
			const sp = Math.min(high, Math.max(low, this.#sp[s] ?? 0));
			const used = this.#residency.residentBytesIn(sp, high);
			const slack = this.#residency.residentBytesIn(low, sp);
			this.#tally.add("stacks.used", used);
			this.#tally.add("stacks.slack", slack);
			covered += used + slack;
		}
		this.#tally.add("stacks.cached", Math.max(0, resident - covered));
	}
}

/** Stacks that belong to someone, ascending; `sp` is their low end where the pointer is not known (running, g0). */
function liveStacks(runtime: RuntimeState): { low: Float64Array; high: Float64Array; sp: Float64Array } {
	const g = runtime.goroutines;
	const rows: number[] = [];
	for (let i = 0; g !== undefined && i < g.count; i++) {
		if (!isDead(g.status[i] ?? 0) && (g.stackHigh[i] ?? 0) > (g.stackLow[i] ?? 0)) rows.push(i);
	}
	const machines = runtime.machineStacks;
	const all = new Float64Array(rows.length + machines.length);
	rows.forEach((row, k) => {
		all[k] = g?.stackLow[row] ?? 0;
	});
	machines.forEach((m, k) => {
		all[rows.length + k] = m.low;
	});
	const order = ascending(all);
	const low = new Float64Array(all.length);
	const high = new Float64Array(all.length);
	const sp = new Float64Array(all.length);
	order.forEach((k, at) => {
		const row = rows[k];
		const machine = machines[k - rows.length];
		low[at] = all[k] ?? 0;
		high[at] = (row === undefined ? machine?.high : g?.stackHigh[row]) ?? 0;
		const pointer = row === undefined ? 0 : (g?.sp[row] ?? 0);
		sp[at] = pointer === 0 ? (low[at] ?? 0) : pointer;
	});
	return { low, high, sp };
}

/** Stacks start at multiples of 2 KiB (stack.go: fixedStack), so 36 bits tell them apart and 17 are left for an index. */
const STACK_UNIT = 2048;
const PACKED = 1 << 17;

/** Indices in the order of the addresses. Packed into one number each, they sort ten times as fast as by a comparison. */
function ascending(addresses: Float64Array): Uint32Array {
	if (addresses.length >= PACKED) {
		return new Uint32Array(addresses.length).map((_, k) => k).sort((a, b) => (addresses[a] ?? 0) - (addresses[b] ?? 0));
	}
	const keys = addresses.map((address, k) => Math.floor(address / STACK_UNIT) * PACKED + k).sort();
	return Uint32Array.from(keys, (key) => key % PACKED);
}
