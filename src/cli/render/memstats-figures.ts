import { bytes, count, duration, percent } from "../../figures/figures.ts";
import { type MemStatsUnit, memStatsField } from "../../formats/memstats/fields.ts";
import { clip } from "../table.ts";

/** `43 µs`, `1.24 ms`, `4.2 s`, from milliseconds: pauses are short. */
export function shortTime(ms: number): string {
	if (ms > 0 && ms < 0.1) return `${(ms * 1000).toFixed(ms < 0.01 ? 1 : 0)} µs`;
	if (ms < 100) return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
	return duration(ms);
}

/** A field's value as a figure of its unit; a dash where it is not there. */
export function figure(name: string, value: unknown, now?: number): string {
	if (value === undefined) return "–";
	if (typeof value === "boolean") return String(value);
	return figureIn(unitOf(name), Number(value), now);
}

export function figureIn(unit: MemStatsUnit | undefined, value: number, now?: number): string {
	switch (unit) {
		case "bytes":
			return value > Number.MAX_SAFE_INTEGER ? "off" : bytes(value);
		case "ns":
			return shortTime(value / 1e6);
		case "unix-ns":
			return value === 0
				? "never"
				: now === undefined
					? new Date(value / 1e6).toISOString().slice(0, 10)
					: `${duration(Math.max(0, now - value / 1e6))} ago`;
		case "fraction":
			return percent(value, 2);
		default:
			return count(value);
	}
}

export function unitOf(name: string): MemStatsUnit | undefined {
	return name === "rssBytes" || name === "live" ? "bytes" : memStatsField(name)?.unit;
}

/** What a field is, as much of it as fits: its clauses, from the first on. */
export function wordsOf(name: string, width: number): string {
	const clauses = (memStatsField(name)?.words ?? "").split(/(?<=[;:,]) /);
	let text = "";
	for (const clause of clauses) {
		const longer = text === "" ? clause : `${text} ${clause}`;
		if (longer.replace(/[;:,]$/, "").length > width) break;
		text = longer;
	}
	return text === "" ? clip(clauses.join(" "), width) : text.replace(/[;:,]$/, "");
}
