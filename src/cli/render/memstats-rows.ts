import {
	fieldNames,
	listNames,
	type MemStatsResult,
	type Row,
	type Series,
	type Trend,
} from "../../api/memstats-shape.ts";
import { bytes, count, duration, rate, sparkline } from "../../figures/figures.ts";
import { align, table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { figure, figureIn, unitOf } from "./memstats-figures.ts";

const USUAL = [
	"HeapAlloc",
	"Alloc",
	"HeapInuse",
	"HeapIdle",
	"HeapReleased",
	"StackInuse",
	"Sys",
	"NumGC",
	"rssBytes",
	"goroutines",
];
const WORDS: Readonly<Record<string, string>> = { rssBytes: "RSS", live: "live heap" };
const LOG_ROWS = 24;
const SPARK = 12;
const TIME = 11;

export function scalarNames(): readonly string[] {
	return fieldNames.filter((name) => !listNames.includes(name));
}

/** The document's reading as a row. */
export function rowOf(result: MemStatsResult): Row {
	const {
		_meta,
		_figures,
		_pacer,
		_series,
		_readings,
		_view,
		PauseNs: _ns,
		PauseEnd: _end,
		BySize: _sizes,
		...scalars
	} = result;
	const { schema: _schema, ...fields } = scalars as typeof scalars & { schema?: string };
	return {
		...(_meta.at === undefined ? {} : { time: _meta.at }),
		...fields,
		...(_meta.rssBytes === undefined ? {} : { rssBytes: _meta.rssBytes }),
		...(_meta.goroutines === undefined ? {} : { goroutines: _meta.goroutines }),
	};
}

/** The columns that rows are shown in: those asked for, else the usual ones that are there, as many as fit. */
export function columnsOf(result: MemStatsResult, rows: readonly Row[], width: number): readonly string[] {
	const names = result._view.fields?.filter((name) => !listNames.some((one) => one === name)) ?? USUAL;
	const there = names.filter((name) => rows.some((row) => fieldOf(row, name) !== undefined));
	// Alloc is HeapAlloc under an older name
	const chosen =
		result._view.fields === undefined && there.includes("HeapAlloc") ? there.filter((name) => name !== "Alloc") : there;
	let left = width - TIME;
	return chosen.filter((name) => {
		left -= 2 + columnWidth(name);
		return left >= 0;
	});
}

function columnWidth(name: string): number {
	return Math.max(10, (WORDS[name] ?? name).length);
}

function fieldOf(row: Row, name: string): unknown {
	return (row as Readonly<Record<string, unknown>>)[name];
}

export function headLine(columns: readonly string[], terminal: Terminal): string {
	return terminal.style(
		"dim",
		[
			align("time (UTC)", TIME, false),
			...columns.map((name) => align(WORDS[name] ?? name, columnWidth(name), true)),
		].join("  "),
	);
}

export function rowLine(row: Row, columns: readonly string[], dated: boolean): string {
	const { time } = row;
	// tenths of a second where there are any: readings may follow one another quickly
	const clock = time?.slice(11, time.slice(20, 23) === "000" ? 19 : 21);
	return [
		align((dated ? time?.slice(5, 16).replace("T", " ") : clock) ?? "–", TIME, false),
		...columns.map((name) => align(figure(name, fieldOf(row, name)), columnWidth(name), true)),
	].join("  ");
}

/** The readings of a log: a screenful of them, evenly spread, or all with --all. */
export function logTable(result: MemStatsResult, terminal: Terminal): string[] {
	const all = result._readings ?? [];
	const step = result._view.all ? 1 : Math.max(1, (all.length - 1) / (LOG_ROWS - 1));
	const rows: Row[] = [];
	for (let at = 0; Math.round(at) < all.length; at += step) {
		const row = all[Math.round(at)];
		if (row !== undefined) rows.push(row);
	}
	const columns = columnsOf(result, all, terminal.columns);
	const days = new Set(all.flatMap((row) => row.time?.slice(0, 10) ?? []));
	const readings = result._series?.readings ?? all.length;
	const note =
		rows.length < readings
			? [terminal.style("dim", `${rows.length} of ${count(readings)} readings, evenly spread`)]
			: [];
	return [headLine(columns, terminal), ...rows.map((row) => rowLine(row, columns, days.size > 1)), ...note];
}

/** What the readings say together: slopes with their intervals, and how it looked. */
export function seriesLines(series: Series, terminal: Terminal): string[] {
	const over = series.seconds === undefined ? "" : ` in ${duration(series.seconds * 1000)}`;
	const per = series.per === "hour" ? "per hour" : "per reading (the log has no time stamps)";
	const lines = series.trends.map((trend) => trendRow(trend, series.per, terminal));
	const body = table(
		[
			{ head: "" },
			{ head: "first", right: true },
			{ head: "last", right: true },
			{ head: "slope", right: true },
			{ head: "95 % interval", right: true },
			{ head: "" },
			{ head: "" },
		],
		lines,
		terminal.columns - 2,
	);
	return [
		terminal.style("bold", `Slopes ${per}, over ${count(series.readings)} readings${over}`),
		...body.split("\n").map((line) => `  ${line}`),
		...activity(series).map((line) => terminal.style("dim", `  ${line}`)),
	];
}

function trendRow(trend: Trend, per: Series["per"], terminal: Terminal): string[] {
	const unit = trend.name === "goroutines" ? undefined : unitOf(trend.name);
	const value = (one: number | undefined) =>
		one === undefined ? "–" : unit === "bytes" ? bytes(one) : figureIn(unit, one);
	const sure = trend.direction !== "unknown";
	const slope = (one: number | undefined) =>
		one === undefined || !sure
			? "–"
			: one === 0
				? "0"
				: per === "hour" && unit === "bytes"
					? rate(one)
					: signed(one, unit);
	const color = trend.direction === "up" ? "yellow" : trend.direction === "down" ? "green" : "dim";
	const gcs = trend.name === "live" ? ` at ${plural(trend.readings)}` : "";
	return [
		`${WORDS[trend.name] ?? trend.name}${gcs}`,
		value(trend.first),
		value(trend.last),
		slope(trend.slope),
		!sure ? "too few readings" : `${bare(slope(trend.low))} … ${bare(slope(trend.high))}`,
		terminal.style(color, { up: "rising", down: "falling", flat: "flat", unknown: "" }[trend.direction]),
		terminal.style("cyan", sparkline(thin(trend.points), SPARK)),
	];
}

function plural(gcs: number): string {
	return `${count(gcs)} ${gcs === 1 ? "GC" : "GCs"}`;
}

function bare(text: string): string {
	return text.replace(/\/h$/, "");
}

function thin(points: readonly number[]): number[] {
	if (points.length <= SPARK) return [...points];
	return Array.from({ length: SPARK }, (_, i) => points[Math.round((i * (points.length - 1)) / (SPARK - 1))] ?? 0);
}

function signed(value: number, unit: ReturnType<typeof unitOf>): string {
	if (unit === "bytes") return bytes(value, { sign: true });
	const digits = Math.abs(value) >= 100 ? count(Math.round(value)) : String(Number(value.toPrecision(3)));
	return value >= 0 ? `+${digits}` : digits;
}

function activity(series: Series): string[] {
	const parts: string[] = [];
	const { allocBytesPerHour, collections, seconds, skippedLines } = series;
	if (allocBytesPerHour !== undefined) parts.push(`allocates ${bytes(allocBytesPerHour / 3600)}/s`);
	if (collections !== undefined) {
		const often =
			seconds === undefined || seconds < 1 || collections === 0
				? ""
				: ` (${((collections / seconds) * 60).toFixed(1)} a minute)`;
		parts.push(`${plural(collections)} meanwhile${often}`);
		if (collections === 0) parts.push("HeapAlloc holds garbage: only GCs tell what lives");
	}
	if (skippedLines !== undefined && skippedLines > 0) parts.push(`${count(skippedLines)} other lines passed over`);
	return parts.length === 0 ? [] : [parts.join(" · ")];
}

/** Plain numbers under Go's names; the time in ISO 8601. */
export function csvHead(names: readonly string[]): string {
	return ["time", ...names].join(",");
}

export function csvLine(row: Row, names: readonly string[]): string {
	return [row.time ?? "", ...names.map((name) => String(fieldOf(row, name) ?? ""))].join(",");
}

/** The columns of a CSV: those asked for, else all that the rows have; of a log that is still read, all there are. */
export function csvNames(result: MemStatsResult, rows: readonly Row[]): readonly string[] {
	if (result._view.fields !== undefined)
		return result._view.fields.filter((name) => !listNames.some((one) => one === name));
	if (result._meta.source === "log" && result._readings === undefined) return scalarNames();
	return [...scalarNames(), "rssBytes", "goroutines"].filter((name) =>
		rows.some((row) => fieldOf(row, name) !== undefined),
	);
}
