import type { Samples } from "../formats/pprof/model.ts";
import type { NodeTable } from "./graph/node-table.ts";

/** What places weigh: by row of the table of nodes. A place that is in a stack more than once counts once. */
export interface PlaceSums {
	/** of the samples that end in it */
	readonly flat: Float64Array;
	/** of the samples that it is in */
	readonly cum: Float64Array;
}

/** Sample types that are added up in one reading of the stacks. */
const AT_ONCE = 4;

/** One per sample type. `only`: of the samples whose flag is 1. */
export function placeSums(samples: Samples, table: NodeTable, only?: Uint8Array): readonly PlaceSums[] {
	const columns = samples.values.map(({ numbers }) =>
		only === undefined ? numbers : numbers.map((value, s) => (only[s] === 1 ? value : 0)),
	);
	const sums: PlaceSums[] = [];
	for (let type = 0; type < columns.length; type += AT_ONCE) {
		sums.push(...fourSums(samples, table, columns.slice(type, type + AT_ONCE)));
	}
	return sums;
}

/**
 * Of up to four types. Written out for four, as this meets every frame of every stack: a loop over the types takes three
 * times as long. Rows are in range throughout: the profile's invariants.
 */
function fourSums(samples: Samples, table: NodeTable, columns: readonly Float64Array[]): readonly PlaceSums[] {
	const { locationStart, location, count } = samples;
	const { start, node, count: places } = table;
	const none = new Float64Array(count);
	const [a = none, b = none, c = none, d = none] = columns;
	const cum = new Float64Array(places * AT_ONCE);
	const flat = new Float64Array(places * AT_ONCE);
	/** by place the last sample that was seen in it, from 1 */
	const seen = new Uint32Array(places);
	for (let s = 0; s < count; s++) {
		const [ofA, ofB, ofC, ofD] = [a[s]!, b[s]!, c[s]!, d[s]!];
		const from = locationStart[s]!;
		let place = -1;
		for (let at = locationStart[s + 1]! - 1; at >= from; at--) {
			const l = location[at]!;
			const first = start[l]!;
			for (let i = start[l + 1]! - 1; i >= first; i--) {
				place = node[i]!;
				if (seen[place] === s + 1) continue;
				seen[place] = s + 1;
				const row = place * AT_ONCE;
				cum[row]! += ofA;
				cum[row + 1]! += ofB;
				cum[row + 2]! += ofC;
				cum[row + 3]! += ofD;
			}
		}
		if (place < 0) continue;
		// the last was the innermost
		for (const [type, value] of [ofA, ofB, ofC, ofD].entries()) flat[place * AT_ONCE + type]! += value;
	}
	const typeOf = (rows: Float64Array, type: number) =>
		Float64Array.from({ length: places }, (_, place) => rows[place * AT_ONCE + type]!);
	return columns.map((_, type) => ({ flat: typeOf(flat, type), cum: typeOf(cum, type) }));
}
