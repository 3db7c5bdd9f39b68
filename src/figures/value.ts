import { bytes, count, duration } from "./figures.ts";

/** A figure of a profile in its unit as a person reads it: `61.7 MiB`, `1,204`, `340 ms`; other units as they are named. */
export function valueText(value: number, unit: string): string {
	if (unit === "bytes") return bytes(value);
	const nanoseconds = nanosecondsIn.get(unit);
	if (nanoseconds !== undefined) return duration((value * nanoseconds) / 1e6);
	const figure = Number.isInteger(value) ? count(value) : value.toFixed(2);
	return unit === "" || unit === "count" ? figure : `${figure} ${unit}`;
}

/** The same with a + before what is not negative: of a difference. */
export function changeText(value: number, unit: string): string {
	return value > 0 ? `+${valueText(value, unit)}` : valueText(value, unit);
}

/** A figure as pprof's divide_by makes it: cut to a whole number, and left alone by what is no divisor. */
export function dividedBy(value: number, divisor: number): number {
	const ratio = 1 / divisor;
	return ratio > 0 && ratio !== 1 ? Math.trunc(value * ratio) + 0 : value;
}

const nanosecondsIn: ReadonlyMap<string, number> = new Map([
	["nanoseconds", 1],
	["microseconds", 1e3],
	["milliseconds", 1e6],
	["seconds", 1e9],
]);
