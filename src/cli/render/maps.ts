import type { MapsOwner, MapsResult } from "../../api/maps-shape.ts";
import { bytes, count, duration } from "../../figures/figures.ts";
import { isWithin } from "../../ledger/lines.ts";
import { align, clip, table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { changeRows, mappingRows } from "./maps-rows.ts";
import { pauseText } from "./pause-text.ts";

/** Who it is and the sums; a row per owner, or per mapping with --all; what changed; what could not be read; the cost. */
export function render(r: MapsResult, terminal: Terminal): string {
	const each = r.view.all || r.view.owner !== undefined;
	const body = each && r.mappings.length > 0 ? mappingRows(r, terminal) : ownerRows(r, terminal);
	const out = [
		clip(header(r, terminal), terminal.rowColumns),
		"",
		...totals(r).map((line) => clip(line, terminal.rowColumns)),
		"",
		...body,
		...(each && r.mappings.length === 0 && r.view.owner !== undefined && r.owners.length > 0
			? ["", clip(`  nothing here is ${r.view.owner}; ids are such as ${ids(r)}`, terminal.columns)]
			: []),
		...changeRows(r, terminal),
		...missing(r, terminal),
		"",
		terminal.style("dim", clip(cost(r), terminal.rowColumns)),
	];
	return out.join("\n");
}

function header(r: MapsResult, terminal: Terminal): string {
	const t = r.target;
	return [
		terminal.style("bold", t.name),
		...(t.pid === undefined ? [] : [`pid ${t.pid}`]),
		t.goVersion ?? "not a Go program that gomem can read",
		...(t.uptimeSeconds === undefined ? [] : [`up ${duration(t.uptimeSeconds * 1000)}`]),
		...(t.container === undefined ? [] : [t.container]),
		...(r.core === undefined ? [] : [`core ${r.core.file}`]),
	].join(" · ");
}

function totals(r: MapsResult): string[] {
	const mappings = r.owners.reduce((n, owner) => n + owner.mappings, 0);
	const resident = r.core === undefined ? "RSS" : "in the core";
	const parts = [
		...(r.rssBytes === undefined ? [] : [`${resident} ${bytes(r.rssBytes)}`]),
		...(r.pssBytes === undefined ? [] : [`PSS ${bytes(r.pssBytes)}`]),
		...(r.privateDirtyBytes === undefined ? [] : [`private dirty ${bytes(r.privateDirtyBytes)}`]),
		...(r.swapBytes === undefined ? [] : [`swap ${bytes(r.swapBytes)}`]),
		...(r.hugeBytes === undefined || r.hugeBytes === 0 ? [] : [`huge pages ${bytes(r.hugeBytes)}`]),
		mappings === 0 ? `VSZ ${bytes(r.sizeBytes)}` : `${count(mappings)} mappings of ${bytes(r.sizeBytes)}`,
	];
	const out = [`  ${parts.join(" · ")}`];
	const apart = (r.vmRssBytes ?? 0) - (r.rssBytes ?? 0);
	// what the kernel batches per thread or CPU; less is no difference worth a line
	if (r.vmRssBytes !== undefined && r.rssBytes !== undefined && Math.abs(apart) >= 2 ** 20)
		out.push(
			`  VmRSS says ${bytes(r.vmRssBytes)}: ${bytes(apart, { sign: true })}, the process moved or the counter lags`,
		);
	const g = r.growth;
	if (g !== undefined)
		out.push(
			`  in ${duration(g.seconds * 1000)}: RSS ${bytes(g.rssBytes, { sign: true })}, address space ${bytes(g.sizeBytes, { sign: true })}, ${count(g.new)} new and ${count(g.gone.length)} gone`,
		);
	return out;
}

function ids(r: MapsResult): string {
	return r.owners
		.slice(0, 4)
		.map((owner) => clip(owner.owner, 24))
		.join(", ");
}

const GROUPS: Readonly<Record<string, string>> = {
	heap: "heap",
	runtime: "Go",
	binary: "binary",
	c: "C",
	threads: "threads",
	libs: "libs",
	files: "files",
	shared: "shared",
	anon: "anon",
};

/** An owner below this share of Rss is joined with its small neighbours of the same group. */
const SMALL = 0.01;

interface OwnerRow extends Pick<MapsOwner, "mappings" | "sizeBytes"> {
	readonly what: string;
	readonly rssBytes: number | undefined;
	readonly pssBytes: number | undefined;
	readonly privateDirtyBytes: number | undefined;
	readonly swapBytes: number | undefined;
	readonly hugeBytes: number | undefined;
	readonly growthRssBytes: number | undefined;
}

function ownerRows(r: MapsResult, terminal: Terminal): string[] {
	const size = (value: number | undefined) => (value === undefined ? "" : bytes(value));
	const growth = (value: number | undefined) => (value === undefined ? "" : bytes(value, { sign: true }));
	const shows = (field: "swapBytes" | "hugeBytes") => r.owners.some((owner) => (owner[field] ?? 0) > 0);
	const columns: { head: string; right?: boolean; paths?: boolean; cell: (row: OwnerRow) => string }[] = [
		{ head: "OWNER", paths: true, cell: (row) => row.what },
		{ head: "COUNT", right: true, cell: (row) => (row.sizeBytes === undefined ? "" : count(row.mappings)) },
		{ head: "SIZE", right: true, cell: (row) => size(row.sizeBytes) },
		{ head: "RSS", right: true, cell: (row) => size(row.rssBytes) },
		...(r.pssBytes === undefined
			? []
			: [
					{ head: "PSS", right: true, cell: (row: OwnerRow) => size(row.pssBytes) },
					{ head: "DIRTY", right: true, cell: (row: OwnerRow) => size(row.privateDirtyBytes) },
				]),
		...(shows("swapBytes") ? [{ head: "SWAP", right: true, cell: (row: OwnerRow) => size(row.swapBytes) }] : []),
		...(shows("hugeBytes") ? [{ head: "HUGE", right: true, cell: (row: OwnerRow) => size(row.hugeBytes) }] : []),
		...(r.growth === undefined
			? []
			: [{ head: "GROWTH", right: true, cell: (row: OwnerRow) => growth(row.growthRssBytes) }]),
	];
	const heads = [{ head: "" }, ...columns];
	const cells: string[][] = [];
	for (const group of Object.keys(GROUPS)) {
		rowsOf(r, group).forEach((row, i) => {
			const label = i === 0 ? terminal.style("bold", GROUPS[group] ?? group) : "";
			cells.push([label, ...columns.map((column) => column.cell(row))]);
		});
	}
	const [head = "", ...lines] = table(heads, cells, terminal.rowColumns - 2).split("\n");
	return [terminal.style("dim", `  ${head}`), ...lines.map((line) => `  ${line}`)];
}

/** The owners of a group: those of note by themselves, the rest in one row. */
function rowsOf(r: MapsResult, group: string): OwnerRow[] {
	const owners = r.owners.filter((o) => isWithin(o.owner, group));
	const large = owners.filter((o) => owners.length === 1 || (o.rssBytes ?? 0) >= (r.rssBytes ?? 0) * SMALL);
	// without Rss everything is told: there is nothing to judge it by
	const all = r.rssBytes === undefined || r.owners.every((o) => o.rssBytes === undefined);
	const shown = all ? owners : large;
	const rest = owners.filter((o) => !shown.includes(o));
	const rows = shown.map((o) => joined([o], whatOf(o)));
	if (rest.length === 1) rows.push(joined(rest, whatOf(rest[0] as MapsOwner)));
	else if (rest.length > 1) {
		const names = rest.slice(0, 3).map(shortOf).join(", ");
		rows.push(
			joined(rest, `${count(rest.length)}${shown.length > 0 ? " others" : ""}: ${names}${rest.length > 3 ? " …" : ""}`),
		);
	}
	return rows;
}

function joined(owners: readonly MapsOwner[], what: string): OwnerRow {
	const sum = (of: (owner: MapsOwner) => number | undefined) =>
		owners.some((owner) => of(owner) !== undefined) ? owners.reduce((n, owner) => n + (of(owner) ?? 0), 0) : undefined;
	const sizeBytes = sum((o) => o.sizeBytes);
	return {
		what,
		mappings: sum((o) => o.mappings) ?? 0,
		...(sizeBytes === undefined ? {} : { sizeBytes }),
		rssBytes: sum((o) => o.rssBytes),
		pssBytes: sum((o) => o.pssBytes),
		privateDirtyBytes: sum((o) => o.privateDirtyBytes),
		swapBytes: sum((o) => o.swapBytes),
		hugeBytes: sum((o) => o.hugeBytes),
		growthRssBytes: sum((o) => o.growthRssBytes),
	};
}

function nameIn(owner: string): string | undefined {
	return /^(?:libs|files|shared|anon\.named)\.(.*)$/.exec(owner)?.[1];
}

function whatOf(o: MapsOwner): string {
	// the sums of /proc/PID/status have words of their own
	return o.sizeBytes === undefined ? o.what : (nameIn(o.owner) ?? o.what);
}

function shortOf(o: MapsOwner): string {
	const name = nameIn(o.owner);
	if (name !== undefined) return name.slice(name.lastIndexOf("/") + 1);
	return o.owner.slice(o.owner.lastIndexOf(".") + 1).replaceAll("-", " ");
}

const LABEL = 10;

function missing(r: MapsResult, terminal: Terminal): string[] {
	if (r.unavailable.length === 0) return [];
	const out = [""];
	const line = (label: string, text: string) =>
		wrap(text, terminal.columns - LABEL).map(
			(part, i) => align(i === 0 ? terminal.style("bold", label) : "", LABEL, false) + part,
		);
	for (const part of r.unavailable) {
		out.push(...line("Missing", `${part.part}: ${part.why}`));
		if (part.wouldHelp !== undefined) out.push(...line("", `→ ${part.wouldHelp}`));
	}
	return out;
}

function wrap(text: string, width: number): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && line.length + 1 + word.length > width) {
			lines.push(line);
			line = "";
		}
		line += line === "" ? word : ` ${word}`;
	}
	return [...lines, line];
}

function cost(r: MapsResult): string {
	const each = r.view.all || r.view.owner !== undefined ? [] : ["--all lists each mapping"];
	return [`read in ${duration(r.cost.wallMs)}`, `${bytes(r.cost.bytesRead)} read`, pauseText(r), ...each].join(" · ");
}
