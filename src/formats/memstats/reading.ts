import { ParseError } from "../../bytes/parse-error.ts";
import { MEM_STATS_FIELDS, type MemStatsName } from "./fields.ts";

/** A number, or its decimal digits where it is not exact as one (LastGC and PauseEnd are above 2^53). */
export type Exact = number | string;

export interface SizeClass {
	/** largest object of the class, bytes */
	readonly Size: number;
	readonly Mallocs: Exact;
	readonly Frees: Exact;
}

/** runtime.MemStats under Go's names; what a source does not tell is missing. EnableGC and DebugGC are 0 or 1. */
export type MemStats = { readonly [Name in MemStatsName]?: Exact } & {
	/** circular: the pause of cycle N is at N % 256, in ns */
	readonly PauseNs?: readonly Exact[];
	/** circular as PauseNs: the end of the pause, in ns since 1970 */
	readonly PauseEnd?: readonly Exact[];
	readonly BySize?: readonly SizeClass[];
};

/** What one text says about a process's memory at one time. */
export interface MemStatsReading {
	readonly source: "expvar" | "heap-debug1" | "prometheus" | "log";
	/** ms since 1970; of a log line without a time zone, its time taken for UTC */
	readonly time?: number;
	readonly memStats: MemStats;
	/** values were given in KiB, MB … and are only as exact as those */
	readonly rounded?: boolean;
	readonly goroutines?: number;
	readonly threads?: number;
	readonly goVersion?: string;
	/** GOGC in percent */
	readonly gogc?: number | "off";
	/** GOMEMLIMIT in bytes */
	readonly memoryLimit?: number | "off";
	readonly goMaxProcs?: number;
	/** bytes */
	readonly residentBytes?: number;
	/** the largest resident size so far, bytes (getrusage) */
	readonly peakResidentBytes?: number;
	readonly virtualBytes?: number;
	/** Prometheus labels that tell processes apart (instance, pod …) */
	readonly labels?: Readonly<Record<string, string>>;
}

/** Mutable while a parser collects; handed out as the readonly form. */
export type MemStatsDraft = { -readonly [Key in keyof MemStats]: MemStats[Key] };
export type ReadingDraft = { -readonly [Key in keyof Omit<MemStatsReading, "memStats">]: MemStatsReading[Key] } & {
	readonly memStats: MemStatsDraft;
};

/** An exact value of decimal digits. Throws ParseError where they are none, or more than 2^64 has. */
export function exactOf(digits: string, format: string, field: string): Exact {
	if (!/^[0-9]{1,20}$/.test(digits)) {
		const actual = JSON.stringify(digits.slice(0, 40));
		throw new ParseError({ format, field, expected: "a decimal number below 2^64", actual });
	}
	const value = Number(digits);
	return Number.isSafeInteger(value) ? value : digits;
}

/** The value as a number: rounded where it is above 2^53. */
export function inexact(value: Exact): number {
	return typeof value === "number" ? value : Number(value);
}

/** When the last GC ended, ms since 1970; undefined where that is not known or there was none. */
export function lastGcTime(memStats: MemStats): number | undefined {
	const nanoseconds = memStats.LastGC === undefined ? 0 : inexact(memStats.LastGC);
	return nanoseconds === 0 ? undefined : nanoseconds / 1e6;
}

/** Whether there is any field at all. */
export function isEmpty(memStats: MemStats): boolean {
	return MEM_STATS_FIELDS.every(({ name }) => memStats[name] === undefined);
}
