import type { Samples } from "../../formats/pprof/model.ts";
import { PairIndex } from "../pair-index.ts";
import type { Edges } from "./edges.ts";
import type { Graph } from "./graph.ts";
import { weighedNodes } from "./graph.ts";
import type { NodeTable } from "./node-table.ts";
import { joined, type SampleWeights } from "./weights.ts";

/** A forest of calling contexts: each path from an outermost caller is a node of its own. */
export interface ContextTree {
	readonly count: number;
	/** by context its caller, or -1; a caller comes before what it calls */
	readonly parent: Int32Array;
	/** by context its row in the table of nodes */
	readonly info: Uint32Array;
	/** by sample the context of its innermost frame, or -1 */
	readonly leaf: Int32Array;
	/** by context 1 where its call was inlined in every sample */
	readonly inlined: Uint8Array;
}

export function contextTree(samples: Samples, table: NodeTable, skip: Uint8Array): ContextTree {
	// Growing is half of the work where there are many contexts: one for every eighth frame is a good first guess.
	const index = new PairIndex(Math.min(Math.max(4096, samples.location.length >>> 3), 2 ** 20));
	const leaf = new Int32Array(samples.count).fill(-1);
	let inlined = new Uint8Array(4096);
	const { start, node } = table;
	const { locationStart, location, count } = samples;
	for (let s = 0; s < count; s++) {
		if (skip[s] === 1) continue;
		let at = -1;
		for (let i = locationStart[s + 1]! - 1; i >= locationStart[s]!; i--) {
			const l = location[i]!; // indexes are in range: the profile's invariants
			const last = start[l + 1]! - 1;
			for (let n = last; n >= start[l]!; n--) {
				const before = index.count;
				at = index.of(at, node[n]!);
				if (at >= inlined.length) {
					const larger = new Uint8Array(inlined.length * 2);
					larger.set(inlined);
					inlined = larger;
				}
				if (index.count > before) inlined[at] = n === last ? 0 : 1;
				else if (n === last) inlined[at] = 0;
			}
		}
		leaf[s] = at;
	}
	return {
		count: index.count,
		parent: index.firsts(),
		info: new Uint32Array(index.seconds().buffer),
		leaf,
		inlined: inlined.slice(0, index.count),
	};
}

/** Sums by context: what the samples that end in it weigh, and what they and all below it weigh. */
export function contextValues(
	tree: ContextTree,
	weight: Float64Array,
): { readonly flat: Float64Array; readonly cum: Float64Array } {
	const flat = new Float64Array(tree.count);
	for (let s = 0; s < tree.leaf.length; s++) {
		const leaf = tree.leaf[s]!;
		if (leaf >= 0) flat[leaf] = flat[leaf]! + weight[s]!;
	}
	const cum = flat.slice();
	for (let at = tree.count - 1; at >= 0; at--) {
		const parent = tree.parent[at]!;
		if (parent >= 0) cum[parent] = cum[parent]! + cum[at]!;
	}
	return { flat, cum };
}

/** The tree as a graph whose edges lead from each context to those below it (google/pprof internal/graph, newTree). */
export function treeGraph(tree: ContextTree, table: NodeTable, weights: SampleWeights, dropNegative: boolean): Graph {
	const value = weights.value.map((column) => contextValues(tree, column));
	const divisor = weights.divisor?.map((column) => contextValues(tree, column));
	const values = {
		flat: joined(value.map((sums) => sums.flat)),
		cum: joined(value.map((sums) => sums.cum)),
		flatDivisor: divisor && joined(divisor.map((sums) => sums.flat)).numbers,
		cumDivisor: divisor && joined(divisor.map((sums) => sums.cum)).numbers,
	};
	const edges: Edges = {
		count: tree.count,
		// An edge has the number of the context that it leads to; that of an outermost one leads nowhere.
		caller: Uint32Array.from(tree.parent, (parent) => Math.max(parent, 0)),
		callee: Uint32Array.from({ length: tree.count }, (_, i) => i),
		weight: values.cum,
		divisor: values.cumDivisor,
		residual: new Uint8Array(tree.count),
		inlined: tree.inlined.slice(),
		dead: Uint8Array.from(tree.parent, (parent) => (parent < 0 ? 1 : 0)),
	};
	return { table, info: tree.info, values, nodes: weighedNodes(values, dropNegative), edges };
}

/**
 * Takes the nodes that are not kept out of a forest: what they call is then called by their caller, over a residual edge
 * (google/pprof internal/graph, TrimTree).
 */
export function trimTree(graph: Graph, kept: Uint8Array): void {
	const { edges } = graph;
	// Only nodes that the report knows are taken out; those that weigh nothing stay where they are.
	const gone = new Uint8Array(edges.count);
	for (const node of graph.nodes) if (kept[node] === 0) gone[node] = 1;
	// Edges are in the order of their callees, and callers come first: a caller is settled before what it calls.
	for (let edge = 0; edge < edges.count; edge++) {
		if (edges.dead[edge] === 1) continue;
		const caller = edges.caller[edge]!;
		if (gone[caller] === 0) continue;
		if (edges.dead[caller] === 1) {
			edges.dead[edge] = 1;
			continue;
		}
		edges.caller[edge] = edges.caller[caller]!;
		edges.residual[edge] = 1;
		edges.inlined[edge]! &= edges.inlined[caller]!;
	}
	for (let edge = 0; edge < edges.count; edge++) if (gone[edge] === 1) edges.dead[edge] = 1;
	graph.nodes = graph.nodes.filter((node) => kept[node] === 1);
}
