import type { Samples } from "../formats/pprof/model.ts";
import type { NodeTable } from "./graph/node-table.ts";

/**
 * The stacks of a profile as words in one column, outermost frame first: sample s has those from start[s] on, up to END or
 * CUT. A word is twice the row in the table of nodes, and 1 more where the frame was inlined into the one before. In one
 * place after another, as the parting of samples by frames would else wait for memory most of its time.
 */
export interface FlameStacks {
	readonly word: Uint32Array;
	readonly start: Uint32Array;
}

/** the stack ends here */
export const END = 0xffff_ffff;
/** the stack goes on, deeper than there is memory for */
export const CUT = 0xffff_fffe;

/** words of all stacks, about: a profile of real stacks has a tenth of it; one that is made to hurt would have any number */
const MOST_WORDS = 2 ** 27;
const DEEPEST = 4096;

export function flameStacks(samples: Samples, table: NodeTable): FlameStacks {
	const { count, locationStart, location } = samples;
	const deepest = Math.min(DEEPEST, Math.max(16, Math.floor(MOST_WORDS / Math.max(count, 1))));
	const start = new Uint32Array(count + 1);
	for (let s = 0; s < count; s++) {
		let depth = 0;
		for (let at = locationStart[s]!; at < locationStart[s + 1]!; at++) {
			const l = location[at]!; // rows are in range: the profile's invariants
			depth += table.start[l + 1]! - table.start[l]!;
		}
		start[s + 1] = start[s]! + Math.min(depth, deepest) + 1;
	}
	const word = new Uint32Array(start[count]!);
	for (let s = 0; s < count; s++) {
		const end = start[s + 1]! - 1;
		let to = start[s]!;
		let at = locationStart[s + 1]! - 1;
		for (; at >= locationStart[s]! && to < end; at--) {
			const l = location[at]!;
			const last = table.start[l + 1]! - 1;
			for (let i = last; i >= table.start[l]! && to < end; i--) word[to++] = table.node[i]! * 2 + (i === last ? 0 : 1);
		}
		word[end] = end - start[s]! < deepest || at < locationStart[s]! ? END : CUT;
	}
	return { word, start };
}
