import { ParseError } from "../../bytes/parse-error.ts";
import { type MemStatsName, memStatsField } from "./fields.ts";
import { type Exact, exactOf, type MemStatsReading, type ReadingDraft } from "./reading.ts";

const FORMAT = "heap debug=1";
const HEADING = "# runtime.MemStats";
/** PauseNs and PauseEnd have 256 entries. */
const MAX_LIST = 1024;

/** `# Stack = inuse / sys` and its like */
const PAIRS: ReadonlyMap<string, readonly [inuse: MemStatsName, sys: MemStatsName]> = new Map([
	["Stack", ["StackInuse", "StackSys"]],
	["MSpan", ["MSpanInuse", "MSpanSys"]],
	["MCache", ["MCacheInuse", "MCacheSys"]],
]);

/**
 * What stands below the records of /debug/pprof/heap?debug=1 (and of allocs): `# runtime.MemStats` and lines
 * `# Alloc = 123` (writeHeapInternal in runtime/pprof/pprof.go, Go 1.26). It has all of runtime.MemStats but PauseTotalNs,
 * EnableGC and BySize, and MaxRSS besides (bytes, Go 1.17). Throws ParseError where there is no such heading.
 */
export function parseHeapTrailer(text: string): MemStatsReading {
	const heading = text.lastIndexOf(HEADING);
	if (heading < 0) throw new ParseError({ format: FORMAT, expected: HEADING });
	const reading: ReadingDraft = { source: "heap-debug1", memStats: {} };
	for (const line of text.slice(heading, heading + (1 << 20)).split("\n", 200)) {
		const match = /^# (\w{1,32}) = (\S[\s\S]*)$/.exec(line.trimEnd());
		const [, name, value] = match ?? [];
		if (name !== undefined && value !== undefined) readLine(reading, name, value);
	}
	if (reading.memStats.HeapSys === undefined) {
		throw new ParseError({ format: FORMAT, offset: heading, field: "HeapSys", actual: "nothing" });
	}
	return reading;
}

function readLine(reading: ReadingDraft, name: string, value: string): void {
	const stats = reading.memStats;
	const pair = PAIRS.get(name);
	if (pair !== undefined) {
		const [inuse = "", sys = ""] = value.split(" / ", 3);
		stats[pair[0]] = exactOf(inuse, FORMAT, name);
		stats[pair[1]] = exactOf(sys, FORMAT, name);
	} else if (name === "PauseNs" || name === "PauseEnd") {
		stats[name] = listOf(value, name);
	} else if (name === "MaxRSS") {
		reading.peakResidentBytes = Number(exactOf(value, FORMAT, name));
	} else {
		const field = memStatsField(name);
		if (field?.unit === "boolean") stats[field.name] = value === "true" ? 1 : 0;
		else if (field?.unit === "fraction") stats[field.name] = fractionOf(value, name);
		else if (field !== undefined) stats[field.name] = exactOf(value, FORMAT, name);
	}
}

function listOf(value: string, field: string): Exact[] {
	const numbers = /^\[([0-9 ]*)\]$/.exec(value)?.[1]?.split(" ", MAX_LIST + 1);
	if (numbers === undefined || numbers.length > MAX_LIST) {
		throw new ParseError({ format: FORMAT, field, expected: `a list of at most ${MAX_LIST} numbers` });
	}
	return numbers.map((digits) => exactOf(digits, FORMAT, field));
}

/** Go's %v of a float64: `0.0715`, `1e-05`, and NaN or Inf, which are no fraction. */
function fractionOf(value: string, field: string): number {
	const number = /^[0-9.]{1,30}(?:e[-+][0-9]{1,3})?$/.test(value) ? Number(value) : Number.NaN;
	if (!Number.isFinite(number)) {
		throw new ParseError({ format: FORMAT, field, expected: "a number", actual: JSON.stringify(value.slice(0, 40)) });
	}
	return number;
}
