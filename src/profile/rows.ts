import { type Figure, nodeFigure, sumFigure } from "./figure.ts";
import { type EdgeLists, edgesBy, edgeWeight } from "./graph/edges.ts";
import { cumOf, flatOf, type Graph, nameOf, rowOf } from "./graph/graph.ts";
import { sortedEdges } from "./graph/order.ts";
import { type TrimmedGraph, trimmedGraph } from "./graph/trim.ts";
import type { Prepared } from "./prepare.ts";

/** A place in the program as far as the granularity tells it. */
export interface Place {
	/** "" at the granularity of files, and where the binary is not symbolized */
	readonly function: string;
	/** "" where unknown. At the granularity of functions the file of the first function of that name */
	readonly file: string;
	/** the line; at the granularities of functions the first line of the function, where known */
	readonly line: number | undefined;
	/** hexadecimal, at the granularity of addresses */
	readonly address: string | undefined;
	/** how pprof writes the place */
	readonly name: string;
}

/** A place and what it weighs, in the unit of the sample type. */
export interface TopRow extends Place {
	readonly flat: Figure;
	readonly cum: Figure;
	/** whether its calls were inlined: in all that are seen, in some, in none */
	readonly inlined: "all" | "some" | "none";
}

export interface RowsHeader {
	readonly sampleType: string;
	/** base unit of the figures: "bytes", "count", "nanoseconds" */
	readonly unit: string;
	/** what percentages are of */
	readonly total: Figure;
	/** sum of flat of the rows */
	readonly shown: Figure;
	/** rows there would be without nodecount */
	readonly nodes: number;
	/** nodes left out as below nodefraction */
	readonly droppedNodes: number;
}

export interface TopRows extends RowsHeader {
	readonly rows: readonly TopRow[];
}

/** The rows of pprof's `top`, in its order and under its options. */
export function topRows(prepared: Prepared): TopRows {
	const trimmed = trimmedGraph(prepared, "inlining");
	const { graph } = trimmed;
	const incoming = edgesBy(graph.edges.callee, graph.edges, graph.values.flat.numbers.length);
	const rows = [...graph.nodes].map((node) => topRow(prepared, graph, incoming, node));
	return { ...header(prepared, trimmed), rows };
}

/** A caller or callee of a row, and what passes over the edge between them. */
export interface EdgeRow extends Place {
	readonly weight: Figure;
	readonly inlined: boolean;
	/** between the two there are places that are not shown */
	readonly residual: boolean;
}

export interface TreeRow extends TopRow {
	readonly callers: readonly EdgeRow[];
	readonly callees: readonly EdgeRow[];
}

export interface TreeRows extends RowsHeader {
	readonly rows: readonly TreeRow[];
}

/** The rows of pprof's `tree`, or of `peek` where the request has a pattern. */
export function treeRows(prepared: Prepared): TreeRows {
	const trimmed = trimmedGraph(prepared, "edges");
	const { graph } = trimmed;
	const { edges } = graph;
	const count = graph.values.flat.numbers.length;
	const incoming = edgesBy(edges.callee, edges, count);
	const outgoing = edgesBy(edges.caller, edges, count);
	const edgeRows = (lists: EdgeLists, node: number, ends: Uint32Array): readonly EdgeRow[] =>
		[...sortedEdges(graph, lists.edge.subarray(lists.start[node], lists.start[node + 1]))].map((edge) => ({
			...place(prepared, graph, ends[edge]!),
			weight: nodeFigure(prepared, edges.weight, edge, edgeWeight(edges, edge)),
			inlined: edges.inlined[edge] === 1,
			residual: edges.residual[edge] === 1,
		}));
	const nodes = [...graph.nodes].filter((node) => prepared.pattern?.matches(nameOf(graph, node)) !== false);
	const rows = nodes.map((node) => ({
		...topRow(prepared, graph, incoming, node),
		callers: edgeRows(incoming, node, edges.caller),
		callees: edgeRows(outgoing, node, edges.callee),
	}));
	return { ...header(prepared, trimmed), rows };
}

function header(prepared: Prepared, trimmed: TrimmedGraph): RowsHeader {
	const { graph } = trimmed;
	const { exact } = graph.values.flat;
	let shown = 0;
	let exactShown = 0n;
	for (const node of graph.nodes) {
		shown += flatOf(graph, node);
		exactShown += exact?.[node] ?? 0n;
	}
	return {
		sampleType: prepared.sampleType,
		unit: prepared.sampleUnit,
		total: sumFigure(prepared, prepared.total, prepared.exactTotal),
		shown: sumFigure(prepared, shown, exact && exactShown),
		nodes: trimmed.nodesBefore,
		droppedNodes: trimmed.droppedNodes,
	};
}

function topRow(prepared: Prepared, graph: Graph, incoming: EdgeLists, node: number): TopRow {
	let inlined = 0;
	const from = incoming.start[node]!;
	const to = incoming.start[node + 1]!;
	for (let i = from; i < to; i++) inlined += graph.edges.inlined[incoming.edge[i]!]!;
	return {
		...place(prepared, graph, node),
		flat: nodeFigure(prepared, graph.values.flat, node, flatOf(graph, node)),
		cum: nodeFigure(prepared, graph.values.cum, node, cumOf(graph, node)),
		inlined: inlined === 0 ? "none" : inlined === to - from ? "all" : "some",
	};
}

function place(prepared: Prepared, graph: Graph, node: number): Place {
	const { table } = graph;
	const row = rowOf(graph, node);
	const address = table.address(row);
	const f = table.functionRow(row);
	const { functions, strings } = prepared.unaggregated;
	const byFunction = prepared.options.granularity === "" || prepared.options.granularity === "functions";
	const file = table.file(row);
	const line = table.line(row) || (f >= 0 ? (functions.startLine.numbers[f] ?? 0) : 0);
	return {
		function: table.functionName(row),
		file: byFunction && f >= 0 ? strings.text(functions.filename[f] ?? 0) : file,
		line: line === 0 || prepared.options.granularity === "files" ? undefined : line,
		address: address === 0n ? undefined : address.toString(16),
		name: table.name(row),
	};
}
