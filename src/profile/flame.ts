import { BASE_LABEL } from "./combine/load.ts";
import { NodeTable } from "./graph/node-table.ts";
import { trimmedPath } from "./graph/paths.ts";
import { type ContextTree, contextTree, contextValues } from "./graph/tree-graph.ts";
import type { Prepared } from "./prepare.ts";

/**
 * A flame graph as columns. Node 0 is the root, of all samples; the nodes come in the order of a walk that goes down first,
 * the heaviest callee before the others, so that the nodes below n are those from n + 1 to the next of n's depth or less.
 */
export interface FlameGraph {
	/** the places that nodes are of, each once; 0 is the root's */
	readonly frames: readonly FlameFrame[];
	/** by node: row of frames */
	readonly frame: Uint32Array;
	readonly depth: Uint32Array;
	/** by node: 1 where it was inlined into its caller in all samples */
	readonly inlined: Uint8Array;
	/** one per sample type of the profile */
	readonly values: readonly FlameValues[];
	/** row of values that nodes are ordered by: the one asked for */
	readonly sampleIndex: number;
	/** nodes left out as too small */
	readonly droppedNodes: number;
}

export interface FlameFrame {
	readonly name: string;
	/** "" where unknown */
	readonly file: string;
	/** 0 where the granularity leaves it out */
	readonly line: number;
}

export interface FlameValues {
	readonly type: string;
	readonly unit: string;
	/** by node: what the samples that end there weigh, and what they and all below weigh; of a difference both may be below 0 */
	readonly self: Float64Array;
	readonly total: Float64Array;
	/** of a difference against a base (diff_base): what the base alone weighs */
	readonly baseTotal: Float64Array | undefined;
}

export interface FlameOptions {
	/** nodes below this part of the whole are left out, in every sample type; their weight stays in their callers. Default 0 */
	readonly least?: number;
}

/**
 * The flame graph of a profile prepared as `stacks`. Filters, granularity, noinlines, tagroot and tagleaf hold; all sample
 * types are there, as a picture can be switched between them. `mean` and `divide_by` do not apply.
 */
export function flameGraph(prepared: Prepared, options: FlameOptions = {}): FlameGraph {
	const { profile } = prepared;
	const { samples, sampleTypes } = profile;
	const { trim_path, source_path } = prepared.options;
	const table = new NodeTable(profile, { trimPath: (path) => trimmedPath(path, trim_path, source_path) });
	const tree = contextTree(samples, table, weightless(prepared));
	const base = baseSamples(prepared);
	const columns = samples.values.map(({ numbers }) => ({
		all: contextValues(tree, numbers),
		base: base && contextValues(tree, ofBase(numbers, base)),
		whole: sumOf(numbers),
		baseWhole: base === undefined ? 0 : sumOf(ofBase(numbers, base)),
		rootSelf: numbers.reduce((sum, value, s) => (tree.leaf[s]! < 0 ? sum + value : sum), 0),
	}));
	const sampleIndex = Math.max(samples.values.indexOf(prepared.value), 0);
	const weight = columns[sampleIndex]?.all.cum ?? new Float64Array(tree.count);
	const order = walk(tree, weight, heavyNodes(columns, tree.count, options.least ?? 0));
	const { frame, frames } = framesOf(table, tree, order);
	const pick = (of: Float64Array, root: number): Float64Array =>
		Float64Array.from({ length: order.nodes.length + 1 }, (_, i) => (i === 0 ? root : of[order.nodes[i - 1]!]!));
	return {
		frames,
		frame,
		depth: Uint32Array.from({ length: order.nodes.length + 1 }, (_, i) => (i === 0 ? 0 : order.depths[i - 1]!)),
		inlined: Uint8Array.from({ length: order.nodes.length + 1 }, (_, i) =>
			i === 0 ? 0 : tree.inlined[order.nodes[i - 1]!]!,
		),
		values: columns.map((column, type) => ({
			type: sampleTypes[type]!.type,
			unit: sampleTypes[type]!.unit,
			self: pick(column.all.flat, column.rootSelf),
			total: pick(column.all.cum, column.whole),
			baseTotal: column.base && pick(column.base.cum, column.baseWhole),
		})),
		sampleIndex,
		droppedNodes: tree.count - order.nodes.length,
	};
}

/** 1: the sample weighs nothing in any type */
function weightless(prepared: Prepared): Uint8Array {
	const skip = new Uint8Array(prepared.profile.samples.count).fill(1);
	for (const { numbers } of prepared.profile.samples.values) {
		for (let s = 0; s < skip.length; s++) if (numbers[s] !== 0) skip[s] = 0;
	}
	return skip;
}

/** 1: the sample is of a diff base; undefined where none is */
function baseSamples(prepared: Prepared): Uint8Array | undefined {
	const { strings, samples } = prepared.profile;
	const key = strings.find(BASE_LABEL.key);
	const text = strings.find(BASE_LABEL.value);
	if (key === undefined || text === undefined) return undefined;
	const flags = new Uint8Array(samples.count);
	for (let s = 0; s < flags.length; s++) {
		for (let label = samples.labelStart[s]!; label < samples.labelStart[s + 1]!; label++) {
			if (samples.labels.key[label] === key && samples.labels.text[label] === text) flags[s] = 1;
		}
	}
	return flags.includes(1) ? flags : undefined;
}

/** What the base weighs: its samples were taken off, so that theirs are below 0. */
function ofBase(numbers: Float64Array, base: Uint8Array): Float64Array {
	return numbers.map((value, s) => (base[s] === 1 ? -value + 0 : 0));
}

function sumOf(numbers: Float64Array): number {
	let sum = 0;
	for (let i = 0; i < numbers.length; i++) sum += numbers[i]!;
	return sum;
}

interface TreeColumn {
	readonly all: { readonly cum: Float64Array };
	readonly whole: number;
}

/** 1: at least `least` of the whole in some sample type */
function heavyNodes(columns: readonly TreeColumn[], count: number, least: number): Uint8Array {
	if (least <= 0) return new Uint8Array(count).fill(1);
	const heavy = new Uint8Array(count);
	for (const { all, whole } of columns) {
		const cutoff = Math.abs(whole) * least;
		for (let at = 0; at < count; at++) if (all.cum[at] !== 0 && Math.abs(all.cum[at]!) >= cutoff) heavy[at] = 1;
	}
	return heavy;
}

interface Order {
	readonly nodes: Uint32Array;
	readonly depths: Uint32Array;
}

/** The nodes in the order of the walk. A node is left out with all that is below it. */
function walk(tree: ContextTree, weight: Float64Array, heavy: Uint8Array): Order {
	const first = new Int32Array(tree.count + 1).fill(-1);
	const next = new Int32Array(tree.count).fill(-1);
	// Lightest first, so that the list of each caller, built from its end, has the heaviest at its head.
	const byWeight = Uint32Array.from({ length: tree.count }, (_, i) => i)
		.filter((at) => heavy[at] === 1)
		.sort((a, b) => Math.abs(weight[a]!) - Math.abs(weight[b]!) || b - a);
	for (const at of byWeight) {
		const parent = tree.parent[at]! + 1;
		next[at] = first[parent]!;
		first[parent] = at;
	}
	const nodes = new Uint32Array(byWeight.length);
	const depths = new Uint32Array(byWeight.length);
	let count = 0;
	let depth = 1;
	for (let at = first[0]!; at >= 0; ) {
		nodes[count] = at;
		depths[count++] = depth;
		let following = first[at + 1]!;
		if (following >= 0) depth++;
		else {
			following = next[at]!;
			for (let up = tree.parent[at]!; following < 0 && up >= 0; up = tree.parent[up]!) {
				following = next[up]!;
				depth--;
			}
		}
		at = following;
	}
	return { nodes: nodes.subarray(0, count), depths: depths.subarray(0, count) };
}

function framesOf(
	table: NodeTable,
	tree: ContextTree,
	order: Order,
): { readonly frame: Uint32Array; readonly frames: readonly FlameFrame[] } {
	const rows = new Int32Array(table.count).fill(-1);
	const frames: FlameFrame[] = [{ name: "root", file: "", line: 0 }];
	const frame = new Uint32Array(order.nodes.length + 1);
	for (const [i, at] of order.nodes.entries()) {
		const node = tree.info[at]!;
		if (rows[node]! < 0) {
			const name = table.functionName(node) || table.name(node);
			rows[node] = frames.push({ name, file: table.file(node), line: table.line(node) }) - 1;
		}
		frame[i + 1] = rows[node]!;
	}
	return { frame, frames };
}
