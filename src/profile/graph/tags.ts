import type { Profile } from "../../formats/pprof/model.ts";
import { BASE_LABEL } from "../combine/load.ts";
import { compareText } from "../go-format.ts";
import { scaledLabel } from "../measurement.ts";
import { PairIndex } from "../pair-index.ts";
import { SequenceIndex } from "../sequence-index.ts";
import type { NodeTable } from "./node-table.ts";
import type { ContextTree } from "./tree-graph.ts";
import { meanOf, type SampleWeights } from "./weights.ts";

/** What the samples with one label, or one number, weigh at a node. */
export interface Tag {
	readonly name: string;
	/** of a number: the first that has this name */
	readonly value: number;
	/** "" for a label */
	readonly unit: string;
	flat: number;
	flatDivisor: number;
	cum: number;
	cumDivisor: number;
}

/** Labels of a node by their text, and by the same text the numbers of the samples that have it; "" for those without. */
export interface NodeTags {
	labels: Map<string, Tag>;
	readonly numbers: Map<string, Map<string, Tag>>;
}

export function tagFlat(tag: Tag): number {
	return meanOf(tag.flat, tag.flatDivisor);
}

export function tagCum(tag: Tag): number {
	return meanOf(tag.cum, tag.cumDivisor);
}

export interface TagSource {
	readonly profile: Profile;
	readonly table: NodeTable;
	/** of a call tree; undefined for a graph */
	readonly tree: ContextTree | undefined;
	readonly weights: SampleWeights;
	/** 1: the nodes that the graph has; undefined for all */
	readonly kept: Uint8Array | undefined;
	/** the unit of the numeric label "bytes", the only one that graphs show */
	readonly bytesUnit: string;
	readonly outputUnit: string;
}

/** The tags of the given nodes (google/pprof internal/graph, addSample; internal/report, newGraph). */
export function collectTags(source: TagSource, nodes: Uint32Array): Map<number, NodeTags> {
	const combos = new LabelCombos(source);
	const walk = nodeWalk(source);
	const wanted = new Uint8Array(source.tree?.count ?? source.table.count);
	for (const node of nodes) wanted[node] = 1;
	const rows = new PairIndex(1024);
	const sums: number[] = [];
	const add = (node: number, combo: number, sample: number, at: 0 | 2): void => {
		const row = rows.of(node, combo) * 4 + at;
		while (sums.length <= row + 3) sums.push(0);
		sums[row] = sums[row]! + weightOf(source.weights.value, sample);
		if (source.weights.divisor !== undefined) {
			sums[row + 1] = sums[row + 1]! + weightOf(source.weights.divisor, sample);
		}
	};
	for (let s = 0; s < source.profile.samples.count; s++) {
		if (source.weights.skip[s] === 1) continue;
		const combo = combos.of(s);
		if (combo === 0) continue;
		const leaf = walk(s, (node) => {
			if (wanted[node] === 1) add(node, combo, s, 2);
		});
		if (leaf >= 0 && wanted[leaf] === 1) add(leaf, combo, s, 0);
	}
	const tags = new Map<number, NodeTags>();
	for (const node of nodes) tags.set(node, { labels: new Map(), numbers: new Map() });
	const nodeOf = rows.firsts();
	const comboOf = rows.seconds();
	for (let row = 0; row < rows.count; row++) {
		const [flat = 0, flatDivisor = 0, cum = 0, cumDivisor = 0] = sums.slice(row * 4, row * 4 + 4);
		combos.addTo(tags.get(nodeOf[row]!)!, comboOf[row]!, { flat, flatDivisor, cum, cumDivisor }); // wanted ones
	}
	return tags;
}

function weightOf(columns: readonly Float64Array[], sample: number): number {
	const low = columns[0]?.[sample] ?? 0;
	return columns.length > 1 ? (columns[1]?.[sample] ?? 0) * 2 ** 32 + low : low;
}

/**
 * A walk over the nodes of a sample: calls back for each once, and returns the node of the innermost frame, or -1 where
 * that is not kept.
 */
function nodeWalk(source: TagSource): (sample: number, visit: (node: number) => void) => number {
	const { tree, table, kept } = source;
	if (tree !== undefined) {
		return (sample, visit) => {
			for (let at = tree.leaf[sample]!; at >= 0; at = tree.parent[at]!) visit(at);
			return tree.leaf[sample]!;
		};
	}
	const { locationStart, location } = source.profile.samples;
	const seen = new Int32Array(table.count).fill(-1);
	return (sample, visit) => {
		const first = locationStart[sample]!;
		const end = locationStart[sample + 1]!;
		for (let at = first; at < end; at++) {
			const l = location[at]!;
			for (let i = table.start[l]!; i < table.start[l + 1]!; i++) {
				const node = table.node[i]!;
				if (seen[node] === sample || (kept !== undefined && kept[node] === 0)) continue;
				seen[node] = sample;
				visit(node);
			}
		}
		if (first === end) return -1;
		const leaf = table.node[table.start[location[first]!]!]!;
		return kept !== undefined && kept[leaf] === 0 ? -1 : leaf;
	};
}

type Sums = Pick<Tag, "flat" | "flatDivisor" | "cum" | "cumDivisor">;

/** The labels of a sample, as graphs look at them; equal ones share a number, and 0 is none. */
class LabelCombos {
	readonly #source: TagSource;
	readonly #index = new SequenceIndex();
	readonly #words: number[] = [];
	/** by combination one sample that has it */
	readonly #samples: number[] = [];
	readonly #expanded: (readonly [label: string, numbers: readonly number[]] | undefined)[] = [];
	readonly #bytesKey: number;
	readonly #baseKey: number;

	constructor(source: TagSource) {
		this.#source = source;
		this.#bytesKey = source.profile.strings.find("bytes") ?? -1;
		this.#baseKey = source.profile.strings.find(BASE_LABEL.key) ?? -1;
		this.#index.of(new Int32Array(0), 0);
		this.#samples.push(-1);
	}

	of(sample: number): number {
		const { labelStart, labels } = this.#source.profile.samples;
		const words = this.#words;
		words.length = 0;
		for (let label = labelStart[sample]!; label < labelStart[sample + 1]!; label++) {
			const key = labels.key[label]!;
			const text = labels.text[label]!;
			if (text >= 0 ? key === this.#baseKey : key !== this.#bytesKey) continue;
			const number = labels.number.numbers[label]!;
			words.push(key, text, number, Math.floor(number / 2 ** 32));
		}
		if (words.length === 0) return 0;
		const before = this.#index.count;
		const combo = this.#index.of(Int32Array.from(words), words.length);
		if (this.#index.count > before) this.#samples.push(sample);
		return combo;
	}

	/** Adds what one combination weighs to the tags of a node. */
	addTo(tags: NodeTags, combo: number, sums: Sums): void {
		const { bytesUnit, outputUnit } = this.#source;
		this.#expanded[combo] ??= this.#expand(combo);
		const [label, numbers] = this.#expanded[combo];
		if (label !== "") addSums(tags.labels, label, 0, "", sums);
		if (numbers.length === 0) return;
		let byName = tags.numbers.get(label);
		if (byName === undefined) {
			byName = new Map();
			tags.numbers.set(label, byName);
		}
		for (const value of numbers) addSums(byName, scaledLabel(value, bytesUnit, outputUnit), value, bytesUnit, sums);
	}

	#expand(combo: number): readonly [label: string, numbers: readonly number[]] {
		const { strings, samples } = this.#source.profile;
		const { labelStart, labels } = samples;
		const sample = this.#samples[combo]!; // one per combination
		const texts: string[] = [];
		const numbers: number[] = [];
		for (let label = labelStart[sample]!; label < labelStart[sample + 1]!; label++) {
			const key = labels.key[label]!;
			const text = labels.text[label]!;
			if (text >= 0 && key !== this.#baseKey) texts.push(`${strings.text(key)}:${strings.text(text)}`);
			if (text < 0 && key === this.#bytesKey) numbers.push(labels.number.numbers[label]!);
		}
		return [texts.sort(compareText).join("\\n"), numbers];
	}
}

function addSums(tags: Map<string, Tag>, name: string, value: number, unit: string, sums: Sums): void {
	const tag = tags.get(name);
	if (tag === undefined) {
		tags.set(name, { name, value, unit, ...sums });
		return;
	}
	tag.flat += sums.flat;
	tag.flatDivisor += sums.flatDivisor;
	tag.cum += sums.cum;
	tag.cumDivisor += sums.cumDivisor;
}

/** Drops the tags that weigh less than the cutoff (graph.go, TrimLowFrequencyTags). */
export function trimTags(tags: Map<number, NodeTags>, cutoff: number): void {
	const heavy = (tag: Tag): boolean => Math.abs(tag.flat) >= cutoff || Math.abs(tag.cum) >= cutoff;
	const trimmed = (some: Map<string, Tag>): Map<string, Tag> => new Map([...some].filter(([, tag]) => heavy(tag)));
	for (const one of tags.values()) {
		one.labels = trimmed(one.labels);
		for (const [label, numbers] of one.numbers) one.numbers.set(label, trimmed(numbers));
	}
}

/** By weight, cum before flat unless only flat is shown, then by name (graph.go, SortTags). */
export function sortTags(tags: Iterable<Tag>, flat: boolean): readonly Tag[] {
	return [...tags].sort((a, b) => {
		if (!flat && a.cum !== b.cum) return Math.abs(b.cum) - Math.abs(a.cum);
		if (a.flat !== b.flat) return Math.abs(b.flat) - Math.abs(a.flat);
		return compareText(a.name, b.name);
	});
}
