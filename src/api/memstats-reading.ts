import { MEM_STATS_FIELDS, type MemStatsName } from "../formats/memstats/fields.ts";
import type { MemStatsReading } from "../formats/memstats/reading.ts";
import type { RuntimeCounters } from "../goruntime/memstats.ts";
import { heapTrigger, limitedByMemory, NO_MEMORY_LIMIT, type Pacer } from "../goruntime/pacer.ts";
import type { Exact, MemStatsFields, Meta, PacerShape } from "./memstats-shape.ts";

/** One reading of MemStats, whatever it came from, in the form of the result. */
export interface Taken {
	/** unix milliseconds; undefined for a log line without a time stamp */
	readonly at: number | undefined;
	readonly fields: MemStatsFields;
	readonly pacer?: PacerShape;
	readonly meta: Omit<Meta, "units" | "at">;
}

/** Readings of one target, one after another. */
export interface MemStatsSource {
	/** whether `next` looks at something that moves on, rather than at what was written down */
	readonly live: boolean;
	/** undefined at the end */
	next(): Promise<Taken | undefined>;
	close(): void;
}

type Draft = { -readonly [Name in keyof MemStatsFields]: MemStatsFields[Name] };

/** What gomem read in the runtime itself. */
export function takenFromRuntime(counters: RuntimeCounters, at: number, meta: Taken["meta"]): Taken {
	const { memStats } = counters;
	const draft: Draft = {};
	for (const { name, unit } of MEM_STATS_FIELDS) {
		const value = memStats[name];
		if (unit === "boolean" || unit === "fraction") assign(draft, name, value);
		else assign(draft, name, typeof value === "bigint" ? exactly(value) : value);
	}
	draft.PauseNs = memStats.PauseNs;
	draft.PauseEnd = memStats.PauseEnd.map((end) => exactly(BigInt(end)));
	draft.BySize = memStats.BySize.map((one) => ({ ...one }));
	return { at, fields: draft, pacer: pacerShape(counters), meta };
}

/** What a page or a log line says. */
export function takenFromText(
	reading: MemStatsReading,
	at: number | undefined,
	meta: Omit<Taken["meta"], "source">,
): Taken {
	const { memStats } = reading;
	const draft: Draft = {};
	for (const { name, unit } of MEM_STATS_FIELDS) {
		const value = memStats[name];
		if (value === undefined) continue;
		if (unit === "boolean") assign(draft, name, value !== 0);
		else assign(draft, name, unit === "fraction" ? Number(value) : value);
	}
	if (memStats.PauseNs !== undefined) draft.PauseNs = memStats.PauseNs;
	if (memStats.PauseEnd !== undefined) draft.PauseEnd = memStats.PauseEnd;
	if (memStats.BySize !== undefined) draft.BySize = memStats.BySize.map((one) => ({ ...one }));
	return {
		at: reading.time ?? at,
		fields: draft,
		meta: {
			...meta,
			source: reading.source,
			...defined("goVersion", reading.goVersion),
			...defined("goroutines", reading.goroutines),
			...defined("threads", reading.threads),
			...defined("gogc", reading.gogc),
			...defined("memoryLimitBytes", reading.memoryLimit),
			...defined("rssBytes", reading.residentBytes),
			...defined("peakRssBytes", reading.peakResidentBytes),
			...(reading.rounded === true ? { rounded: true } : {}),
		},
	};
}

function defined<K extends string, V>(key: K, value: V | undefined): { [Key in K]: V } | object {
	return value === undefined ? {} : { [key]: value };
}

function assign(draft: Draft, name: MemStatsName, value: Exact | boolean | bigint): void {
	(draft as Record<string, unknown>)[name] = value;
}

function exactly(value: bigint): Exact {
	return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

/** An exact value as a number (rounded above 2^53); undefined where it is not there. */
export function numberOf(value: Exact | boolean | undefined): number | undefined {
	return value === undefined || typeof value === "boolean" ? undefined : Number(value);
}

/** mgcpacer.go: defaultHeapMinimum, scaled by GOGC in setGCPercent. */
const DEFAULT_HEAP_MINIMUM = 4n << 20n;

function pacerShape(counters: RuntimeCounters): PacerShape {
	const { pacer, memStats, gcWorkBufBytes } = counters;
	return {
		goalBytes: bytesOrOff(BigInt(memStats.NextGC)),
		triggerBytes: bytesOrOff(BigInt(heapTrigger(pacer))),
		heapMarkedBytes: pacer.heapMarked,
		heapLiveBytes: pacer.heapLive,
		gogc: pacer.gcPercent < 0 ? "off" : pacer.gcPercent,
		memoryLimitBytes: pacer.memoryLimit === NO_MEMORY_LIMIT ? "off" : bytesOrOff(pacer.memoryLimit),
		limitedBy: limitedBy(pacer),
		stacksScannedBytes: pacer.lastStackScan,
		globalsScannedBytes: pacer.globalsScan,
		gcWorkBufBytes,
	};
}

function bytesOrOff(value: bigint): number | "off" {
	return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : "off";
}

function limitedBy(pacer: Pacer): PacerShape["limitedBy"] {
	if (pacer.memoryLimit !== NO_MEMORY_LIMIT && limitedByMemory(pacer)) return "GOMEMLIMIT";
	if (pacer.gcPercent < 0) return "nothing";
	return pacer.gcPercentHeapGoal <= (DEFAULT_HEAP_MINIMUM * BigInt(pacer.gcPercent)) / 100n ? "minimum heap" : "GOGC";
}
