import type { Samples } from "../../formats/pprof/model.ts";
import type { NodeValues } from "./graph.ts";
import type { NodeTable } from "./node-table.ts";
import { joined, type SampleWeights } from "./weights.ts";

/** What each node weighs, in one pass over the samples for each column of weights. */
export function nodeValues(samples: Samples, table: NodeTable, weights: SampleWeights): NodeValues {
	const value = weights.value.map((column) => accumulate(samples, table, weights.skip, column));
	const divisor = weights.divisor?.map((column) => accumulate(samples, table, weights.skip, column));
	return {
		flat: joined(value.map((sums) => sums.flat)),
		cum: joined(value.map((sums) => sums.cum)),
		flatDivisor: divisor && joined(divisor.map((sums) => sums.flat)).numbers,
		cumDivisor: divisor && joined(divisor.map((sums) => sums.cum)).numbers,
	};
}

function accumulate(
	samples: Samples,
	table: NodeTable,
	skip: Uint8Array,
	weight: Float64Array,
): { readonly flat: Float64Array; readonly cum: Float64Array } {
	const { start, node, only } = table;
	const { locationStart, location, count } = samples;
	const flat = new Float64Array(table.count);
	/** by node: the last sample that passed through it, plus 1, and the sum: side by side, as both are needed together */
	const sums = new Float64Array(table.count * 2);
	for (let s = 0; s < count; s++) {
		const first = locationStart[s]!; // all indexes below are in range: the profile's invariants
		const end = locationStart[s + 1]!;
		if (skip[s] === 1 || first === end) continue;
		const w = weight[s]!;
		const mark = s + 1;
		for (let at = first; at < end; at++) {
			const l = location[at]!;
			const n = only[l]!;
			if (n >= 0) {
				if (sums[2 * n] !== mark) {
					sums[2 * n] = mark;
					sums[2 * n + 1]! += w;
				}
				continue;
			}
			const last = start[l + 1]!;
			for (let i = start[l]!; i < last; i++) {
				const one = node[i]!;
				if (sums[2 * one] === mark) continue;
				sums[2 * one] = mark;
				sums[2 * one + 1]! += w;
			}
		}
		const leaf = node[start[location[first]!]!]!;
		flat[leaf] = flat[leaf]! + w;
	}
	const cum = new Float64Array(table.count);
	for (let n = 0; n < cum.length; n++) cum[n] = sums[2 * n + 1]!;
	return { flat, cum };
}
