import type { SpansResult } from "../../api/spans.ts";
import { bytes, count, duration, percent } from "../../figures/figures.ts";
import { align, clip, table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { pauseText, ranOn } from "./pause-text.ts";
import { cacheLines, centralLines } from "./spans-caches.ts";
import { listLines, sparsestLines } from "./spans-list.ts";

type Row = SpansResult["classes"][number];

/** Size classes that are shown without --all. */
const ROWS = 12;

/** What the heap in use is made of, the classes that waste most, and the spans that few objects hold. */
export function render(r: SpansResult, terminal: Terminal): string {
	const out = [header(r, terminal), "", ...totals(r, terminal), ""];
	if (r.list === undefined) out.push(...classes(r, terminal), ...sparsestLines(r, terminal));
	else out.push(...oneClass(r, r.list, terminal));
	if (r.view.caches) out.push(...cacheLines(r, terminal), ...centralLines(r, terminal));
	const missing = r.unavailable.map((part) => `  missing: ${part.part}: ${part.why}`);
	const end = ["", ...missing, ...(missing.length === 0 ? [] : [""]), terminal.style("dim", cost(r))];
	const fit = (line: string) => clip(line, terminal.columns);
	// a command is to be copied whole, however long it is
	return [...out.map(fit), ...next(r, terminal), ...end.map(fit)].join("\n");
}

function header(r: SpansResult, terminal: Terminal): string {
	const t = r.target;
	return [
		terminal.style("bold", t.name),
		...(t.pid === undefined ? [] : [`pid ${t.pid}`]),
		...(t.goVersion === undefined ? [] : [t.goVersion]),
		many(r.totals.spans, "span"),
		`${many(r.classes.filter((row) => row.spans > 0).length, "size class", "size classes")} in use`,
	].join(" · ");
}

function totals(r: SpansResult, terminal: Terminal): string[] {
	const t = r.totals;
	const line = (label: string, text: string) => `  ${align(terminal.style("bold", label), 12, false)}${text}`;
	const garbage = t.deadObjects === 0 ? "" : `; ${bytes(t.deadBytes)} of it garbage, not yet swept`;
	const out = [
		line(
			"HeapInuse",
			`${bytes(t.spanBytes)} = ${bytes(t.objectBytes)} objects + ${bytes(t.freeSlotBytes)} free slots + ${bytes(t.tailBytes)} tails + ${bytes(t.bitmapBytes)} bitmaps`,
		),
		line("HeapAlloc", `${bytes(t.objectBytes)} in ${many(t.objects, "object")}${garbage}`),
	];
	if (t.residentBytes !== undefined) {
		out.push(
			line(
				r.core === undefined ? "resident" : "in the core",
				`${bytes(t.residentBytes)}; ${bytes(t.residentWasteBytes ?? 0)} of it free slots and tails`,
			),
		);
	}
	if (r.caches !== undefined) out.push(line("caches", caches(r.caches)));
	if (r.rates !== undefined) out.push(line("allocated", rates(r.rates)));
	return out;
}

function caches(ps: NonNullable<SpansResult["caches"]>): string {
	const sum = (of: (p: (typeof ps)[number]) => number) => ps.reduce((all, p) => all + of(p), 0);
	const stacks = sum((p) => p.stackBytes.reduce((all, one) => all + one, 0));
	return [
		`${ps.length} ${ps.length === 1 ? "P caches" : "Ps cache"} ${many(
			sum((p) => p.spans),
			"span",
		)} with ${bytes(sum((p) => p.freeSlotBytes))} in ${count(sum((p) => p.freeSlots))} free slots`,
		`${bytes(stacks)} of free stacks`,
	].join(" · ");
}

function rates(r: NonNullable<SpansResult["rates"]>): string {
	return [
		`${perSecond(r.allocationsPerSecond)} objects/s, ${bytes(r.bytesPerSecond)}/s`,
		...(r.tinyPerSecond > 0 ? [`${perSecond(r.tinyPerSecond)}/s in tiny blocks`] : []),
		...(r.refillsPerSecond === undefined ? [] : [`${perSecond(r.refillsPerSecond)} refills/s`]),
		`over ${duration(r.seconds * 1000)}, ${many(r.collections, "GC")}`,
	].join(" · ");
}

/** `0.4`, `12`, `1,204`. */
function perSecond(value: number): string {
	return value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value));
}

function classes(r: SpansResult, terminal: Terminal): string[] {
	const weight = (row: Row) => (r.rates === undefined ? row.wasteBytes : (row.rates?.bytesPerSecond ?? 0));
	const sorted = r.view.all ? r.classes : [...r.classes].sort((a, b) => weight(b) - weight(a) || a.class - b.class);
	const shown = r.view.all ? sorted : sorted.slice(0, ROWS);
	const rest = sorted.slice(shown.length);
	const columns = columnsOf(r);
	const rows = shown.map((row) => columns.map((column) => column.cell(row)));
	const lines = table(columns, rows, terminal.columns - 2).split("\n");
	const out = lines.map((line, i) => `  ${i === 0 ? terminal.style("dim", line) : line}`);
	if (rest.length > 0) {
		const waste = rest.reduce((sum, row) => sum + row.wasteBytes, 0);
		out.push(
			terminal.style("dim", `  … ${many(rest.length, "more class", "more classes")}, ${bytes(waste)} waste (--all)`),
		);
	}
	if (r.rates !== undefined) out.push(...refillNotes(shown, terminal));
	return out;
}

interface ClassColumn {
	readonly head: string;
	readonly right: boolean;
	cell(row: Row): string;
}

const column = (head: string, cell: (row: Row) => string): ClassColumn => ({ head, right: true, cell });

const SLOT = [
	column("class", (row) => String(row.class)),
	column("slot", (row) => (row.class === 0 ? "large" : `${count(row.size)} B`)),
	column("spans", (row) => count(row.spans)),
	column("objects", (row) => count(row.objects)),
] as const;

const AMOUNTS: readonly ClassColumn[] = [
	...SLOT,
	column("free slots", (row) => count(row.freeSlots)),
	column("used", (row) => (row.spanBytes === 0 ? "" : percent(row.objectBytes / row.spanBytes))),
	column("waste", (row) => bytes(row.wasteBytes)),
	column("of it noscan", (row) => bytes(row.noscan.wasteBytes)),
	column("resident", (row) => (row.residentBytes === undefined ? "?" : bytes(row.residentBytes))),
];

function columnsOf(r: SpansResult): readonly ClassColumn[] {
	if (r.rates !== undefined) return RATES;
	return r.core === undefined
		? AMOUNTS
		: AMOUNTS.map((one) => (one.head === "resident" ? { ...one, head: "in the core" } : one));
}

const RATES: readonly ClassColumn[] = [
	...SLOT,
	column("waste", (row) => bytes(row.wasteBytes)),
	column("allocs/s", (row) => perSecond(row.rates?.allocationsPerSecond ?? 0)),
	column("bytes/s", (row) => bytes(row.rates?.bytesPerSecond ?? 0)),
	column("refills/s", (row) => refills(row)),
	column("misses", (row) => misses(row)),
];

const MARKS = { counted: "", estimated: "~", "at-least": "≥" } as const;

function refills({ rates: r }: Row): string {
	if (r?.refillsPerSecond === undefined || r.refillsFrom === undefined) return "";
	return r.refillsPerSecond === 0 ? "0" : `${MARKS[r.refillsFrom]}${perSecond(r.refillsPerSecond)}`;
}

/** How many allocations come to one that finds the cached span full. */
function misses({ rates: r }: Row): string {
	if (r?.refillsPerSecond === undefined || r.refillsPerSecond === 0 || r.allocationsPerSecond === 0) return "";
	return `1 in ${count(Math.max(1, Math.round(r.allocationsPerSecond / r.refillsPerSecond)))}`;
}

function refillNotes(rows: readonly Row[], terminal: Terminal): string[] {
	const from = new Set(rows.flatMap((row) => (row.rates?.refillsPerSecond ? [row.rates.refillsFrom] : [])));
	const note = (text: string) => terminal.style("dim", `  ${text}`);
	return [
		...(from.has("estimated")
			? [note("~ estimated from the slots that the cached spans were given: a GC came between")]
			: []),
		...(from.has("at-least") ? [note("≥ at least so many: a GC came between")] : []),
	];
}

function oneClass(r: SpansResult, list: NonNullable<SpansResult["list"]>, terminal: Terminal): string[] {
	const row = r.classes.find((one) => one.class === list.class);
	if (row === undefined) return [`  no spans of class ${list.class}`];
	const columns = columnsOf(r);
	const [head = "", cells = ""] = table(columns, [columns.map((one) => one.cell(row))], terminal.columns - 2).split(
		"\n",
	);
	return [terminal.style("dim", `  ${head}`), `  ${cells}`, ...listLines(r, list, terminal)];
}

function next(r: SpansResult, terminal: Terminal): string[] {
	if (r.list !== undefined) return [];
	return r.next.flatMap(({ command, says }) => {
		const beside = command.length + says.length + 11 <= terminal.columns;
		const line = `  ${terminal.style("bold", "Next")}  ${command}${beside ? `   ${says}` : ""}`;
		return ["", line, ...(beside ? [] : [clip(`        ${says}`, terminal.columns)])];
	});
}

function many(n: number, what: string, plural = `${what}s`): string {
	return `${count(n)} ${n === 1 ? what : plural}`;
}

function cost(r: SpansResult): string {
	if (r.core !== undefined) return `read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read of a core`;
	const still = ranOn(r) ? "its heap did not move" : "it stood still";
	const blur = r.blur.heapBytes === 0 ? still : `heap ±${bytes(r.blur.heapBytes)}, it moves (--pause for exact)`;
	return `read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read · ${pauseText(r)} · ${blur}`;
}
