import { ParseError } from "../../bytes/parse-error.ts";
import { isObject, parseExactJson } from "./expvar.ts";
import { MEM_STATS_FIELDS, type MemStatsField } from "./fields.ts";
import { logTime } from "./log-time.ts";
import { bytesPerUnit } from "./quantity.ts";
import { exactOf, type MemStatsReading, type ReadingDraft } from "./reading.ts";

/** A longer line is cut: nobody logs memory at its end. */
const MAX_LINE = 64 << 10;

/** Words that name other things as often: they count only beside a field that does not. */
const GENERIC: ReadonlySet<string> = new Set(["Sys", "Mallocs", "Frees", "Lookups", "EnableGC", "DebugGC"]);

/** Names without case and punctuation: HeapAlloc, heap_alloc and heap-alloc are one. */
const BY_PLAIN_NAME: ReadonlyMap<string, MemStatsField> = new Map(
	MEM_STATS_FIELDS.map((field) => [field.name.toLowerCase(), field]),
);

const UNIT = "bytes|byte|KiB|MiB|GiB|TiB|KB|MB|GB|TB|K|M|G|B";
/** `Alloc = 12 MiB`, `heap_alloc=12345`, `"HeapSys":"1,024 KiB"`; a name is at least three letters long */
const PAIR = new RegExp(
	`([A-Za-z][\\w.-]{2,63})["']?\\s{0,4}(?:=|:)\\s{0,4}["']?([0-9][0-9_,]{0,26}(?:\\.[0-9]{1,18})?(?:e[-+]?[0-9]{1,2})?)\\s{0,2}(?:(${UNIT})(?![\\w/]))?`,
	"gi",
);
const UNIT_SUFFIX = /(bytes|kib|mib|gib|tib|kb|mb|gb|tb)$/;

/**
 * Readings of runtime.MemStats that a program logged: each line with at least one field is one. Takes `Alloc = 12 MiB`,
 * `Alloc: 12345`, key=value and JSON lines; names in any case and as snake_case, with a unit at their end too
 * (heap_alloc_mb). Lines that hold none, or what only looks like one, are skipped: a log is prose. Never throws because of
 * the text.
 */
export function* readLogLines(text: string): Generator<MemStatsReading> {
	for (let at = 0; at < text.length; ) {
		const newline = text.indexOf("\n", at);
		const end = newline < 0 ? text.length : newline;
		const reading = readLogLine(text.slice(at, Math.min(end, at + MAX_LINE)));
		if (reading !== undefined) yield reading;
		at = end + 1;
	}
}

/** The reading in one line; undefined where there is none. */
export function readLogLine(line: string): MemStatsReading | undefined {
	const reading: ReadingDraft = { source: "log", memStats: {} };
	const text = line.trim();
	const json = text.startsWith("{") ? jsonPairs(text) : undefined;
	for (const [name, value, unit] of json ?? textPairs(text)) readPair(reading, name, value, unit);
	const specific = Object.keys(reading.memStats).some((name) => !GENERIC.has(name));
	if (!specific) return undefined;
	const time = logTime(text);
	if (time !== undefined) reading.time = time;
	return reading;
}

type Pair = readonly [name: string, value: string, unit: string];

function* textPairs(text: string): Generator<Pair> {
	for (const [, name = "", value = "", unit = ""] of text.matchAll(PAIR)) yield [name, value, unit];
}

/** Members of an object and of the objects right below it; undefined where the line is no JSON. */
function jsonPairs(text: string): Pair[] | undefined {
	const pairs: Pair[] = [];
	const collect = (value: ReturnType<typeof parseExactJson>, depth: number): void => {
		if (!isObject(value)) return;
		for (const [name, member] of Object.entries(value)) {
			if (typeof member === "number") pairs.push([name, String(member), ""]);
			else if (typeof member === "string") pairs.push(stringPair(name, member));
			else if (depth < 3) collect(member, depth + 1);
		}
	};
	try {
		collect(parseExactJson(text, "log"), 0);
		return pairs;
	} catch (error) {
		if (error instanceof ParseError) return undefined;
		throw error;
	}
}

const QUANTITY = new RegExp(`^([0-9][0-9_,]{0,26}(?:\\.[0-9]{1,18})?)\\s{0,2}(${UNIT})?$`, "i");

function stringPair(name: string, text: string): Pair {
	const [, value = "", unit = ""] = QUANTITY.exec(text) ?? [];
	return [name, value, unit];
}

function readPair(reading: ReadingDraft, name: string, value: string, unit: string): void {
	const plain = name
		.slice(name.lastIndexOf(".") + 1)
		.replace(/[-_]/g, "")
		.toLowerCase();
	const digits = value.replace(/[_,]/g, "");
	if (digits === "") return;
	const number = Number(digits);
	if (!Number.isFinite(number)) return;
	if (/^(?:num)?goroutines?$/.test(plain)) {
		if (Number.isSafeInteger(number)) reading.goroutines = number;
		return;
	}
	const suffix = UNIT_SUFFIX.exec(plain)?.[1] ?? "";
	const field = BY_PLAIN_NAME.get(plain) ?? BY_PLAIN_NAME.get(plain.slice(0, plain.length - suffix.length));
	if (field === undefined || field.unit === "boolean" || reading.memStats[field.name] !== undefined) return;
	const nameUnit = BY_PLAIN_NAME.has(plain) ? "" : suffix;
	const scale = bytesPerUnit(unit === "" ? nameUnit : unit) ?? 1;
	if (scale !== 1 && field.unit !== "bytes") return;
	if (field.unit === "fraction") reading.memStats[field.name] = number;
	else if (scale === 1 && /^[0-9]{1,20}$/.test(digits)) reading.memStats[field.name] = exactOf(digits, "log", name);
	else {
		const rounded = Math.round(number * scale);
		if (!Number.isSafeInteger(rounded)) return;
		reading.memStats[field.name] = rounded;
		reading.rounded = true;
	}
}
