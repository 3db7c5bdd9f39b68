import type { Figure, ProfileHead } from "../../api/profile-shape.ts";
import { bytes, count, duration, percent } from "../../figures/figures.ts";
import { scaledLabel } from "../../profile/measurement.ts";
import { shortName } from "../../profile/report/short-name.ts";
import { visibleStrings } from "../output.ts";
import { clip } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { isPrompt, spelled } from "./profile-spelling.ts";

/** Milliseconds in the units of time that profiles have. */
const TIMES: Readonly<Record<string, number>> = {
	nanoseconds: 1e-6,
	microseconds: 1e-3,
	milliseconds: 1,
	seconds: 1e3,
};

/** Writes the figures of one profile. */
export class FigureText {
	readonly #head: Pick<ProfileHead, "unit" | "total" | "shownUnit">;

	constructor(head: Pick<ProfileHead, "unit" | "total" | "shownUnit">) {
		this.#head = head;
	}

	/** `12.5 MiB`, `1,204`, `3.2 s`; in the unit asked for as pprof writes it */
	value(figure: Figure): string {
		const { unit, shownUnit } = this.#head;
		const value = Number(figure);
		if (value === 0) return "0";
		if (shownUnit !== undefined) return scaledLabel(value, unit, shownUnit);
		if (unit === "bytes") return bytes(value);
		const milliseconds = TIMES[unit];
		if (milliseconds !== undefined) return duration(value * milliseconds);
		return unit === "count" || unit === "" ? count(value) : `${count(value)} ${unit}`;
	}

	/** the part of the total, or of another figure */
	share(figure: Figure, of: Figure = this.#head.total): string {
		const whole = Math.abs(Number(of));
		return whole === 0 || Number(figure) === 0 ? "" : percent(Number(figure) / whole, 1);
	}
}

/** The lines above a report: what the profile is, and how much of it is shown. */
export function headLines(head: ProfileHead, terminal: Terminal, shown?: string): string[] {
	const text = new FigureText(head);
	const name = visibleStrings(head.title === "" ? nameOf(head) : head.title);
	const parts = [
		terminal.style("bold", name),
		...(head.sources.length === 1 || head.title === "" ? [] : [`${head.sources.length} profiles`]),
		`${visibleStrings(head.sampleType)} ${terminal.style("bold", text.value(head.total))}`,
		...(head.durationMs === undefined ? [] : [`over ${duration(head.durationMs)}`]),
		...(head.time === undefined ? [] : [head.time.replace("T", " ").replace(/\.\d+Z$/, "Z")]),
	];
	const lines = [parts.join(" · ")];
	const [source] = head.sources;
	if (source !== undefined) {
		const one = head.sources.length === 1 ? `${source.name}: ${source.how}` : head.sources.map(sourceName).join(" ");
		lines.push(terminal.style("dim", `  ${clipStart(visibleStrings(one), terminal.rowColumns - 2)}`));
	}
	for (const comment of head.comments.slice(0, 5)) {
		lines.push(terminal.style("dim", clip(`  ${visibleStrings(comment)}`, terminal.rowColumns)));
	}
	if (head.filters.length > 0)
		lines.push(clip(`  only ${visibleStrings(head.filters.join(" "))}`, terminal.rowColumns));
	if (head.comparison !== undefined) lines.push(...comparisonLines(head.comparison, terminal));
	if (shown !== undefined) lines.push(terminal.style("dim", `  ${shown}`));
	return lines;
}

/** What the process's own endpoint says, and where that is something else. */
function comparisonLines(c: NonNullable<ProfileHead["comparison"]>, terminal: Terminal): string[] {
	const differing = c.totals.filter((one) => one.outside !== one.own);
	const { same, changed, onlyOutside, onlyOwn } = c.stacks;
	const stacks = [
		`${count(same)} stacks the same`,
		...(changed > 0 ? [`${count(changed)} with other figures`] : []),
		...(onlyOutside > 0 ? [`${count(onlyOutside)} seen from outside only`] : []),
		...(onlyOwn > 0 ? [`${count(onlyOwn)} told by itself only`] : []),
	];
	const lines = [
		clip(
			`  its own ${visibleStrings(c.endpoint)}: ${differing.length === 0 ? "the same totals" : "other totals"}`,
			terminal.rowColumns,
		),
		`    ${stacks.join(", ")}`,
	];
	for (const { type, unit, outside, own } of differing) {
		const text = new FigureText({ unit, total: own });
		lines.push(
			`    ${visibleStrings(type)}: ${text.value(outside)} from outside, ${text.value(own)} by itself (${text.value(outside - own)})`,
		);
	}
	return [...lines, ...differenceLines(c, terminal)];
}

/** Stacks of a comparison that are told one by one. */
const STACKS = 3;

/** The stacks that differ most, each by the first type in which it does; and how many there are beyond those. */
function differenceLines(c: NonNullable<ProfileHead["comparison"]>, terminal: Terminal): string[] {
	const { changed, onlyOutside, onlyOwn } = c.stacks;
	const lines = c.differences.slice(0, STACKS).map((one) => clip(differenceText(c, one), terminal.rowColumns));
	const left = changed + onlyOutside + onlyOwn - lines.length;
	// the document lists more of them, and at the prompt there is none
	const listed = c.differences.length > lines.length && !isPrompt(terminal) ? " (--json)" : "";
	if (left > 0) lines.push(`      ${count(left)} more ${left === 1 ? "stack differs" : "stacks differ"}${listed}`);
	return lines.map((line) => terminal.style("dim", line));
}

/** `main.work: 3 / 5 alloc_objects, and 2 more types` */
function differenceText(
	{ totals }: NonNullable<ProfileHead["comparison"]>,
	{ frames, outside, own }: NonNullable<ProfileHead["comparison"]>["differences"][number],
): string {
	const differing = totals.map((_, at) => at).filter((at) => (outside[at] ?? 0) !== (own[at] ?? 0));
	const [first = 0] = differing;
	const type = totals[first];
	const text = new FigureText({ unit: type?.unit ?? "", total: 0 });
	const name = frames[0] === undefined || frames[0] === "" ? "(no frames)" : visibleStrings(frames[0]);
	const named = totals.length > 1 ? ` ${visibleStrings(type?.type ?? "")}` : "";
	const more = differing.length - 1;
	const others = more > 0 ? `, and ${more} more ${more === 1 ? "type" : "types"}` : "";
	return `      ${name}: ${text.value(outside[first] ?? 0)} / ${text.value(own[first] ?? 0)}${named}${others}`;
}

/** The end of a text that is too long: of a path the file stands there. */
function clipStart(text: string, room: number): string {
	return text.length <= room ? text : `…${text.slice(text.length - room + 1)}`;
}

function nameOf(head: ProfileHead): string {
	const [source] = head.sources;
	return head.sources.length === 1 && source !== undefined ? source.name : `${head.sources.length} profiles`;
}

function sourceName(source: ProfileHead["sources"][number]): string {
	return `${source.base === true ? "−" : "+"}${source.name.slice(source.name.lastIndexOf("/") + 1)}`;
}

/** How much of the profile the rows are, and why not all; undefined where there are none, which `noRowsText` tells. */
export function shownText(
	head: ProfileHead & { shown: Figure; nodes: number; droppedNodes: number },
	rows: number,
	terminal: Terminal,
): string | undefined {
	if (rows === 0) return undefined;
	const text = new FigureText(head);
	const share = text.share(head.shown);
	const parts = [
		`${text.value(head.shown)}${share === "" ? "" : ` (${share})`} in ${count(rows)} ${rows === 1 ? "row" : "rows"}`,
	];
	if (head.nodes > rows) parts.push(`${count(head.nodes - rows)} more with --nodecount 0`);
	if (head.droppedNodes > 0) parts.push(`${count(head.droppedNodes)} small ones left out (--no-trim)`);
	return spelled(parts.join(" · "), terminal);
}

/** Why there is no row: nothing matches or came about, or what does is too small to be shown. */
export function noRowsText(head: ProfileHead & { readonly droppedNodes: number }, terminal: Terminal): string {
	const { droppedNodes } = head;
	if (droppedNodes === 0) return quietText(head, terminal) ?? "  no samples like that";
	const all = droppedNodes === 1 ? "the only row is" : `all ${count(droppedNodes)} rows are each`;
	const shows = `--no-trim (or --nodefraction=0) shows ${droppedNodes === 1 ? "it" : "them"}`;
	return spelled(`  ${all} below the cutoff: ${shows}`, terminal);
}

/** Of a profile over a time in which nothing came about: that, and why it may be. Undefined for any other. */
function quietText(head: ProfileHead, terminal: Terminal): string | undefined {
	const time = timeOver(head);
	if (time === undefined || Number(head.total) !== 0 || head.filters.length > 0) return undefined;
	const line = `  nothing of ${visibleStrings(head.sampleType)} was sampled or changed in ${time}`;
	if (!head.sampleTypes.some(({ type }) => type === "inuse_space")) return line;
	// net/http/pprof passes over gc=1 where it is asked for a difference (serveDeltaProfile)
	const compared = head.sources.some(({ kind }) => kind === "url") ? ", or two profiles of --gc and --diff-base" : "";
	const help = isPrompt(terminal) ? "" : ` (more --seconds${compared})`;
	return `${line}\n  most likely no garbage collection finished meanwhile: a heap profile is as of the last one${help}`;
}

/** How long the profile is over. One that is the difference of two does not say it itself; how it was got does. */
function timeOver({ durationMs, sources }: ProfileHead): string | undefined {
	if (durationMs !== undefined) return duration(durationMs);
	const [, apart, over] = /\b(\d+) s apart\b|\bover (\d+) s\b/.exec(sources[0]?.how ?? "") ?? [];
	const seconds = apart ?? over;
	return seconds === undefined ? undefined : duration(Number(seconds) * 1000);
}

/** A name that fits: whole, else without the folders of its package, else cut. */
export function fittingName(name: string, room: number): string {
	const clean = visibleStrings(name);
	if (clean.length <= room) return clean;
	return clip(visibleStrings(shortName(name)), Math.max(8, room));
}
