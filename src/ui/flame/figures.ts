import { percent } from "../../figures/figures.ts";
import { changeText, dividedBy, valueText } from "../../figures/value.ts";
import type { FlameTree } from "../../profile/flame-tree.ts";
import type { Picture } from "./picture.ts";

/** What a page says of a node, in words. */
export interface NodeFigures {
	readonly name: string;
	/** "" where unknown */
	readonly place: string;
	/** pairs of what is told and its figure */
	readonly rows: readonly (readonly [what: string, figure: string])[];
}

export function nodeFigures(picture: Picture, node: number): NodeFigures {
	const { tree, unit } = picture;
	const place = tree.place[node]!;
	const { self, rest, size } = tree.values[picture.type]!; // a picture's type is a row
	const weight = (value: number) => weightText(tree, value, unit);
	const change = (value: number) => weightText(tree, value, unit, changeText);
	const file = tree.places.files[tree.places.file[place]!]!;
	const line = tree.places.line[place]!;
	const rows: [string, string][] = [];
	const base = picture.base?.[node];
	if (base !== undefined) {
		const more = picture.total[node]!;
		rows.push(["before", weight(base)], ["now", weight(base + more)]);
		rows.push(["change", `${change(more)}${base > 0 ? ` (${signed(more / base)})` : ""}`]);
	} else {
		const text = size === undefined ? weight : change;
		const share = (value: number) =>
			size === undefined && value !== 0 ? ` · ${shareText(value, picture.total[0]!)}` : "";
		rows.push(["with callees", `${text(picture.total[node]!)}${share(picture.total[node]!)}`]);
		rows.push(["itself", `${text(self[node]!)}${share(self[node]!)}`]);
	}
	const mean = meanOf(picture.total[node]!, picture.counts?.[node]);
	if (mean !== undefined) rows.push(["mean", `${weight(mean)} by ${tree.values[0]!.type}`]); // means are by the first type
	const more = tree.more[node]!;
	if (more > 0) {
		const callees = more === 1 ? "1 smaller callee" : `${more.toLocaleString("en")} smaller callees`;
		rows.push(["not drawn", `${callees}, ${weight(rest[node]!)}`]);
	}
	if (tree.inlined[node] === 1) rows.push(["inlined", "into its caller"]);
	return { name: nameOf(tree, node), place: line > 0 ? `${file}:${line}` : file, rows };
}

/** What something in a page weighs, as text. */
export function weightText(tree: FlameTree, value: number, unit: string, text = valueText): string {
	return text(dividedBy(value, tree.divideBy), unit);
}

/** Cut to a whole number, as pprof's mean is; undefined where none is asked for or nothing was counted. */
export function meanOf(value: number, count: number | undefined): number | undefined {
	return count === undefined || count === 0 ? undefined : Math.trunc(value / count) + 0;
}

/** The name of a node's function. The root is of all samples. */
export function nameOf(tree: FlameTree, node: number): string {
	return node === 0 ? "all" : tree.places.name[tree.place[node]!]!;
}

/** How much of a whole, with a decimal below ten percent; "" for nothing. */
export function shareText(value: number, whole: number): string {
	if (whole === 0 || value === 0) return "";
	const share = Math.abs(value / whole);
	return percent(share, share < 0.0995 ? 1 : 0);
}

function signed(ratio: number): string {
	return `${ratio > 0 ? "+" : ""}${percent(ratio)}`;
}
