import type { Prepared } from "../prepare.ts";
import { nodeValues } from "./accumulate.ts";
import { collectEdges, collectEdgesInto, type Edges, edgesBy, noEdges } from "./edges.ts";
import { type Graph, weighedNodes } from "./graph.ts";
import { NodeTable } from "./node-table.ts";
import { sortedEdges, sortNodes } from "./order.ts";
import { trimmedPath } from "./paths.ts";
import { collectTags, type NodeTags, type TagSource, trimTags } from "./tags.ts";
import { contextTree, treeGraph, trimTree } from "./tree-graph.ts";
import { sampleWeights } from "./weights.ts";

/** What a report shows of the graph. */
export interface TrimmedGraph {
	readonly graph: Graph;
	/** of the nodes shown; only for pictures */
	readonly tags: Map<number, NodeTags>;
	/** nodes there were before the count was limited */
	readonly nodesBefore: number;
	/** nodes below nodefraction */
	readonly droppedNodes: number;
	/** edges below edgefraction; not told where the count was limited without effect */
	readonly droppedEdges: number;
}

/** What is needed besides the nodes: no edges, those to nodes that may be inlined, all, or all and the tags. */
export type GraphNeed = "nodes" | "inlining" | "edges" | "picture";

/** A picture has boxes for at most this many tags of a node (dotgraph.go, maxNodelets). */
export const MAX_TAGS = 4;

/**
 * The graph of a report without the nodes and edges that weigh too little and those beyond the count (google/pprof
 * internal/report, newTrimmedGraph). What a node weighs does not change when others are left out, so that only edges are
 * collected again.
 */
export function trimmedGraph(prepared: Prepared, need: GraphNeed): TrimmedGraph {
	const { options, profile, format } = prepared;
	const table = new NodeTable(profile, {
		binaries: format === "callgrind",
		trimPath: (path) => trimmedPath(path, options.trim_path, options.source_path),
	});
	const weights = sampleWeights(prepared.value, prepared.divisor);
	const asTree = options.call_tree && (format === "dot" || format === "callgrind");
	const tree = asTree ? contextTree(profile.samples, table, weights.skip) : undefined;
	const source = { profile, table, tree, weights, bytesUnit: prepared.bytesUnit, outputUnit: options.unit };
	if (tree !== undefined) return trimmedTree(prepared, source, treeGraph(tree, table, weights, options.drop_negative));
	const values = nodeValues(profile.samples, table, weights);
	const nodes = weighedNodes(values, options.drop_negative);
	return trimmedCalls(prepared, source, { table, info: undefined, values, nodes, edges: noEdges }, need);
}

interface Cutoffs {
	readonly node: number;
	readonly edge: number;
}

function cutoffs(prepared: Prepared, graph: Graph): Cutoffs {
	let total = 0;
	for (const node of graph.nodes) total += graph.values.flat.numbers[node]!;
	const { nodefraction, edgefraction } = prepared.options;
	return {
		node: Math.abs(Math.trunc(total * nodefraction)),
		edge: Math.abs(Math.trunc(total * edgefraction)),
	};
}

function heavyNodes(graph: Graph, cutoff: number): Uint32Array {
	return cutoff > 0 ? graph.nodes.filter((n) => Math.abs(graph.values.cum.numbers[n]!) >= cutoff) : graph.nodes;
}

function flagsOf(nodes: Uint32Array, count: number): Uint8Array {
	const flags = new Uint8Array(count);
	for (const node of nodes) flags[node] = 1;
	return flags;
}

type Source = Omit<TagSource, "kept">;

function trimmedCalls(prepared: Prepared, source: Source, graph: Graph, need: GraphNeed): TrimmedGraph {
	const { options } = prepared;
	const { table, weights } = source;
	const cutoff = cutoffs(prepared, graph);
	const all = graph.nodes;
	graph.nodes = heavyNodes(graph, cutoff.node);
	const droppedNodes = all.length - graph.nodes.length;
	const nodesBefore = graph.nodes.length;
	let kept = droppedNodes > 0 ? flagsOf(graph.nodes, table.count) : undefined;
	const collect = (): void => {
		const { samples } = source.profile;
		if (need !== "inlining") graph.edges = collectEdges(samples, table, weights, kept);
		else {
			const wanted = flagsOf(
				graph.nodes.filter((n) => table.inlined[n] === 1),
				table.count,
			);
			graph.edges = collectEdgesInto({ wanted, cutoff: cutoff.edge }, samples, table, weights, kept);
		}
	};
	const picture = need === "picture";
	if (picture) collect();
	sortNodes(graph, picture ? "entropy" : options.sort);
	let silent = false;
	if (options.nodecount > 0) {
		const top = topNodes(source, kept, graph, options.nodecount, cutoff, picture);
		silent = top.length === graph.nodes.length;
		if (!silent) {
			graph.nodes = top;
			kept = flagsOf(top, table.count);
			if (picture) {
				collect();
				sortNodes(graph, "entropy");
			}
		}
	}
	if (need === "edges" || need === "inlining") collect();
	const tags = picture ? collectTags({ ...source, kept }, graph.nodes) : new Map<number, NodeTags>();
	trimTags(tags, cutoff.node);
	const trimmed = trimEdges(graph, cutoff.edge);
	if (picture) removeRedundant(graph);
	return { graph, tags, nodesBefore, droppedNodes, droppedEdges: silent ? 0 : trimmed };
}

function trimmedTree(prepared: Prepared, source: Source, graph: Graph): TrimmedGraph {
	const { options } = prepared;
	const contexts = graph.values.flat.numbers.length;
	const picture = prepared.format === "dot";
	const order = picture ? "entropy" : options.sort;
	const cutoff = cutoffs(prepared, graph);
	const heavy = heavyNodes(graph, cutoff.node);
	const droppedNodes = graph.nodes.length - heavy.length;
	if (droppedNodes > 0) trimTree(graph, flagsOf(heavy, contexts));
	const nodesBefore = graph.nodes.length;
	sortNodes(graph, order);
	let silent = false;
	if (options.nodecount > 0) {
		const top = topNodes(source, undefined, graph, options.nodecount, cutoff, picture);
		trimEdges(graph, cutoff.edge);
		silent = true;
		if (top.length < graph.nodes.length) {
			trimTree(graph, flagsOf(top, contexts));
			sortNodes(graph, order);
		}
	}
	const tags = picture ? collectTags({ ...source, kept: undefined }, graph.nodes) : new Map<number, NodeTags>();
	trimTags(tags, cutoff.node);
	const trimmed = trimEdges(graph, cutoff.edge);
	return { graph, tags, nodesBefore, droppedNodes, droppedEdges: silent ? 0 : trimmed };
}

/** The first nodes up to the count; in pictures the boxes of tags count as nodes (graph.go, selectTopNodes). */
function topNodes(
	source: Source,
	kept: Uint8Array | undefined,
	graph: Graph,
	limit: number,
	cutoff: Cutoffs,
	picture: boolean,
): Uint32Array {
	if (!picture) return graph.nodes.subarray(0, limit);
	const candidates = graph.nodes.subarray(0, limit);
	const tags = collectTags({ ...source, kept }, candidates);
	trimTags(tags, cutoff.node);
	let count = 0;
	for (const [i, node] of candidates.entries()) {
		count += Math.min(shownTags(tags.get(node)), MAX_TAGS) + 1;
		if (count >= limit) return graph.nodes.subarray(0, i + 1);
	}
	return candidates;
}

function shownTags(tags: NodeTags | undefined): number {
	if (tags === undefined) return 0;
	const all = [tags.labels, ...tags.numbers.values()].flatMap((some) => [...some.values()]);
	return all.filter((tag) => tag.flat !== 0).length;
}

/** Kills the edges into nodes shown that weigh less than the cutoff; how many. */
function trimEdges(graph: Graph, cutoff: number): number {
	const { edges } = graph;
	const shown = flagsOf(graph.nodes, graph.values.flat.numbers.length);
	let dropped = 0;
	for (let edge = 0; edge < edges.count; edge++) {
		if (edges.dead[edge] === 1 || shown[edges.callee[edge]!] === 0) continue;
		if (Math.abs(edges.weight.numbers[edge]!) >= cutoff) continue;
		edges.dead[edge] = 1;
		dropped++;
	}
	return dropped;
}

/**
 * Kills residual edges whose callee can be reached from the caller on another way, light ones first, and none heavier than
 * an edge of the same callee that is not residual (graph.go, RemoveRedundantEdges).
 */
function removeRedundant(graph: Graph): void {
	const { edges } = graph;
	const incoming = edgesBy(edges.callee, edges, graph.values.flat.numbers.length);
	const into = (node: number): Uint32Array => incoming.edge.subarray(incoming.start[node], incoming.start[node + 1]);
	for (const node of graph.nodes.toReversed()) {
		const heavyFirst = sortedEdges(
			graph,
			into(node).filter((edge) => edges.dead[edge] === 0),
		);
		for (const edge of heavyFirst.toReversed()) {
			if (edges.residual[edge] === 0) break;
			if (hasOtherWay(edges, edge, into)) edges.dead[edge] = 1;
		}
	}
}

function hasOtherWay(edges: Edges, edge: number, into: (node: number) => Uint32Array): boolean {
	const from = edges.caller[edge]!;
	const queue = [edges.callee[edge]!];
	const seen = new Set(queue);
	for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
		for (const other of into(node)) {
			const caller = edges.caller[other]!;
			if (other === edge || edges.dead[other] === 1 || seen.has(caller)) continue;
			if (caller === from) return true;
			seen.add(caller);
			queue.push(caller);
		}
	}
	return false;
}
