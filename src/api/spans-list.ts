import type { Static } from "typebox";
import type { Residency } from "../formats/procfs/residency.ts";
import { cachedBy } from "../goruntime/caches.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { SPAN_IN_USE, sweepState } from "../goruntime/spans.ts";
import type { SpansShape, spanSorts } from "./spans-shape.ts";

type Sparsest = Static<typeof SpansShape>["sparsest"];
type Span = Sparsest["spans"][number];
type Occupancy = Static<typeof SpansShape>["occupancy"];
export type SpanSort = (typeof spanSorts)[number];

/** Spans one by one: chosen, put in an order, and the first of them shown. */
export class SpanLists {
	readonly #runtime: RuntimeState;
	readonly #residency: Residency | undefined;
	readonly #cachedBy: ReadonlyMap<number, number>;
	readonly #pageBytes: number;

	constructor(runtime: RuntimeState, residency: Residency | undefined) {
		this.#runtime = runtime;
		this.#residency = residency;
		this.#cachedBy = runtime.caches === undefined ? new Map() : cachedBy(runtime.caches);
		this.#pageBytes = runtime.pages.pageBytes;
	}

	/** The spans of a size class. */
	ofClass(sizeClass: number, sort: SpanSort, limit: number): Sparsest {
		const rows = this.#rows((i) => (this.#runtime.spans.spanClass[i] ?? 0) >> 1 === sizeClass);
		const key = { waste: this.#waste, live: this.#live, resident: this.#resident, size: this.#bytes, address: ZERO };
		const order = sort === "live" || sort === "address" ? 1 : -1;
		return this.#first(rows, (i) => order * key[sort](i), sort !== "address", limit);
	}

	/**
	 * Spans of small objects with the fewest live bytes. Those that a P allocates from are left out: they fill up next. So
	 * are those without a live object: they are garbage, and go back to the heap when they are swept.
	 */
	sparsest(limit: number): Sparsest {
		const { spans, marks } = this.#runtime;
		const sparse = (i: number) => {
			const live = (marks.live[i] ?? 0) + (marks.fresh[i] ?? 0);
			return this.#isSmallAndFree(i) && live > 0 && live < (spans.nelems[i] ?? 0);
		};
		return this.#first(this.#rows(sparse), this.#live, true, limit);
	}

	/** Spans of small objects that no P caches, by how full they are. */
	occupancy(): Occupancy {
		const { spans, marks } = this.#runtime;
		const out = SHARES.map((upTo) => ({ upTo, spans: 0, spanBytes: 0, liveBytes: 0 }));
		for (let i = 0; i < spans.count; i++) {
			if (!this.#isSmallAndFree(i)) continue;
			const share = ((marks.live[i] ?? 0) + (marks.fresh[i] ?? 0)) / (spans.nelems[i] ?? 1);
			const row = out.find((one) => share <= one.upTo);
			if (row === undefined) continue;
			row.spans++;
			row.spanBytes += this.#bytes(i);
			row.liveBytes += this.#live(i);
		}
		return out;
	}

	#isSmallAndFree(i: number): boolean {
		const { spans } = this.#runtime;
		if (spans.state[i] !== SPAN_IN_USE || (spans.spanClass[i] ?? 0) >> 1 === 0) return false;
		// h+1 and h+3: cached (mheap.go)
		const ahead = ((spans.spanSweepgen[i] ?? 0) - spans.sweepgen) | 0;
		return ahead !== 1 && ahead !== 3;
	}

	#rows(wanted: (i: number) => boolean): Uint32Array {
		const { spans } = this.#runtime;
		const rows = new Uint32Array(spans.count);
		let n = 0;
		for (let i = 0; i < spans.count; i++) if (spans.state[i] === SPAN_IN_USE && wanted(i)) rows[n++] = i;
		return rows.subarray(0, n);
	}

	/** The first rows by key; of equal ones the larger span, where `bySize`, and then the lower address. */
	#first(rows: Uint32Array, key: (i: number) => number, bySize: boolean, limit: number): Sparsest {
		const { base, npages } = this.#runtime.spans;
		const keys = new Float64Array(this.#runtime.spans.count);
		for (const i of rows) keys[i] = key(i);
		const at = (column: Float64Array | Uint32Array, i: number) => column[i] ?? 0;
		rows.sort(
			(a, b) => at(keys, a) - at(keys, b) || (bySize ? at(npages, b) - at(npages, a) : 0) || at(base, a) - at(base, b),
		);
		const rest = rows.subarray(limit);
		return {
			spans: Array.from(rows.subarray(0, limit), (i) => this.#shape(i)),
			leftOut: { spans: rest.length, spanBytes: rest.reduce((sum, i) => sum + this.#bytes(i), 0) },
		};
	}

	#shape(i: number): Span {
		const { spans, marks } = this.#runtime;
		const p = this.#cachedBy.get(spans.struct[i] ?? 0);
		return {
			startAddr: `0x${(spans.base[i] ?? 0).toString(16)}`,
			npages: spans.npages[i] ?? 0,
			class: (spans.spanClass[i] ?? 0) >> 1,
			elemsize: spans.elemSize[i] ?? 0,
			noscan: ((spans.spanClass[i] ?? 0) & 1) === 1,
			nelems: spans.nelems[i] ?? 0,
			allocCount: spans.allocCount[i] ?? 0,
			freeindex: spans.freeIndex[i] ?? 0,
			deadObjects: marks.dead[i] ?? 0,
			liveBytes: this.#live(i),
			wasteBytes: this.#waste(i),
			...(this.#residency === undefined ? {} : { residentBytes: this.#resident(i) }),
			sweep: sweepState(spans, i),
			...(p === undefined ? {} : { cachedBy: p }),
			needzero: (spans.needZero[i] ?? 0) !== 0,
		};
	}

	readonly #bytes = (i: number): number => (this.#runtime.spans.npages[i] ?? 0) * this.#pageBytes;

	readonly #live = (i: number): number => {
		const { spans, marks } = this.#runtime;
		return ((marks.live[i] ?? 0) + (marks.fresh[i] ?? 0)) * (spans.elemSize[i] ?? 0);
	};

	readonly #waste = (i: number): number => {
		const { spans } = this.#runtime;
		return this.#bytes(i) - (spans.allocCount[i] ?? 0) * (spans.elemSize[i] ?? 0);
	};

	readonly #resident = (i: number): number => {
		const start = this.#runtime.spans.base[i] ?? 0;
		return this.#residency?.residentBytesIn(start, start + this.#bytes(i)) ?? 0;
	};
}

const ZERO = () => 0;

/** Upper ends of the rows of `occupancy`. */
const SHARES = [0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1] as const;
