import type { MemStatsResult } from "../../api/memstats-shape.ts";
import { bytes, count, duration, percent } from "../../figures/figures.ts";
import { align, clip, table } from "../table.ts";
import type { Rows, Terminal } from "../terminal.ts";
import { figure, shortTime, wordsOf } from "./memstats-figures.ts";
import {
	columnsOf,
	csvHead,
	csvLine,
	csvNames,
	headLine,
	logTable,
	rowLine,
	rowOf,
	seriesLines,
} from "./memstats-rows.ts";

/** All fields in groups with what they mean; of several readings a table; either with slopes, where there are any. */
export function render(result: MemStatsResult, terminal: Terminal): string {
	if (result._view.form === "csv") return csv(result);
	const series = result._series === undefined ? [] : ["", ...seriesLines(result._series, terminal)];
	const body =
		result._readings === undefined
			? // painted over and over on a terminal, what changes stands where it is seen
				[...series, ...groups(result, terminal), ...lists(result, terminal)]
			: ["", ...logTable(result, terminal), ...series];
	return [header(result, terminal), ...body, ...footer(result, terminal)].join("\n");
}

const rows: Rows<MemStatsResult> = {
	always: (result) => result._view.form === "csv",
	row(result, first, terminal) {
		const row = rowOf(result);
		if (result._view.form === "csv") {
			const names = csvNames(result, [row]);
			return first === undefined
				? `${csvHead(names)}\n${csvLine(row, names)}`
				: csvLine(row, csvNames(first, [rowOf(first)]));
		}
		const columns = columnsOf(first ?? result, [rowOf(first ?? result)], terminal.columns);
		const line = rowLine(row, columns, false);
		return first === undefined ? `${header(result, terminal)}\n\n${headLine(columns, terminal)}\n${line}` : line;
	},
	end(result, terminal) {
		if (result._view.form === "csv" || result._series === undefined) return "";
		return ["", ...seriesLines(result._series, terminal), ...footer(result, terminal)].join("\n");
	},
};
render.rows = rows;

function csv(result: MemStatsResult): string {
	const all = result._readings ?? [rowOf(result)];
	const names = csvNames(result, all);
	return [csvHead(names), ...all.map((row) => csvLine(row, names))].join("\n");
}

function header({ _meta: meta, _pacer: pacer, NumGC: gcs }: MemStatsResult, terminal: Terminal): string {
	const { process } = meta;
	const gogc = pacer?.gogc ?? meta.gogc;
	const limit = pacer?.memoryLimitBytes ?? meta.memoryLimitBytes;
	const parts = [
		terminal.style("bold", process?.name ?? meta.target),
		...(process?.pid === undefined ? [] : [`pid ${process.pid}`]),
		...(meta.goVersion === undefined ? [] : [meta.goVersion]),
		...(process?.uptimeSeconds === undefined ? [] : [`up ${duration(process.uptimeSeconds * 1000)}`]),
		...(process?.container === undefined ? [] : [process.container]),
		...(gogc === undefined ? [] : [`GOGC=${gogc}`]),
		...(limit === undefined ? [] : [`GOMEMLIMIT ${limit === "off" ? "unset" : bytes(limit)}`]),
		...(gcs === undefined && process === undefined && meta.source !== "log" ? [meta.source] : []),
	];
	return clip(parts.join(" · "), terminal.columns);
}

interface Line {
	readonly name: string;
	readonly value: string;
	readonly words: string;
}

const GROUPS: readonly (readonly [title: string, fields: readonly string[]])[] = [
	[
		"Heap",
		[
			"HeapAlloc",
			"Alloc",
			"HeapInuse",
			"HeapIdle",
			"HeapReleased",
			"HeapSys",
			"HeapObjects",
			"TotalAlloc",
			"Mallocs",
			"Frees",
		],
	],
	["Stacks", ["StackInuse", "StackSys"]],
	["Runtime", ["MSpanInuse", "MSpanSys", "MCacheInuse", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys", "Sys"]],
	["GC", ["NextGC", "LastGC", "NumGC", "NumForcedGC", "PauseTotalNs", "GCCPUFraction"]],
];
const RARE = ["Lookups", "EnableGC", "DebugGC"];
const NAME = 20;
const VALUE = 14;

function groups(result: MemStatsResult, terminal: Terminal): string[] {
	const { fields, all } = result._view;
	if (fields !== undefined)
		return ["", ...fields.map((name) => fieldLine(result, name, terminal)).filter((line) => line !== "")];
	const out: string[] = [];
	for (const [title, names] of GROUPS) {
		const shown = all
			? [...names, ...(title === "GC" ? RARE : [])]
			: names.filter((name) => name !== "Alloc" || result.HeapAlloc === undefined);
		const lines = [
			...derived(title, result).map((line) => text(line, terminal)),
			...shown.map((name) => fieldLine(result, name, terminal)).filter((line) => line !== ""),
		];
		if (lines.length > 0) out.push("", terminal.style("bold", title), ...lines);
	}
	return out;
}

function fieldLine(result: MemStatsResult, name: string, terminal: Terminal): string {
	const value = (result as Readonly<Record<string, unknown>>)[name];
	if (value === undefined || Array.isArray(value)) return "";
	const at = result._meta.at === undefined ? undefined : Date.parse(result._meta.at);
	const words = notes(result)[name] ?? wordsOf(name, terminal.columns - NAME - VALUE - 6);
	return text({ name, value: figure(name, value, at), words }, terminal);
}

function text({ name, value, words }: Line, terminal: Terminal): string {
	return clip(
		`  ${align(name, NAME, false)}${align(value, VALUE, true)}  ${terminal.style("dim", words)}`,
		terminal.columns,
	).trimEnd();
}

/** Fields whose meaning now is worth more than what they mean in general. */
function notes(result: MemStatsResult): Readonly<Record<string, string>> {
	const ended = Number(result.LastGC ?? 0);
	return {
		...goalNote(result),
		...(ended === 0 ? {} : { LastGC: `the last cycle ended at ${new Date(ended / 1e6).toISOString()}` }),
	};
}

function goalNote({ _figures: f, _pacer: p, NextGC: next }: MemStatsResult): Readonly<Record<string, string>> {
	const cause =
		p === undefined || p.limitedBy === "nothing"
			? ""
			: `; set by ${p.limitedBy === "minimum heap" ? "the minimum heap" : p.limitedBy}`;
	if (f.toNextGc === undefined)
		return Number(next) > Number.MAX_SAFE_INTEGER ? { NextGC: "no goal: the collector is off" } : {};
	return { NextGC: `the heap's goal, ${percent(f.toNextGc)} reached${cause}` };
}

function derived(title: string, { _figures: f, _pacer: p, _meta: meta }: MemStatsResult): Line[] {
	const lines: (Line | false)[] = [];
	const line = (name: string, value: number | undefined, words: string) =>
		lines.push(value !== undefined && { name, value: bytes(value), words });
	if (title === "Heap") {
		const ago = f.lastGcSecondsAgo === undefined ? "" : `, ${duration(f.lastGcSecondsAgo * 1000)} ago`;
		line("live at the last GC", f.liveBytes, `${f.liveFrom ?? ""}${ago}`);
		line("allocated since", f.sinceGcBytes, "new objects, and dead ones not yet swept");
		line("free slots", f.freeSlotsBytes, "in used spans: HeapInuse − HeapAlloc");
		line("idle, kept", f.idleKeptBytes, "free spans not returned to the system: HeapIdle − HeapReleased");
	}
	if (title === "Runtime") {
		line("Sys − HeapReleased", f.backedBytes, "what of Go's memory should be resident at most");
		line("RSS", meta.rssBytes, "resident size of the whole process, from the same page");
		line("largest RSS so far", meta.peakRssBytes, "from the same page");
	}
	if (title === "GC") {
		if (p !== undefined && p.triggerBytes !== "off")
			line("next GC starts at", p.triggerBytes, `heap size; the pacer counts ${bytes(p.heapLiveBytes)} now`);
		const { pauses } = f;
		if (pauses !== undefined) {
			const of = `of ${pauses.count === 256 ? "the last " : ""}${pauses.count}`;
			lines.push({
				name: "last pause",
				value: shortTime(pauses.lastMs),
				words: `longest ${shortTime(pauses.maxMs)}, p99 ${shortTime(pauses.p99Ms)}, mean ${shortTime(pauses.meanMs)} ${of}`,
			});
		}
	}
	return lines.filter((one) => one !== false);
}

/** --all: size classes in use and the pauses. */
function lists(result: MemStatsResult, terminal: Terminal): string[] {
	const named = (name: string) => result._view.fields?.includes(name) ?? result._view.all;
	const out: string[] = [];
	if (named("BySize") && result.BySize !== undefined) {
		const body = result.BySize.filter((one) => Number(one.Mallocs) > 0).map(({ Size, Mallocs, Frees }) => {
			const live = Number(Mallocs) - Number(Frees);
			return [count(Size), count(Number(Mallocs)), count(Number(Frees)), count(live), bytes(live * Size)];
		});
		const columns = ["size (bytes)", "Mallocs", "Frees", "objects", "in them"].map((head) => ({ head, right: true }));
		out.push("", terminal.style("bold", "BySize"), ...indented(table(columns, body, terminal.columns - 2)));
	}
	const { NumGC: gcs, PauseNs: pauses, PauseEnd: ends } = result;
	if ((named("PauseNs") || named("PauseEnd")) && pauses !== undefined && gcs !== undefined) {
		const body = Array.from({ length: Math.min(Number(gcs), pauses.length) }, (_, i) => {
			const cycle = Number(gcs) - i;
			const at = (cycle + 255) % 256;
			return [
				count(cycle),
				shortTime(Number(pauses[at] ?? 0) / 1e6),
				ends === undefined ? "" : new Date(Number(ends[at] ?? 0) / 1e6).toISOString(),
			];
		});
		const columns = [{ head: "GC", right: true }, { head: "pause", right: true }, { head: "ended" }];
		out.push("", terminal.style("bold", "PauseNs, PauseEnd"), ...indented(table(columns, body, terminal.columns - 2)));
	}
	return out;
}

function indented(body: string): string[] {
	return body.split("\n").map((line) => `  ${line}`);
}

function footer({ _meta: meta }: MemStatsResult, terminal: Terminal): string[] {
	const { cost, blur } = meta;
	const parts = [
		...(cost === undefined ? [] : [`read in ${shortTime(cost.wallMs)}, ${bytes(cost.bytesRead)}`]),
		...(cost !== undefined && cost.pausedMs > 0
			? [`paused ${shortTime(cost.pausedMs)}${blur?.paused === false ? ", not to the end" : ""}`]
			: []),
		...(blur === undefined || blur.heapBytes === 0 ? [] : [`HeapAlloc moved by ${bytes(blur.heapBytes)} meanwhile`]),
		...(meta.rounded === true ? ["the source gives rounded figures"] : []),
	];
	// a log is never expected to have all
	const missing = (meta.source === "log" ? [] : meta.unavailable).flatMap(({ part, why, wouldHelp }) => [
		`not there: ${part}: ${why}`,
		...(wouldHelp === undefined ? [] : [`  → ${wouldHelp}`]),
	]);
	return [
		"",
		...[meta.how, ...(parts.length === 0 ? [] : [parts.join(" · ")]), ...missing].map((line) =>
			terminal.style("dim", clip(line, terminal.columns)),
		),
	];
}
