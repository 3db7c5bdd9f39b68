import type { SpansResult } from "../../api/spans.ts";
import { bytes, count } from "../../figures/figures.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

type Span = SpansResult["sparsest"]["spans"][number];
type LeftOut = SpansResult["sparsest"]["leftOut"];
type Occupancy = SpansResult["occupancy"][number];

/** How full the spans are, and the emptiest of them one by one. */
export function sparsestLines(r: SpansResult, terminal: Terminal): string[] {
	const out = ["", `  ${terminal.style("bold", "How full the spans are")} that no P allocates from`];
	const rows = r.occupancy.filter((row) => row.spans > 0).map((row) => [...occupancy(row, r.occupancy)]);
	if (rows.length === 0) return [];
	out.push(...indented(table(OCCUPANCY, rows, terminal.columns - 2), terminal));
	// where rates are watched, the list would be the same each time
	if (r.sparsest.spans.length === 0 || r.rates !== undefined) return out;
	out.push("", `  ${terminal.style("bold", "The sparsest")}: fewest live bytes; empty, each would be free`);
	out.push(...spans(r, r.sparsest.spans, "sparsest", terminal), ...leftOut(r.sparsest.leftOut, terminal));
	return out;
}

/** The spans of a class. */
export function listLines(r: SpansResult, list: NonNullable<SpansResult["list"]>, terminal: Terminal): string[] {
	if (list.spans.length === 0) return list.leftOut.spans === 0 ? [] : ["", ...leftOut(list.leftOut, terminal)];
	const order = { waste: "most waste", live: "fewest live bytes", resident: "most resident", size: "largest" } as const;
	const by = list.sort === "address" ? "by address" : `${order[list.sort]} first`;
	return [
		"",
		`  ${terminal.style("bold", `Spans of class ${list.class}`)}, ${by}`,
		...spans(r, list.spans, "class", terminal),
		...leftOut(list.leftOut, terminal),
	];
}

const OCCUPANCY = [
	{ head: "live slots" },
	{ head: "spans", right: true },
	{ head: "would be free", right: true },
	{ head: "live bytes in them", right: true },
];

function occupancy(row: Occupancy, all: readonly Occupancy[]): readonly string[] {
	const before = all[all.indexOf(row) - 1]?.upTo ?? 0;
	const name =
		row.upTo === 0
			? "none: garbage, not yet swept"
			: row.upTo === 1
				? `above ${fraction(before)}`
				: `up to ${fraction(row.upTo)}`;
	return [name, count(row.spans), row.upTo === 1 ? "" : bytes(row.spanBytes), bytes(row.liveBytes)];
}

/** 0.0625 → 1/16, 0.75 → 3/4: the shares are of sixteenths. */
function fraction(share: number): string {
	let [over, under] = [share * 16, 16];
	while (over % 2 === 0 && under > 1) [over, under] = [over / 2, under / 2];
	return `${over}/${under}`;
}

/** What tells spans apart in both lists, and what only one of them needs. */
const SPANS: readonly { readonly head: string; readonly right: boolean; readonly in: "both" | "sparsest" | "class" }[] =
	[
		{ head: "start", right: true, in: "both" },
		{ head: "pages", right: true, in: "both" },
		{ head: "slot", right: true, in: "sparsest" },
		{ head: "objects", right: true, in: "both" },
		{ head: "dead", right: true, in: "both" },
		{ head: "freeindex", right: true, in: "class" },
		{ head: "waste", right: true, in: "both" },
		{ head: "resident", right: true, in: "both" },
		{ head: "sweep", right: false, in: "both" },
		{ head: "", right: false, in: "both" },
	];

function spans(r: SpansResult, list: readonly Span[], where: "sparsest" | "class", terminal: Terminal): string[] {
	const shown = SPANS.map((column) => column.in === "both" || column.in === where);
	const rows = list.map((s) =>
		[
			s.startAddr,
			count(s.npages),
			bytes(s.elemsize),
			`${count(s.allocCount)} of ${count(s.nelems)}`,
			s.deadObjects === 0 ? "" : count(s.deadObjects),
			count(s.freeindex),
			bytes(s.wasteBytes),
			s.residentBytes === undefined ? "?" : bytes(s.residentBytes),
			s.cachedBy === undefined ? s.sweep : s.sweep.replace("cached", `P ${s.cachedBy}`),
			s.noscan ? "noscan" : "",
		].filter((_, i) => shown[i]),
	);
	const name = (head: string) => (r.core !== undefined && head === "resident" ? "in the core" : head);
	const columns = SPANS.filter((_, i) => shown[i]).map((column) => ({ ...column, head: name(column.head) }));
	return indented(table(columns, rows, terminal.columns - 2), terminal);
}

function leftOut(left: LeftOut, terminal: Terminal): string[] {
	if (left.spans === 0) return [];
	return [terminal.style("dim", `  … ${count(left.spans)} more, ${bytes(left.spanBytes)} (--limit)`)];
}

function indented(text: string, terminal: Terminal): string[] {
	return text.split("\n").map((line, i) => `  ${i === 0 ? terminal.style("dim", line) : line}`);
}
