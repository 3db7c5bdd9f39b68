import { ParseError } from "../../bytes/parse-error.ts";
import type { MemStatsName } from "./fields.ts";
import { type Exact, isEmpty, type MemStatsReading, type ReadingDraft } from "./reading.ts";

const FORMAT = "prometheus";
/** A federation page has a reading per process. */
const MAX_READINGS = 1 << 14;

/**
 * Names of client_golang's Go collector (prometheus/go_collector.go, v1.25 and before): always those of runtime.MemStats,
 * whatever is read from runtime/metrics behind them. Lookups and the CPU fraction come from older versions only.
 */
const MEM_STATS: ReadonlyMap<string, MemStatsName> = new Map([
	["go_memstats_alloc_bytes", "Alloc"],
	["go_memstats_alloc_bytes_total", "TotalAlloc"],
	["go_memstats_sys_bytes", "Sys"],
	["go_memstats_lookups_total", "Lookups"],
	["go_memstats_mallocs_total", "Mallocs"],
	["go_memstats_frees_total", "Frees"],
	["go_memstats_heap_alloc_bytes", "HeapAlloc"],
	["go_memstats_heap_sys_bytes", "HeapSys"],
	["go_memstats_heap_idle_bytes", "HeapIdle"],
	["go_memstats_heap_inuse_bytes", "HeapInuse"],
	["go_memstats_heap_released_bytes", "HeapReleased"],
	// some old versions had it as a counter
	["go_memstats_heap_released_bytes_total", "HeapReleased"],
	["go_memstats_heap_objects", "HeapObjects"],
	["go_memstats_stack_inuse_bytes", "StackInuse"],
	["go_memstats_stack_sys_bytes", "StackSys"],
	["go_memstats_mspan_inuse_bytes", "MSpanInuse"],
	["go_memstats_mspan_sys_bytes", "MSpanSys"],
	["go_memstats_mcache_inuse_bytes", "MCacheInuse"],
	["go_memstats_mcache_sys_bytes", "MCacheSys"],
	["go_memstats_buck_hash_sys_bytes", "BuckHashSys"],
	["go_memstats_gc_sys_bytes", "GCSys"],
	["go_memstats_other_sys_bytes", "OtherSys"],
	["go_memstats_next_gc_bytes", "NextGC"],
	["go_memstats_gc_cpu_fraction", "GCCPUFraction"],
	["go_gc_duration_seconds_count", "NumGC"],
]);

/** runtime/metrics gives math.MaxInt64 for no memory limit and math.MaxUint64 for GOGC=off; as doubles they are at least: */
const NO_LIMIT = 2 ** 63;

type Setter = (reading: ReadingDraft, value: number, labels: ReadonlyMap<string, string>) => void;

const OTHERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
	[
		"go_memstats_last_gc_time_seconds",
		(reading, value) => {
			reading.memStats.LastGC = nanoseconds(value);
		},
	],
	[
		"go_gc_duration_seconds_sum",
		(reading, value) => {
			reading.memStats.PauseTotalNs = Math.round(value * 1e9);
		},
	],
	[
		"go_goroutines",
		(reading, value) => {
			reading.goroutines = value;
		},
	],
	[
		"go_threads",
		(reading, value) => {
			reading.threads = value;
		},
	],
	[
		"go_gc_gogc_percent",
		(reading, value) => {
			reading.gogc = value >= NO_LIMIT || value < 0 ? "off" : value;
		},
	],
	[
		"go_gc_gomemlimit_bytes",
		(reading, value) => {
			reading.memoryLimit = value >= NO_LIMIT ? "off" : value;
		},
	],
	[
		"go_sched_gomaxprocs_threads",
		(reading, value) => {
			reading.goMaxProcs = value;
		},
	],
	[
		"process_resident_memory_bytes",
		(reading, value) => {
			reading.residentBytes = value;
		},
	],
	[
		"process_virtual_memory_bytes",
		(reading, value) => {
			reading.virtualBytes = value;
		},
	],
	[
		"go_info",
		(reading, _value, labels) => {
			const version = labels.get("version");
			if (version !== undefined) reading.goVersion = version;
		},
	],
]);

/** Labels that do not tell processes apart. */
const OWN_LABELS: ReadonlySet<string> = new Set(["quantile", "le", "version"]);

/**
 * The memory metrics of a Prometheus or OpenMetrics text page: one reading per set of labels, so that a federation page or
 * several pages one after another come apart. Other metrics are skipped. Values are doubles, times in ms. Throws ParseError.
 */
export function parsePrometheus(text: string): MemStatsReading[] {
	const readings = new Map<string, ReadingDraft>();
	// OpenMetrics ends in this line, and has its time stamps in seconds; Prometheus has them in ms.
	const timeScale = /^# EOF$/m.test(text) ? 1000 : 1;
	for (let at = 0; at < text.length; ) {
		const newline = text.indexOf("\n", at);
		const end = newline < 0 ? text.length : newline;
		// go_… and process_… only: nothing else is cut out of the page
		if (text.startsWith("go_", at) || text.startsWith("process_", at)) {
			readSample(text.slice(at, end), at, timeScale, readings);
		}
		at = end + 1;
	}
	return [...readings.values()].filter((reading) => !isEmpty(reading.memStats) || reading.residentBytes !== undefined);
}

function readSample(line: string, offset: number, timeScale: number, readings: Map<string, ReadingDraft>): void {
	const name = /^[a-z_]{1,64}/.exec(line)?.[0] ?? "";
	const field = MEM_STATS.get(name);
	const setter = OTHERS.get(name);
	if (field === undefined && setter === undefined) return;
	const { labels, rest } = labelsOf(line.slice(name.length), offset);
	// exemplars of OpenMetrics follow a #
	const [value = "", time] = rest.split("#", 1)[0]?.trim().split(/\s+/, 3) ?? [];
	const number = value === "" ? Number.NaN : Number(value);
	if (Number.isNaN(number)) return; // "NaN" is a value too: unknown
	if (!Number.isFinite(number) || number < -1) {
		throw new ParseError({ format: FORMAT, offset, field: name, expected: "a number", actual: value.slice(0, 40) });
	}
	const reading = readingOf(labels, readings, offset);
	if (field !== undefined) reading.memStats[field] = exactNumber(number);
	else setter?.(reading, number, labels);
	if (time !== undefined && /^[0-9]{1,16}(?:\.[0-9]{1,9})?$/.test(time)) reading.time = Number(time) * timeScale;
}

function readingOf(
	labels: ReadonlyMap<string, string>,
	readings: Map<string, ReadingDraft>,
	offset: number,
): ReadingDraft {
	const own = [...labels].filter(([name]) => !OWN_LABELS.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
	const key = JSON.stringify(own);
	let reading = readings.get(key);
	if (reading === undefined) {
		if (readings.size === MAX_READINGS) {
			throw new ParseError({ format: FORMAT, offset, expected: `at most ${MAX_READINGS} sets of labels` });
		}
		reading = { source: "prometheus", memStats: {} };
		if (own.length > 0) reading.labels = Object.fromEntries(own);
		readings.set(key, reading);
	}
	return reading;
}

/** `{a="b",c="d"}` in front of a sample's value; values escape \, " and newline with a backslash. */
function labelsOf(text: string, offset: number): { labels: ReadonlyMap<string, string>; rest: string } {
	const labels = new Map<string, string>();
	if (!text.startsWith("{")) return { labels, rest: text };
	const pattern = /\s*([a-zA-Z_]\w{0,127})\s*=\s*"((?:[^"\\]|\\.){0,4096})"\s*,?/y;
	let at = 1;
	for (let count = 0; count < 64; count++) {
		pattern.lastIndex = at;
		const match = pattern.exec(text);
		if (match === null) break;
		const [whole, name = "", value = ""] = match;
		labels.set(
			name,
			value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
		);
		at += whole.length;
	}
	const close = /\s*\}/y;
	close.lastIndex = at;
	if (close.exec(text) === null)
		throw new ParseError({ format: FORMAT, offset, field: "labels", expected: "a closing }" });
	return { labels, rest: text.slice(close.lastIndex) };
}

function exactNumber(value: number): Exact {
	return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value).toString() : value;
}

/** Seconds since 1970, a double that is exact to about a microsecond, as nanoseconds. */
function nanoseconds(seconds: number): Exact {
	if (seconds <= 0) return 0;
	return (BigInt(Math.round(seconds * 1e6)) * 1000n).toString();
}
