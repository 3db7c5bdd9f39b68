import type { Int64Column } from "../../formats/pprof/columns.ts";
import type { Edges } from "./edges.ts";
import type { NodeTable } from "./node-table.ts";
import { meanOf } from "./weights.ts";

/** Weights by node. `cum` counts a sample once per node, however often the node is on its stack. */
export interface NodeValues {
	readonly flat: Int64Column;
	readonly cum: Int64Column;
	/** of a mean: what to divide by */
	readonly flatDivisor: Float64Array | undefined;
	readonly cumDivisor: Float64Array | undefined;
}

/** A call graph, or with `info` a forest of calling contexts in which several nodes are the same place in the program. */
export interface Graph {
	readonly table: NodeTable;
	/** by node its row in the table; undefined where nodes are rows */
	readonly info: Uint32Array | undefined;
	readonly values: NodeValues;
	/** what the report shows, in its order */
	nodes: Uint32Array;
	edges: Edges;
}

/** The row of a node in the table of places. */
export function rowOf(graph: Graph, node: number): number {
	return graph.info === undefined ? node : graph.info[node]!; // nodes are nodes of this graph
}

export function nameOf(graph: Graph, node: number): string {
	return graph.table.name(rowOf(graph, node));
}

/** What a node itself weighs; its mean where one was asked for. */
export function flatOf({ values }: Graph, node: number): number {
	return meanOf(values.flat.numbers[node]!, values.flatDivisor?.[node]);
}

/** What a node and all it calls weigh. */
export function cumOf({ values }: Graph, node: number): number {
	return meanOf(values.cum.numbers[node]!, values.cumDivisor?.[node]);
}

/** The nodes that weigh anything; those below zero only where wanted (graph.go, selectNodesForGraph). */
export function weighedNodes(values: NodeValues, dropNegative: boolean): Uint32Array {
	const flat = values.flat.numbers;
	const cum = values.cum.numbers;
	const nodes = new Uint32Array(flat.length);
	let count = 0;
	for (let n = 0; n < flat.length; n++) {
		if (cum[n] === 0 && flat[n] === 0) continue;
		if (dropNegative && (flat[n]! < 0 || (flat[n] === 0 && cum[n]! < 0))) continue;
		nodes[count++] = n;
	}
	return nodes.slice(0, count);
}
