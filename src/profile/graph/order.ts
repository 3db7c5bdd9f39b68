import { compareText } from "../go-format.ts";
import { type EdgeLists, type Edges, edgesBy } from "./edges.ts";
import { type Graph, nameOf, rowOf } from "./graph.ts";

/** How nodes are ordered: by weight, then by name, then by the other weight (graph.go, Nodes.Sort). */
export type NodeOrder = "flat" | "cum" | "entropy";

export function sortNodes(graph: Graph, order: NodeOrder): void {
	const { flat, cum } = graph.values;
	const first = order === "entropy" ? entropies(graph) : (order === "flat" ? flat : cum).numbers.map(Math.abs);
	const second = order === "flat" ? cum.numbers : flat.numbers;
	graph.nodes = graph.nodes.slice().sort((a, b) => {
		const byFirst = first[b]! - first[a]!;
		if (byFirst !== 0) return byFirst;
		const byName = compareNames(graph, a, b);
		return byName !== 0 ? byName : Math.abs(second[b]!) - Math.abs(second[a]!);
	});
}

function compareNames(graph: Graph, a: number, b: number): number {
	const rowA = rowOf(graph, a);
	const rowB = rowOf(graph, b);
	if (rowA === rowB) return 0;
	return graph.table.compareAddresses(rowA, rowB) || compareText(graph.table.name(rowA), graph.table.name(rowB));
}

/**
 * By node how much it adds to a picture to show it: its weight times how evenly it is spread over the edges that come in and
 * go out, so that mere way stations come late (graph.go, entropyScore).
 */
function entropies(graph: Graph): Float64Array {
	const { edges, values } = graph;
	const count = values.flat.numbers.length;
	const incoming = edgesBy(edges.callee, edges, count);
	const outgoing = edgesBy(edges.caller, edges, count);
	const scores = new Float64Array(count);
	for (const n of graph.nodes) {
		const flat = values.flat.numbers[n]!;
		const score = edgeEntropy(edges, incoming, n, 0) + edgeEntropy(edges, outgoing, n, flat);
		const spread = score * values.cum.numbers[n]!;
		// Where an edge weighs nothing that is no number, with edges below zero it may be beyond 64 bits. Go makes both the
		// least integer, which has no positive counterpart: last without flat, else before all others, the lighter the earlier.
		if (Math.abs(spread) < 2 ** 63) scores[n] = Math.abs(Math.trunc(spread) + flat);
		else scores[n] = flat === 0 ? -1 : 1e300 / (1 + Math.abs(flat));
	}
	return scores;
}

/** Entropy of the weights of a node's edges; 1 where it has none. */
function edgeEntropy(edges: Edges, lists: EdgeLists, node: number, self: number): number {
	const from = lists.start[node]!;
	const to = lists.start[node + 1]!;
	if (from === to) return 1;
	let total = self;
	for (let i = from; i < to; i++) total += Math.max(edges.weight.numbers[lists.edge[i]!]!, 0);
	if (total === 0) return 0;
	let score = 0;
	for (let i = from; i < to; i++) score += share(Math.abs(edges.weight.numbers[lists.edge[i]!]!) / total);
	return self > 0 ? score + share(self / total) : score;
}

function share(part: number): number {
	return -part * Math.log2(part);
}

/** The edges of a node by weight, then by the names of caller and callee (graph.go, EdgeMap.Sort). */
export function sortedEdges(graph: Graph, rows: Uint32Array): Uint32Array {
	const { edges } = graph;
	const weight = edges.weight.numbers;
	return rows.slice().sort((a, b) => {
		if (weight[a] !== weight[b]) return Math.abs(weight[b]!) - Math.abs(weight[a]!);
		return (
			compareText(nameOf(graph, edges.caller[a]!), nameOf(graph, edges.caller[b]!)) ||
			compareText(nameOf(graph, edges.callee[a]!), nameOf(graph, edges.callee[b]!))
		);
	});
}
