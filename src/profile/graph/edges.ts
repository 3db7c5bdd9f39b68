import type { Int64Column } from "../../formats/pprof/columns.ts";
import type { Samples } from "../../formats/pprof/model.ts";
import { PairIndex } from "../pair-index.ts";
import type { NodeTable } from "./node-table.ts";
import { joined, meanOf, type SampleWeights } from "./weights.ts";

/** Who calls whom. Rows of `dead` edges were trimmed and are to be passed over. */
export interface Edges {
	readonly count: number;
	/** nodes */
	readonly caller: Uint32Array;
	readonly callee: Uint32Array;
	readonly weight: Int64Column;
	readonly divisor: Float64Array | undefined;
	/** 1: between the two there are nodes that are not shown */
	readonly residual: Uint8Array;
	/** 1: the call was inlined wherever it was seen */
	readonly inlined: Uint8Array;
	readonly dead: Uint8Array;
}

export function edgeWeight(edges: Edges, edge: number): number {
	return meanOf(edges.weight.numbers[edge]!, edges.divisor?.[edge]);
}

export const noEdges: Edges = {
	count: 0,
	caller: new Uint32Array(0),
	callee: new Uint32Array(0),
	weight: { numbers: new Float64Array(0), exact: undefined },
	divisor: undefined,
	residual: new Uint8Array(0),
	inlined: new Uint8Array(0),
	dead: new Uint8Array(0),
};

/**
 * The edges between the nodes that are kept (all where undefined). A sample counts once per edge; frames that are not kept
 * make the edge over them residual (google/pprof internal/graph/graph.go, newGraph).
 */
export function collectEdges(
	samples: Samples,
	table: NodeTable,
	weights: SampleWeights,
	kept: Uint8Array | undefined,
): Edges {
	const collector = new EdgeCollector(table.count);
	const columns = [...weights.value, ...(weights.divisor ?? [])];
	const { start, node } = table;
	const { locationStart, location, count } = samples;
	for (let s = 0; s < count; s++) {
		if (weights.skip[s] === 1) continue;
		let parent = -1;
		let residual = 0;
		for (let at = locationStart[s + 1]! - 1; at >= locationStart[s]!; at--) {
			const l = location[at]!; // indexes are in range: the profile's invariants
			const first = start[l]!;
			const last = start[l + 1]! - 1;
			for (let i = last; i >= first; i--) {
				const n = node[i]!;
				if (kept !== undefined && kept[n] === 0) {
					residual = 1;
					continue;
				}
				if (parent >= 0 && n !== parent) {
					collector.add(parent, n, s, residual, i === last ? 0 : 1);
				}
				parent = n;
				residual = 0;
			}
		}
		collector.weigh(columns, s);
	}
	return collector.finish(weights);
}

/** The edges into some nodes that tell whether calls of them are inlined. */
export interface InliningQuestion {
	/** 1: nodes that are asked for */
	readonly wanted: Uint8Array;
	/** what an edge must weigh to count */
	readonly cutoff: number;
}

/**
 * Of those edges the ones into some nodes, without telling which are residual: most frames are passed over. Of a node that
 * is inlined wherever it stands, no more are collected once one of them weighs enough to count: then it is answered.
 */
export function collectEdgesInto(
	{ wanted: asked, cutoff }: InliningQuestion,
	samples: Samples,
	table: NodeTable,
	weights: SampleWeights,
	kept: Uint8Array | undefined,
): Edges {
	if (!asked.includes(1)) return noEdges;
	const collector = new EdgeCollector(table.count);
	const columns = [...weights.value, ...(weights.divisor ?? [])];
	const { start, node } = table;
	const { locationStart, location, count } = samples;
	const wanted = asked.slice();
	const always = canOnlyGrow(columns) ? alwaysInlined(table) : undefined;
	const interesting = new Uint8Array(start.length - 1);
	for (let l = 0; l < interesting.length; l++) {
		for (let i = start[l]!; i < start[l + 1]!; i++) if (wanted[node[i]!] === 1) interesting[l] = 1;
	}
	for (let s = 0; s < count; s++) {
		if (weights.skip[s] === 1) continue;
		const end = locationStart[s + 1]!;
		// from the root, as collectEdges goes: of several edges between two nodes only the first in a sample counts
		for (let at = end - 1; at >= locationStart[s]!; at--) {
			const l = location[at]!;
			if (interesting[l] === 0) continue;
			const last = start[l + 1]! - 1;
			for (let i = last; i >= start[l]!; i--) {
				const n = node[i]!;
				if (wanted[n] === 0) continue;
				const caller = callerOf(samples, table, kept, at, i, end);
				if (caller < 0 || caller === n) continue;
				const weight = collector.add(caller, n, s, 0, i === last ? 0 : 1);
				if (always?.[n] === 1 && weight >= cutoff) wanted[n] = 0;
			}
		}
		collector.weigh(columns, s);
	}
	return collector.finish(weights);
}

/** Whether what an edge weighs so far is never more than what it will weigh: one column, nothing below zero. */
function canOnlyGrow(columns: readonly Float64Array[]): boolean {
	const [only, ...others] = columns;
	return only !== undefined && others.length === 0 && only.every((value) => value >= 0);
}

/** Flags of the nodes that are outermost in no location. */
function alwaysInlined(table: NodeTable): Uint8Array {
	const flags = new Uint8Array(table.count).fill(1);
	for (let l = 0; l + 1 < table.start.length; l++) flags[table.node[table.start[l + 1]! - 1]!] = 0;
	return flags;
}

/** The nearest kept node above the one at position i of the location at `at`, or -1. */
function callerOf(
	samples: Samples,
	table: NodeTable,
	kept: Uint8Array | undefined,
	at: number,
	i: number,
	end: number,
): number {
	let next = i + 1;
	for (let above = at; above < end; above++) {
		const l = samples.location[above]!;
		if (above > at) next = table.start[l]!;
		for (; next < table.start[l + 1]!; next++) {
			const n = table.node[next]!;
			if (kept === undefined || kept[n] === 1) return n;
		}
	}
	return -1;
}

/** Edges as they come up, with an entry for the last caller of each node: most calls are from the same as before. */
class EdgeCollector {
	readonly #index = new PairIndex(1024);
	readonly #lastCaller: Int32Array;
	readonly #lastEdge: Int32Array;
	/** by edge: the last sample that passed through it, plus 1 */
	#seen = new Uint32Array(1024);
	#residual = new Uint8Array(1024);
	#inlined = new Uint8Array(1024);
	/** the edges of the sample at hand, each once */
	#open = new Uint32Array(256);
	#openCount = 0;
	#sums: Float64Array[] = [];

	constructor(nodes: number) {
		this.#lastCaller = new Int32Array(nodes).fill(-1);
		this.#lastEdge = new Int32Array(nodes);
	}

	/** Returns what the edge weighs without this sample. */
	add(caller: number, callee: number, sample: number, residual: number, inlined: number): number {
		let edge: number;
		if (this.#lastCaller[callee] === caller) edge = this.#lastEdge[callee]!;
		else {
			edge = this.#index.of(caller, callee);
			this.#lastCaller[callee] = caller;
			this.#lastEdge[callee] = edge;
		}
		if (edge >= this.#seen.length) this.#grow();
		if (this.#seen[edge] === sample + 1) return 0;
		if (this.#seen[edge] === 0) this.#inlined[edge] = 1;
		this.#seen[edge] = sample + 1;
		this.#residual[edge]! |= residual;
		this.#inlined[edge]! &= inlined;
		if (this.#openCount === this.#open.length) {
			const larger = new Uint32Array(this.#open.length * 2);
			larger.set(this.#open);
			this.#open = larger;
		}
		this.#open[this.#openCount++] = edge;
		return this.#sums[0]?.[edge] ?? 0;
	}

	/** Adds what the sample weighs to its edges. */
	weigh(columns: readonly Float64Array[], sample: number): void {
		for (let c = 0; c < columns.length; c++) {
			let sums = this.#sums[c];
			if (sums === undefined || sums.length < this.#seen.length) {
				const larger = new Float64Array(this.#seen.length);
				if (sums !== undefined) larger.set(sums);
				this.#sums[c] = sums = larger;
			}
			const w = columns[c]![sample]!;
			for (let i = 0; i < this.#openCount; i++) {
				const edge = this.#open[i]!;
				sums[edge] = sums[edge]! + w;
			}
		}
		this.#openCount = 0;
	}

	#grow(): void {
		const size = this.#seen.length * 2;
		const seen = new Uint32Array(size);
		const residual = new Uint8Array(size);
		const inlined = new Uint8Array(size);
		seen.set(this.#seen);
		residual.set(this.#residual);
		inlined.set(this.#inlined);
		this.#seen = seen;
		this.#residual = residual;
		this.#inlined = inlined;
	}

	finish(weights: SampleWeights): Edges {
		const { count } = this.#index;
		const sums = this.#sums.map((column) => column.slice(0, count));
		const values = weights.value.length;
		return {
			count,
			caller: new Uint32Array(this.#index.firsts().buffer),
			callee: new Uint32Array(this.#index.seconds().buffer),
			weight: joined(sums.slice(0, values)),
			divisor: weights.divisor && joined(sums.slice(values)).numbers,
			residual: this.#residual.slice(0, count),
			inlined: this.#inlined.slice(0, count),
			dead: new Uint8Array(count),
		};
	}
}

/** The living edges by one of their ends: those of node n are edge[start[n]] to edge[start[n + 1] - 1]. */
export interface EdgeLists {
	readonly start: Uint32Array;
	readonly edge: Uint32Array;
}

export function edgesBy(ends: Uint32Array, edges: Edges, nodes: number): EdgeLists {
	const start = new Uint32Array(nodes + 1);
	for (let e = 0; e < edges.count; e++) if (edges.dead[e] === 0) start[ends[e]! + 1]!++;
	for (let n = 0; n < nodes; n++) start[n + 1]! += start[n]!;
	const next = start.slice();
	const edge = new Uint32Array(start[nodes] ?? 0);
	for (let e = 0; e < edges.count; e++) if (edges.dead[e] === 0) edge[next[ends[e]!]!++] = e;
	return { start, edge };
}
