import { type NodeTags, sortTags, type Tag, tagCum, tagFlat } from "../graph/tags.ts";
import { MAX_TAGS } from "../graph/trim.ts";
import { label, scale } from "../measurement.ts";

/**
 * The boxes beside a node for the labels of its samples and for their sizes, the heaviest four of each (google/pprof
 * internal/graph/dotgraph.go, addNodelets). `flat`: what the node itself weighs; else, of a leaf of the picture, all.
 */
export function tagBoxes(
	tags: NodeTags | undefined,
	node: string,
	flat: boolean,
	format: (value: number) => string,
): string {
	if (tags === undefined) return "";
	let text = "";
	for (const [i, tag] of sortTags(tags.labels.values(), flat).slice(0, MAX_TAGS).entries()) {
		const weight = flat ? tagFlat(tag) : tagCum(tag);
		if (weight === 0) continue;
		const box = `${node}_${i}`;
		text += boxText(node, box, tag.name, format(weight), "");
		const numbers = tags.numbers.get(tag.name);
		// pprof puts one N more before the boxes of a box
		if (numbers !== undefined) text += numberBoxes(numbers, box, flat, format);
	}
	const numbers = tags.numbers.get("");
	return numbers === undefined ? text : text + numberBoxes(numbers, node, flat, format);
}

function numberBoxes(
	numbers: ReadonlyMap<string, Tag>,
	source: string,
	flat: boolean,
	format: (value: number) => string,
): string {
	let text = "";
	for (const [i, tag] of collapsed([...numbers.values()], flat).entries()) {
		const own = flat || tagFlat(tag) === tagCum(tag);
		const weight = own ? tagFlat(tag) : tagCum(tag);
		if (weight === 0) continue;
		text += boxText(source, `N${source}_${i}`, tag.name, format(weight), own ? "" : ' style="dotted"');
	}
	return text;
}

function boxText(source: string, box: string, name: string, weight: string, style: string): string {
	return (
		`${box} [label = "${name}" id="${box}" fontsize=8 shape=box3d tooltip="${weight}"]\n` +
		`${source} -> ${box} [label=" ${weight}" weight=100 tooltip="${weight}" labeltooltip="${weight}"${style}]\n`
	);
}

/** At most four tags: the heaviest, each with those of the others that are nearest to it in size. */
function collapsed(tags: readonly Tag[], flat: boolean): readonly Tag[] {
	const sorted = sortTags(tags, flat);
	if (sorted.length <= MAX_TAGS) return sorted;
	const groups = sorted.slice(0, MAX_TAGS).map((tag) => [tag]);
	for (const tag of sorted.slice(MAX_TAGS)) {
		let nearest = groups[0]!; // there are MAX_TAGS groups
		for (const group of groups) if (distance(tag, group[0]!) < distance(tag, nearest[0]!)) nearest = group;
		nearest.push(tag);
	}
	return sortTags(groups.map(grouped), flat);
}

function distance(a: Tag, b: Tag): number {
	return Math.abs(scale(a.value, a.unit, b.unit).value - b.value);
}

/** One tag of several: "16B..64B". */
function grouped(group: readonly Tag[]): Tag {
	const first = group[0]!; // groups are not empty
	let least = first;
	let most = first;
	const sums = { flat: 0, flatDivisor: 0, cum: 0, cumDivisor: 0 };
	for (const tag of group) {
		if (Math.trunc(scale(tag.value, tag.unit, least.unit).value) < least.value) least = tag;
		if (Math.trunc(scale(tag.value, tag.unit, most.unit).value) > most.value) most = tag;
		sums.flat += tag.flat;
		sums.flatDivisor += tag.flatDivisor;
		sums.cum += tag.cum;
		sums.cumDivisor += tag.cumDivisor;
	}
	const low = label(least.value, least.unit);
	const name = group.length === 1 ? low : `${low}..${label(most.value, most.unit)}`;
	const { value, unit } = first;
	return {
		name,
		value,
		unit,
		flat: tagFlat({ ...first, ...sums }),
		cum: tagCum({ ...first, ...sums }),
		flatDivisor: 0,
		cumDivisor: 0,
	};
}
