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
	const { start, node } = table;
	const { locationStart, location, count } = samples;
	const flat = new Float64Array(table.count);
	const cum = new Float64Array(table.count);
	const seen = new Uint32Array(table.count);
	for (let s = 0; s < count; s++) {
		const first = locationStart[s]!; // all indexes below are in range: the profile's invariants
		const end = locationStart[s + 1]!;
		if (skip[s] === 1 || first === end) continue;
		const w = weight[s]!;
		for (let at = first; at < end; at++) {
			const l = location[at]!;
			const last = start[l + 1]!;
			for (let i = start[l]!; i < last; i++) {
				const n = node[i]!;
				if (seen[n] === s + 1) continue;
				seen[n] = s + 1;
				cum[n] = cum[n]! + w;
			}
		}
		const leaf = node[start[location[first]!]!]!;
		flat[leaf] = flat[leaf]! + w;
	}
	return { flat, cum };
}
