import type { WhyCoreResult, WhyResult, WhyUrlResult } from "../../api/why-shape.ts";
import { bar, bytes, count, duration, percent, rate } from "../../figures/figures.ts";
import { isWithin } from "../../ledger/lines.ts";
import { align, clip } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { pauseText, ranOn } from "./pause-text.ts";
import { coreTotals } from "./why-core.ts";
import { obtainedLines } from "./why-obtained.ts";

type Line = WhyResult["lines"][number];

/** One screen: who it is, how much it has, where that is, the verdict, what to do next, what it cost to know. */
export function render(result: WhyResult | WhyUrlResult | WhyCoreResult, terminal: Terminal): string {
	if ("obtained" in result) {
		return [...obtainedText(result, terminal), "", ...verdict(result, terminal), ...unavailable(result, terminal)].join(
			"\n",
		);
	}
	const fit = (line: string) => clip(line, terminal.columns);
	return [
		...wrap(header(result), terminal.columns).map((line, i) => (i === 0 ? boldName(line, result, terminal) : line)),
		"",
		...("core" in result ? coreTotals(result, terminal).map(fit) : totals(result, terminal).map(fit)),
		"",
		...rows(result, terminal),
		"",
		...verdict(result, terminal),
		...unavailable(result, terminal),
		"",
		terminal.style("dim", clip(cost(result), terminal.columns)),
	].join("\n");
}

/** What a page says of Sys, the limit that it tells of, and what several readings of it say. */
function obtainedText(r: WhyUrlResult, terminal: Terminal): string[] {
	const [head = "", ...rest] = obtainedLines(r, terminal);
	const { gomemlimit } = r.target;
	const limit = gomemlimit === undefined ? "" : ` · GOMEMLIMIT ${limitText(gomemlimit)}`;
	return [clip(`${head}${limit}`, terminal.columns), ...rest, ...obtainedGrowth(r, terminal)];
}

/** A page has it as a number of bytes. */
function limitText(gomemlimit: string): string {
	return /^\d+$/.test(gomemlimit) ? bytes(Number(gomemlimit)) : gomemlimit;
}

function obtainedGrowth({ obtained, growth }: WhyUrlResult, terminal: Terminal): string[] {
	const g = obtained.growth;
	if (g === undefined) return [];
	const signed = (size: number) => bytes(size, { sign: true });
	const all = [
		`Sys ${signed(g.sysBytes)}`,
		`of it not returned ${signed(g.backedBytes)}`,
		...(growth === undefined ? [] : [`RSS ${signed(growth.rssBytes)}`]),
		...(g.allocatedBytes === undefined ? [] : [`allocated ${bytes(g.allocatedBytes)}`]),
		...(g.collections === undefined ? [] : [`${count(g.collections)} GC${g.collections === 1 ? "" : "s"}`]),
	];
	const changed = obtained.lines.filter((line) => Math.abs(line.growthBytes ?? 0) >= 1024);
	changed.sort((a, b) => Math.abs(b.growthBytes ?? 0) - Math.abs(a.growthBytes ?? 0));
	const head = `  In ${duration(g.seconds * 1000)}, ${g.readings} readings: ${all.join(" · ")}`;
	return [
		"",
		...wrap(head, terminal.columns),
		...changed.map((line) => `  ${align(line.what, 52, false)}${align(signed(line.growthBytes ?? 0), 12, true)}`),
	];
}

function totals(r: WhyResult, terminal: Terminal): string[] {
	return [total(r, terminal), ...(r.runtime === undefined ? [] : [runtimeLine(r)])];
}

/** What a process's result and a core's have both. */
type Shown = Omit<WhyCoreResult, "core"> & { core?: WhyCoreResult["core"] };

function boldName(line: string, r: Shown, terminal: Terminal): string {
	return terminal.style("bold", r.target.name) + line.slice(r.target.name.length);
}

function header(r: Shown): string {
	const t = r.target;
	const gogc = r.runtime === undefined ? (t.gogc ?? "unset") : r.runtime.gogc < 0 ? "off" : String(r.runtime.gogc);
	const limit =
		r.runtime === undefined
			? (t.gomemlimit ?? "unset")
			: r.runtime.memoryLimitBytes === undefined
				? "unset"
				: bytes(r.runtime.memoryLimitBytes);
	const parts = [
		t.name,
		...(t.pid === undefined ? [] : [`pid ${t.pid}`]),
		t.goVersion ?? "not a Go program that gomem can read",
		...(t.uptimeSeconds === undefined ? [] : [`up ${duration(t.uptimeSeconds * 1000)}`]),
		...(t.container === undefined ? [] : [t.container]),
		...(t.goVersion === undefined ? [] : [`GOGC=${gogc}`, `GOMEMLIMIT ${limit}`]),
		...(t.exeDeleted === true ? ["executable replaced since start"] : []),
	];
	return parts.join(" · ");
}

const BAR = 26;

function total(r: WhyResult, terminal: Terminal): string {
	const share = r.rssBytes / r.limit.bytes;
	const of = r.limit.source === "machine" ? `of the machine's ${bytes(r.limit.bytes)}` : `of ${bytes(r.limit.bytes)}`;
	const filled = bar(share, BAR);
	const growth = growthText(r);
	const style = share > 0.9 ? "red" : share > 0.75 ? "yellow" : "green";
	return `  RSS ${terminal.style("bold", bytes(r.rssBytes))} ${of}   ${terminal.style(style, filled)}${growth === "" ? "" : `   ${growth}`}`;
}

function growthText({ growth: g, comparison: other }: WhyResult): string {
	const than = other?.pid === undefined ? "the baseline" : `pid ${other.pid}`;
	if (other !== undefined) return `${bytes(other.rssBytes, { sign: true })} against ${than}`;
	if (g === undefined) return "";
	const over = `${bytes(g.rssBytes, { sign: true })} in ${duration(g.seconds * 1000)}`;
	const until = g.secondsToLimit === undefined ? "" : `, limit in about ${duration(g.secondsToLimit * 1000)}`;
	return g.seconds >= 30 ? `${rate(g.rssBytesPerHour)}${until}` : `${over}${until}`;
}

function runtimeLine(r: WhyResult): string {
	const rt = r.runtime;
	const parts = [
		...(r.pssBytes === undefined ? [] : [`PSS ${bytes(r.pssBytes)}`]),
		`swap ${bytes(r.swapBytes)}`,
		`VSZ ${bytes(r.vszBytes)}`,
		...(rt === undefined
			? []
			: [
					`Sys ${bytes(rt.sysBytes)}`,
					`HeapAlloc ${bytes(rt.heapAllocBytes)}`,
					`released ${bytes(rt.heapReleasedBytes)}`,
				]),
	];
	return `  ${parts.join(" · ")}`;
}

const GROUPS: Readonly<Record<string, string>> = {
	heap: "heap",
	stacks: "stacks",
	runtime: "Go",
	binary: "binary",
	c: "C",
	threads: "threads",
	libs: "libs",
	files: "files",
	shared: "shared",
	anon: "anon",
};

interface Row {
	readonly group: string;
	readonly what: string;
	readonly bytes: number;
	readonly growth: number | undefined;
}

/** A line below this share of Rss is joined with its small neighbours of the same group. */
const SMALL = 0.01;

function rows(r: Shown, terminal: Terminal): string[] {
	const out: string[] = [];
	const hasGrowth = r.growth !== undefined || r.comparison !== undefined;
	const whatWidth = Math.max(24, terminal.columns - 10 - 12 - 7 - 14 - (hasGrowth ? 13 : 0));
	for (const group of Object.keys(GROUPS)) {
		const lines = r.lines.filter((line) => isWithin(line.id, group));
		joined(lines, r, group).forEach((row, i) => {
			out.push(rowText(row, i === 0 ? (GROUPS[group] ?? group) : "", r, terminal, whatWidth, hasGrowth));
		});
	}
	const residual: Row = { group: "", what: "residual: on no line", bytes: r.residualBytes, growth: undefined };
	out.push(rowText(residual, "", r, terminal, whatWidth, hasGrowth));
	return out;
}

/** The lines of a group as rows: those of note by themselves, the rest in one. */
function joined(lines: readonly Line[], r: Shown, group: string): Row[] {
	const large = lines.filter((line) => line.bytes >= r.rssBytes * SMALL || lines.length === 1);
	const small = lines.filter((line) => !large.includes(line));
	const rows: Row[] = large.map((line) => ({
		group,
		what: words(line, r),
		bytes: line.bytes,
		growth: line.growthBytes,
	}));
	if (small.length === 0) return rows;
	const [only] = small;
	const growth = small.reduce((n, line) => n + (line.growthBytes ?? 0), 0);
	const what =
		small.length === 1 && only !== undefined
			? words(only, r)
			: `${large.length === 0 ? "" : "other: "}${small.map(shortName).slice(0, 4).join(", ")}${small.length > 4 ? " …" : ""}`;
	rows.push({
		group,
		what,
		bytes: small.reduce((n, line) => n + line.bytes, 0),
		growth: growth === 0 ? undefined : growth,
	});
	return rows;
}

function shortName(line: Line): string {
	const path = /^(?:files|shared|libs)\.(.*)$/.exec(line.id)?.[1];
	if (path !== undefined) return path.slice(path.lastIndexOf("/") + 1);
	return line.id.slice(line.id.lastIndexOf(".") + 1).replaceAll("-", " ");
}

function words(line: Line, r: Shown): string {
	const ago = r.runtime?.lastGcSecondsAgo;
	if (line.id === "heap.live" && ago !== undefined) return `live at the last GC, ${duration(ago * 1000)} ago`;
	if (line.id === "stacks.used" && r.runtime !== undefined) {
		const { goroutines } = r.runtime;
		return `in use by ${count(goroutines)} goroutine${goroutines === 1 ? "" : "s"} and the runtime`;
	}
	const path = /^(files|shared|libs)\.(.*)$/.exec(line.id);
	if (path?.[2] !== undefined) return path[1] === "files" ? `${path[2]} (mapped)` : path[2];
	return line.what;
}

function rowText(row: Row, group: string, r: Shown, terminal: Terminal, whatWidth: number, hasGrowth: boolean): string {
	const share = r.rssBytes > 0 ? row.bytes / r.rssBytes : 0;
	const growth = row.growth === undefined || Math.abs(row.growth) < 1024 ? "" : bytes(row.growth, { sign: true });
	return [
		"  ",
		align(terminal.style("bold", group), 8, false),
		align(clip(row.what, whatWidth), whatWidth, false),
		align(bytes(row.bytes), 12, true),
		align(percent(share), 7, true),
		"  ",
		hasGrowth ? align(terminal.style("cyan", bar(share, 12)), 12, false) : terminal.style("cyan", bar(share, 12)),
		hasGrowth
			? align(terminal.style(row.growth !== undefined && row.growth > 0 ? "yellow" : "dim", growth), 13, true)
			: "",
	]
		.join("")
		.trimEnd();
}

function verdict(r: Pick<WhyResult, "verdict">, terminal: Terminal): string[] {
	const v = r.verdict;
	const width = terminal.columns;
	const out = [...labelled(terminal, "Verdict", terminal.style("bold", v.sentence), width)];
	for (const reason of v.reasons) out.push(...labelled(terminal, "", reason, width));
	out.push(...labelled(terminal, "", `confidence: ${v.confidence}`, width));
	for (const [i, advice] of v.advice.entries()) out.push(...labelled(terminal, i === 0 ? "Change" : "", advice, width));
	v.next.forEach((step, i) => {
		const command = align(step.command, 44, false);
		out.push(...labelled(terminal, i === 0 ? "Next" : "", `${command}  ${step.says}`, width));
	});
	for (const [i, note] of v.also.entries()) out.push(...labelled(terminal, i === 0 ? "Also" : "", note, width));
	return out;
}

const LABEL = 10;

/** A label at the left, the text beside it, wrapped. */
function labelled(terminal: Terminal, label: string, text: string, width: number): string[] {
	return wrap(text, width - LABEL).map(
		(line, i) => align(i === 0 ? terminal.style("bold", label) : "", LABEL, false) + line,
	);
}

function wrap(text: string, width: number): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(/(?<= )(?! )/)) {
		if (line !== "" && (line + word).trimEnd().length > width) {
			lines.push(line.trimEnd());
			line = "";
		}
		line += word;
	}
	lines.push(line.trimEnd());
	return lines;
}

function unavailable(r: Pick<WhyResult, "unavailable">, terminal: Terminal): string[] {
	if (r.unavailable.length === 0) return [];
	const out = [""];
	for (const part of r.unavailable) {
		out.push(...labelled(terminal, "Missing", `${part.part}: ${part.why}`, terminal.columns));
		if (part.wouldHelp !== undefined) out.push(...labelled(terminal, "", `→ ${part.wouldHelp}`, terminal.columns));
	}
	return out;
}

function cost(r: Shown): string {
	if (r.core !== undefined) return `read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read of a core`;
	const blur = r.rssBytes > 0 ? r.blur.heapBytes / r.rssBytes : 0;
	const sharp =
		r.runtime === undefined
			? ""
			: blur < 0.001
				? ranOn(r)
					? " · its heap did not move"
					: " · it stood still"
				: ` · heap ±${percent(blur, blur < 0.01 ? 1 : 0)}, it moves (--pause for exact)`;
	return `read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read · ${pauseText(r)}${sharp}`;
}
