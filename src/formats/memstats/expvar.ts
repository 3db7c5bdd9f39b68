import { ParseError } from "../../bytes/parse-error.ts";
import { MEM_STATS_FIELDS } from "./fields.ts";
import { type Exact, exactOf, type MemStatsDraft, type MemStatsReading, type SizeClass } from "./reading.ts";

const FORMAT = "expvar";
/** Programs publish variables of their own beside memstats; larger than this is no page of counters. */
const MAX_TEXT = 64 << 20;
/** Lengths of PauseNs, PauseEnd and BySize (68 size classes at most), with room. */
const MAX_LIST = 1024;

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * /debug/vars: the variable `memstats` of package expvar. Also takes the JSON of a runtime.MemStats by itself. The other
 * variables (cmdline among them) are not kept. Throws ParseError.
 */
export function parseExpvar(text: string): MemStatsReading {
	const document = parseExactJson(text, FORMAT);
	const memstats = isObject(document) ? (document["memstats"] ?? document) : undefined;
	if (!isObject(memstats) || memstats["HeapSys"] === undefined) {
		throw new ParseError({ format: FORMAT, field: "memstats", expected: "an object with HeapSys" });
	}
	const stats: MemStatsDraft = {};
	for (const { name, unit } of MEM_STATS_FIELDS) {
		const value = memstats[name];
		if (value === undefined) continue;
		if (unit === "boolean") stats[name] = value === true ? 1 : 0;
		else if (unit === "fraction") stats[name] = fraction(value, name);
		else stats[name] = exact(value, name);
	}
	const pauseNs = list(memstats["PauseNs"], "PauseNs");
	const pauseEnd = list(memstats["PauseEnd"], "PauseEnd");
	const bySize = list(memstats["BySize"], "BySize");
	if (pauseNs !== undefined) stats.PauseNs = pauseNs.map((value) => exact(value, "PauseNs"));
	if (pauseEnd !== undefined) stats.PauseEnd = pauseEnd.map((value) => exact(value, "PauseEnd"));
	if (bySize !== undefined) stats.BySize = bySize.map(sizeClass);
	return { source: "expvar", memStats: stats };
}

/** JSON whose integers above 2^53 come as strings of their digits. Throws ParseError. */
export function parseExactJson(text: string, format: string): Json {
	if (text.length > MAX_TEXT) {
		throw new ParseError({ format, expected: `at most ${MAX_TEXT} characters`, actual: String(text.length) });
	}
	// The third argument is that of the JSON.parse source text access proposal (V8 11.4).
	const reviver = (_key: string, value: Json, context?: { readonly source?: string }): Json =>
		typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
			? digitsOf(context?.source, value)
			: value;
	try {
		return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as Json;
	} catch (cause) {
		// SyntaxError; RangeError where it nests deeper than the stack
		throw new ParseError({ format, expected: "JSON", actual: cause instanceof Error ? cause.message : "" }, { cause });
	}
}

/** The source of a large integer; a large number with a fraction or exponent stays what it is. */
function digitsOf(source: string | undefined, value: number): Json {
	return source !== undefined && /^[0-9]{1,20}$/.test(source) ? source : value;
}

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function exact(value: Json, field: string): Exact {
	if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
	if (typeof value === "string") return exactOf(value, FORMAT, field);
	throw new ParseError({
		format: FORMAT,
		field,
		expected: "a non-negative integer",
		actual: String(value).slice(0, 40),
	});
}

function fraction(value: Json, field: string): number {
	if (typeof value === "number" && Number.isFinite(value)) return value;
	throw new ParseError({ format: FORMAT, field, expected: "a number", actual: String(value).slice(0, 40) });
}

function list(value: Json | undefined, field: string): readonly Json[] | undefined {
	if (value === undefined) return undefined;
	if (!Array.isArray(value) || value.length > MAX_LIST) {
		throw new ParseError({ format: FORMAT, field, expected: `a list of at most ${MAX_LIST}` });
	}
	return value;
}

function sizeClass(value: Json): SizeClass {
	if (!isObject(value)) throw new ParseError({ format: FORMAT, field: "BySize", expected: "objects" });
	const { Size = -1, Mallocs = -1, Frees = -1 } = value;
	return {
		Size: Number(exact(Size, "BySize.Size")),
		Mallocs: exact(Mallocs, "BySize.Mallocs"),
		Frees: exact(Frees, "BySize.Frees"),
	};
}
