import type { Int64Column } from "../formats/pprof/columns.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { BASE_LABEL } from "./combine/load.ts";
import { type Expansion, expand } from "./flame-expand.ts";
import { type PlaceSums, placeSums } from "./flame-places.ts";
import { FlameStacks } from "./flame-stacks.ts";
import { NodeTable } from "./graph/node-table.ts";
import { trimmedPath } from "./graph/paths.ts";
import type { Prepared } from "./prepare.ts";

/**
 * What a flame graph draws: the heaviest calling contexts of a profile as columns. Node 0 is the root, of all samples; nodes
 * come in the order of a walk that goes down first, heavier callees before lighter ones. Contexts that are left out are
 * counted (`more`) and what they weigh stays in their caller (`rest`), so that totals hold. Sums over the tree are made by
 * flame-sums.ts: a page carries only what each node has of its own.
 */
export interface FlameTree {
	readonly places: FlamePlaces;
	/** by node: row of places */
	readonly place: Uint32Array;
	readonly depth: Uint32Array;
	/** by node 1 where it was inlined into its caller in every sample */
	readonly inlined: Uint8Array;
	/** by node the callees that were left out */
	readonly more: Uint32Array;
	/** one per sample type */
	readonly values: readonly FlameTreeValues[];
	/** row of values that the nodes are ordered by: the one asked for */
	readonly sampleIndex: number;
	/** of what is shown: pprof's divide_by. The values themselves are not divided, so that their sums are not cut twice */
	readonly divideBy: number;
	/** whether the mean is told beside each weight: by what the first sample type counts */
	readonly mean: boolean;
}

/** Functions, or what else the granularity makes of the places in a program; row 0 is the root's. */
export interface FlamePlaces {
	readonly count: number;
	readonly name: readonly string[];
	/** row of files */
	readonly file: Uint32Array;
	/** 0 where the granularity leaves it out */
	readonly line: Uint32Array;
	/** row 0 is "": unknown */
	readonly files: readonly string[];
	/** places that are neither drawn nor heavy enough for the table */
	readonly leftOut: number;
}

/** Of a difference figures may be below 0. */
export interface FlameTreeValues {
	readonly type: string;
	readonly unit: string;
	/** by node what the samples weigh that end there */
	readonly self: Float64Array;
	/** by node what the callees weigh that were left out */
	readonly rest: Float64Array;
	/** by node the two together, and the latter, without the signs of the samples, where some are below 0: widths are made of it */
	readonly size: Float64Array | undefined;
	readonly restSize: Float64Array | undefined;
	/** by node the two of the base alone, in a difference against one (diff_base) */
	readonly base: Float64Array | undefined;
	/** by place what the samples weigh that end in it, and what those weigh that it is in, each once */
	readonly flat: Float64Array;
	readonly cum: Float64Array;
	/** by place cum of the base alone */
	readonly baseCum: Float64Array | undefined;
}

export interface FlameTreeOptions {
	/** share of the whole from which on a context is kept, in any sample type; default 1e-6 */
	readonly least?: number;
	/** contexts kept at most; default 100,000 */
	readonly most?: number;
}

/** Places in the table at most, besides those that are drawn. */
const MOST_LISTED = 3000;

/**
 * The tree of a profile prepared as `stacks`. Filters, granularity, noinlines, tagroot and tagleaf hold; all sample types are
 * there, as a picture can be switched between them. `mean` and `divide_by` are left to who shows the figures.
 */
export function flameTree(prepared: Prepared, options: FlameTreeOptions = {}): FlameTree {
	const { profile } = prepared;
	const { samples } = profile;
	const { trim_path, source_path } = prepared.options;
	const table = new NodeTable(profile, { trimPath: (path) => trimmedPath(path, trim_path, source_path) });
	const sampleIndex = Math.max(samples.values.indexOf(prepared.value), 0);
	const { least = 1e-6, most = 100_000 } = options;
	const base = baseSamples(profile);
	const stacks = new FlameStacks(samples, table);
	const limits = { least, most: Math.max(most, 1) };
	const expansion = expand(samples, stacks, table.count, limits);
	const order = walk(expansion, sizesOf(expansion, samples.values[sampleIndex]?.numbers));
	const sums = placeSums(samples, table);
	const baseSums = base && placeSums(samples, table, base);
	const listed = listedPlaces(expansion, table, sums, samples.values.map(sizeOf));
	return {
		places: placesOf(table, listed),
		place: order.nodes.map((node) => (node === 0 ? 0 : listed.row[expansion.place[node]!]!)),
		depth: order.depths,
		inlined: Uint8Array.from(order.nodes, (node) => expansion.inlined[node]!),
		more: order.nodes.map((node) => expansion.more[node]!),
		values: profile.sampleTypes.map(({ type, unit }, i) => ({
			type,
			unit,
			...ownValues(samples.values[i]!.numbers, expansion, order.position, base),
			...tableValues(sums[i]!, baseSums?.[i], listed.places),
		})),
		sampleIndex,
		// a page is JSON, which has no infinity; divided is nothing by it either
		divideBy: Number.isFinite(prepared.options.divide_by) ? prepared.options.divide_by : 1,
		mean: prepared.options.mean,
	};
}

function sizeOf({ numbers }: Int64Column): number {
	let sum = 0;
	for (let s = 0; s < numbers.length; s++) sum += Math.abs(numbers[s]!);
	return sum;
}

/** By sample 1 where it is of a diff base; undefined where none is. */
function baseSamples(profile: Profile): Uint8Array | undefined {
	const { strings, samples } = profile;
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

/** By node what it and all below it weigh, without the signs of the samples. */
function sizesOf({ count, parent, innermost }: Expansion, numbers: Float64Array = new Float64Array(0)): Float64Array {
	const sizes = new Float64Array(count);
	for (let s = 0; s < numbers.length; s++) if (innermost[s]! >= 0) sizes[innermost[s]!]! += Math.abs(numbers[s]!);
	for (let node = count - 1; node > 0; node--) sizes[parent[node]!]! += sizes[node]!;
	return sizes;
}

interface Walk {
	/** by position the node of the expansion, and its depth */
	readonly nodes: Uint32Array;
	readonly depths: Uint32Array;
	/** by node of the expansion its position */
	readonly position: Uint32Array;
}

function walk({ count, parent }: Expansion, size: Float64Array): Walk {
	const first = new Int32Array(count).fill(-1);
	const next = new Int32Array(count).fill(-1);
	// Lightest first, so that the list of each caller, built from its end, has the heaviest at its head.
	const bySize = Uint32Array.from({ length: count - 1 }, (_, i) => i + 1).sort((a, b) => size[a]! - size[b]! || b - a);
	for (const node of bySize) {
		next[node] = first[parent[node]!]!;
		first[parent[node]!] = node;
	}
	const nodes = new Uint32Array(count);
	const depths = new Uint32Array(count);
	const position = new Uint32Array(count);
	let used = 0;
	for (let node = 0, depth = 0; node >= 0; ) {
		nodes[used] = node;
		depths[used] = depth;
		position[node] = used++;
		let following = first[node]!;
		if (following >= 0) depth++;
		else {
			for (let up = node; following < 0 && up > 0; up = parent[up]!, depth--) following = next[up]!;
			if (following >= 0) depth++;
		}
		node = following;
	}
	return { nodes, depths, position };
}

/** By node what the samples weigh whose innermost node it is. */
function ownValues(
	numbers: Float64Array,
	{ count, innermost, ends }: Expansion,
	position: Uint32Array,
	base: Uint8Array | undefined,
): Pick<FlameTreeValues, "self" | "rest" | "size" | "restSize" | "base"> {
	const signed = numbers.some((value) => value < 0);
	const self = new Float64Array(count);
	const rest = new Float64Array(count);
	const size = signed ? new Float64Array(count) : undefined;
	const restSize = signed ? new Float64Array(count) : undefined;
	const ofBase = base === undefined ? undefined : new Float64Array(count);
	for (let s = 0; s < numbers.length; s++) {
		if (innermost[s]! < 0) continue;
		const at = position[innermost[s]!]!;
		const value = numbers[s]!;
		if (ends[s] === 1) self[at]! += value;
		else rest[at]! += value;
		if (size !== undefined) size[at]! += Math.abs(value);
		if (restSize !== undefined && ends[s] === 0) restSize[at]! += Math.abs(value);
		// The samples of a base were taken off: theirs are below 0.
		if (ofBase !== undefined && base?.[s] === 1) ofBase[at]! -= value;
	}
	return { self, rest, size, restSize, base: ofBase };
}

interface Listed {
	/** rows of the table of nodes */
	readonly places: Uint32Array;
	/** by row of the table of nodes its row in places + 1; 0 is the root's */
	readonly row: Uint32Array;
	readonly leftOut: number;
}

/** The places of the nodes that are kept, and the heaviest of the others. */
function listedPlaces(
	expansion: Expansion,
	table: NodeTable,
	sums: readonly PlaceSums[],
	wholes: readonly number[],
): Listed {
	const row = new Uint32Array(table.count);
	const places: number[] = [];
	for (let node = 1; node < expansion.count; node++) {
		const place = expansion.place[node]!;
		if (row[place] === 0) row[place] = places.push(place);
	}
	const share = new Float64Array(table.count);
	for (const [type, whole] of wholes.entries()) {
		const { flat, cum } = sums[type]!;
		for (let place = 0; place < share.length; place++) {
			const weight = Math.max(Math.abs(flat[place]!), Math.abs(cum[place]!));
			if (weight > 0 && weight / whole > share[place]!) share[place] = weight / whole;
		}
	}
	const others = Uint32Array.from(share.keys()).filter((place) => row[place] === 0 && share[place]! > 0);
	others.sort((a, b) => share[b]! - share[a]! || a - b);
	for (const place of others.subarray(0, MOST_LISTED)) row[place] = places.push(place);
	return { places: Uint32Array.from(places), row, leftOut: Math.max(0, others.length - MOST_LISTED) };
}

function placesOf(table: NodeTable, { places, leftOut }: Listed): FlamePlaces {
	const files = [""];
	const fileRows = new Map<string, number>([["", 0]]);
	const file = new Uint32Array(places.length + 1);
	const line = new Uint32Array(places.length + 1);
	const name = ["root"];
	for (const [i, place] of places.entries()) {
		const path = table.file(place);
		const row = fileRows.get(path) ?? files.push(path) - 1;
		fileRows.set(path, row);
		file[i + 1] = row;
		line[i + 1] = table.line(place);
		name.push(table.functionName(place) || table.name(place));
	}
	return { count: name.length, name, file, line, files, leftOut };
}

function tableValues(
	{ flat, cum }: PlaceSums,
	ofBase: PlaceSums | undefined,
	places: Uint32Array,
): Pick<FlameTreeValues, "flat" | "cum" | "baseCum"> {
	const pick = (of: Float64Array, sign = 1): Float64Array =>
		Float64Array.from({ length: places.length + 1 }, (_, i) => (i === 0 ? 0 : sign * of[places[i - 1]!]! + 0));
	// The samples of a base were taken off: theirs are below 0.
	return { flat: pick(flat), cum: pick(cum), baseCum: ofBase && pick(ofBase.cum, -1) };
}
