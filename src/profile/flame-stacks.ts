import { GrowingUint32 } from "../formats/pprof/columns.ts";
import type { Samples } from "../formats/pprof/model.ts";
import type { NodeTable } from "./graph/node-table.ts";

/**
 * The stacks of a profile by depth from the root. What samples call is asked for one depth after another, of most samples at
 * the upper ones: there a column by sample is several times as fast as the stacks themselves, as nearly all of the time is
 * waiting for memory. What is deeper is laid out when it is first asked for.
 */
export class FlameStacks {
	/** by depth a column by sample */
	readonly #upper: readonly Uint32Array[];
	readonly #lower = new GrowingUint32(2 ** 16);
	/** by sample where its words in #lower begin, 1 more; 0 where they are not there */
	readonly #lowerStart: Uint32Array;
	readonly #samples: Samples;
	readonly #table: NodeTable;

	/** Rows are in range throughout: the profile's invariants. */
	constructor(samples: Samples, table: NodeTable) {
		this.#samples = samples;
		this.#table = table;
		this.#lowerStart = new Uint32Array(samples.count);
		this.#upper = Array.from({ length: UPPER }, () => new Uint32Array(samples.count).fill(END));
		for (let s = 0; s < samples.count; s++) this.#fillUpper(s);
	}

	/** By sample its word at a depth; undefined where that is too deep for a column. */
	column(depth: number): Uint32Array | undefined {
		return this.#upper[depth];
	}

	/** The word of a sample that has one at the depth before. */
	word(s: number, depth: number): number {
		const column = this.#upper[depth];
		if (column !== undefined) return column[s]!;
		if (this.#lowerStart[s] === 0) this.#layOut(s);
		return this.#lower.array[this.#lowerStart[s]! - 1 + depth - UPPER]!;
	}

	#fillUpper(s: number): void {
		const { locationStart, location } = this.#samples;
		const { start, node } = this.#table;
		const from = locationStart[s]!;
		let depth = 0;
		for (let at = locationStart[s + 1]! - 1; at >= from && depth < UPPER; at--) {
			const l = location[at]!;
			const first = start[l]!;
			const last = start[l + 1]! - 1;
			for (let i = last; i >= first && depth < UPPER; i--, depth++) {
				this.#upper[depth]![s] = node[i]! * 2 + (i === last ? 0 : 1);
			}
		}
	}

	#layOut(s: number): void {
		const { locationStart, location } = this.#samples;
		const { start, node } = this.#table;
		this.#lowerStart[s] = this.#lower.length + 1;
		let depth = 0;
		for (let at = locationStart[s + 1]! - 1; at >= locationStart[s]!; at--) {
			const l = location[at]!;
			const last = start[l + 1]! - 1;
			for (let i = last; i >= start[l]!; i--, depth++) {
				if (depth >= DEEPEST || this.#lower.length >= MOST_WORDS) {
					this.#lower.push(CUT);
					return;
				}
				if (depth >= UPPER) this.#lower.push(node[i]! * 2 + (i === last ? 0 : 1));
			}
		}
		this.#lower.push(END);
	}
}

/** A word is twice the row in the table of nodes, and 1 more where the frame was inlined into the one before; or it is this: */
/** the stack ends before this depth */
export const END = 0xffff_ffff;
/** the stack goes on, deeper than a flame graph can show or than there is memory for */
export const CUT = 0xffff_fffe;

const UPPER = 12;
const DEEPEST = 4096;
const MOST_WORDS = 2 ** 27;
