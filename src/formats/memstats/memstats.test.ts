import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ParseError } from "../../bytes/parse-error.ts";
import { memStatsForm, parseMemStats } from "./detect.ts";
import { parseExpvar } from "./expvar.ts";
import { MEM_STATS_FIELDS } from "./fields.ts";
import { parseHeapTrailer } from "./heap-trailer.ts";
import { readLogLine, readLogLines } from "./log-lines.ts";
import { logTime } from "./log-time.ts";
import { parsePrometheus } from "./prometheus.ts";
import { lastGcTime, type MemStatsReading } from "./reading.ts";

// One Go 1.26.8 process (client_golang 1.25.0) asked in turn for its four forms, within milliseconds.
const data = (name: string): string => readFileSync(new URL(`testdata/${name}`, import.meta.url), "utf8");
const EXPVAR = data("debug-vars.txt");
const HEAP = data("heap-debug1.txt");
const METRICS = data("metrics.txt");
const LOG = data("log.txt");

test("fields: every field of the installed Go's runtime.MemStats is in the table, and no other", (t) => {
	let source: string;
	try {
		const root = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
		source = readFileSync(`${root}/src/runtime/mstats.go`, "utf8");
	} catch {
		return t.skip("no Go toolchain here");
	}
	const struct = /^type MemStats struct \{\n([\s\S]*?)^\}/m.exec(source)?.[1] ?? "";
	const names = [...struct.matchAll(/^\t([A-Z]\w+) +(\S+)/gm)].filter(([, , type]) => !type?.startsWith("["));
	assert.deepEqual(
		MEM_STATS_FIELDS.map((field) => field.name),
		names.map(([, name]) => name),
	);
	for (const field of MEM_STATS_FIELDS) assert.ok(field.words.length < 130, field.name);
});

test("expvar: exact values, lists, and nothing of the other variables", () => {
	const reading = parseExpvar(EXPVAR);
	const raw: unknown = JSON.parse(EXPVAR);
	const { memstats } = raw as { memstats: Record<string, number> };
	for (const { name, unit } of MEM_STATS_FIELDS) {
		if (unit !== "boolean" && unit !== "unix-ns") assert.equal(reading.memStats[name], memstats[name], name);
	}
	const digits = /"LastGC":(\d+)/.exec(EXPVAR)?.[1];
	assert.equal(reading.memStats.LastGC, digits);
	assert.equal(reading.memStats.PauseNs?.length, 256);
	assert.equal(reading.memStats.PauseEnd?.[5], digits);
	assert.equal(reading.memStats.BySize?.length, 61);
	assert.equal(reading.memStats.BySize?.[60]?.Size, 18432);
	assert.equal(JSON.stringify(reading).includes("hunter2"), false);
	assert.equal(new Date(lastGcTime(reading.memStats) ?? 0).toISOString().slice(0, 10), "2026-11-23");
});

test("heap?debug=1: the trailer's values, its lists and MaxRSS", () => {
	const reading = parseHeapTrailer(HEAP);
	const { memStats } = reading;
	const line = (name: string): string | undefined => new RegExp(`^# ${name} = (.*)$`, "m").exec(HEAP)?.[1];
	assert.equal(String(memStats.HeapAlloc), line("HeapAlloc"));
	assert.equal(memStats.LastGC, line("LastGC"));
	assert.equal(`${memStats.MSpanInuse} / ${memStats.MSpanSys}`, line("MSpan"));
	assert.equal(`[${memStats.PauseNs?.join(" ")}]`, line("PauseNs"));
	assert.equal(`[${memStats.PauseEnd?.join(" ")}]`, line("PauseEnd"));
	assert.equal(String(memStats.GCCPUFraction), line("GCCPUFraction"));
	assert.equal(String(reading.peakResidentBytes), line("MaxRSS"));
	const missing = MEM_STATS_FIELDS.filter((field) => memStats[field.name] === undefined).map((field) => field.name);
	assert.deepEqual(missing, ["PauseTotalNs", "EnableGC"]);
	const sum = ["HeapSys", "StackSys", "MSpanSys", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys"] as const;
	assert.equal(
		sum.reduce((total, name) => total + Number(memStats[name]), 0),
		memStats.Sys,
	);
});

test("prometheus: the same process's fields within what happened between two requests", () => {
	const [reading, ...others] = parsePrometheus(METRICS);
	assert.equal(others.length, 0);
	assert.ok(reading !== undefined);
	const before = parseHeapTrailer(HEAP).memStats;
	for (const name of ["NextGC", "NumGC", "StackSys", "MSpanSys", "HeapSys", "Sys"] as const) {
		const difference = Math.abs(Number(reading.memStats[name]) - Number(before[name]));
		assert.ok(difference <= 128 << 10, `${name} differs by ${difference}`);
	}
	assert.equal(reading.memStats.PauseTotalNs, parseExpvar(EXPVAR).memStats.PauseTotalNs);
	// a double has microseconds of it
	assert.ok(Math.abs((lastGcTime(reading.memStats) ?? 0) - (lastGcTime(before) ?? 0)) < 0.002);
	assert.equal(reading.goVersion, "go1.26.8");
	assert.equal(reading.memoryLimit, 2 ** 31);
	assert.equal(reading.gogc, 100);
	assert.equal(reading.goMaxProcs, 2);
	assert.equal(reading.goroutines, 10);
	assert.equal(reading.residentBytes, 14831616);
	assert.equal(reading.labels, undefined);
	// everything that the collector has about memory is understood
	const names = [...METRICS.matchAll(/^(go_memstats_\w+) /gm)].map(([, name]) => name);
	assert.equal(Object.keys(reading.memStats).length, names.length + 2);
});

test("prometheus: labels tell processes apart, limits may be off, old names and time stamps count", () => {
	const readings = parsePrometheus(
		'go_memstats_heap_sys_bytes{instance="a:1",pod="x\\"\\n}y"} 1.5e+07 1700000000000\n' +
			'go_memstats_heap_sys_bytes{instance="b:1"} 2e+07\n' +
			'go_info{instance="b:1",version="go1.19.13"} 1\n' +
			'go_gc_gomemlimit_bytes{instance="b:1"} 9.223372036854776e+18\n' +
			'go_gc_gogc_percent{instance="b:1"} 1.8446744073709552e+19\n' +
			'go_memstats_gc_cpu_fraction{instance="b:1"} 0.002\n' +
			'go_goroutines{instance="c:1"} 7\nhttp_requests_total{code="200"} 5\n',
	);
	assert.equal(readings.length, 2);
	assert.deepEqual(readings[0], {
		source: "prometheus",
		memStats: { HeapSys: 15_000_000 },
		labels: { instance: "a:1", pod: 'x"\n}y' },
		time: 1_700_000_000_000,
	});
	assert.equal(readings[1]?.memoryLimit, "off");
	assert.equal(readings[1]?.gogc, "off");
	assert.equal(readings[1]?.goVersion, "go1.19.13");
	assert.equal(readings[1]?.memStats.GCCPUFraction, 0.002);
	const [openMetrics] = parsePrometheus('go_memstats_sys_bytes 5 1700000000.5 # {a="b"} 1\n# EOF\n');
	assert.equal(openMetrics?.time, 1_700_000_000_500);
	assert.throws(() => parsePrometheus('go_memstats_sys_bytes{a="b 5\n'), ParseError);
});

test("log: the forms that real programs print", () => {
	const readings = [...readLogLines(LOG)];
	assert.deepEqual(
		readings.map((reading) => reading.memStats),
		[
			{ Alloc: 4 << 20, TotalAlloc: 14 << 20, Sys: 16 << 20, NumGC: 6 },
			{ Alloc: 4781048, HeapInuse: 5783552 },
			{ HeapAlloc: 4781048, NumGC: 6, Sys: 17475864 },
			{ HeapAlloc: 4781048, NumGC: 6 },
		],
	);
	assert.deepEqual(
		readings.map((reading) => reading.rounded),
		[true, undefined, undefined, undefined],
	);
	assert.equal(readings[1]?.time, Date.UTC(2026, 10, 23, 15, 38, 38));
	assert.ok(Math.abs((readings[2]?.time ?? 0) - (Date.UTC(2026, 10, 23, 15, 38, 38) + 376.318188)) < 0.001);
	assert.equal(readings[3]?.goroutines, 5);
});

test("log: units, names and what is no reading", () => {
	const stats = (line: string): MemStatsReading["memStats"] | undefined => readLogLine(line)?.memStats;
	assert.deepEqual(stats("heap_alloc_mb=12.5 heap-sys: 1,024KiB"), { HeapAlloc: 12_500_000, HeapSys: 1 << 20 });
	assert.deepEqual(stats("HEAPALLOC: 3 GB"), { HeapAlloc: 3e9 });
	assert.deepEqual(stats("memstats.HeapInuse=10"), { HeapInuse: 10 });
	assert.deepEqual(stats('{"mem":{"HeapAlloc":"12 MiB","last_gc":1795448318363805007}}'), {
		HeapAlloc: 12 << 20,
		LastGC: "1795448318363805007",
	});
	assert.deepEqual(stats("Alloc: 12345"), { Alloc: 12345 });
	for (const line of [
		"",
		"sys=12 user=34",
		"reallocated=5",
		"Alloc rate = 5 MiB/s",
		"NumGC = 3 MiB",
		"HeapAlloc = many",
		"{",
		"4781048 5783552",
	]) {
		assert.equal(stats(line), undefined, line);
	}
});

test("log: time stamps", () => {
	const noon = Date.UTC(2026, 0, 2, 12, 0, 0);
	assert.equal(logTime("2026-01-02T12:00:00Z x"), noon);
	assert.equal(logTime("2026-01-02T14:00:00.250+02:00 x"), noon + 250);
	assert.equal(logTime("2026-01-02 12:00:00,5 x"), noon + 500);
	assert.equal(logTime("2026/01/02 12:00:00 x"), noon);
	assert.equal(logTime(`{"level":"info","ts":${noon / 1000}.5,"HeapAlloc":1}`), noon + 500);
	assert.equal(logTime(`{"time":${noon}}`), noon);
	assert.equal(logTime(`{"ts":${noon}000000}`), noon);
	assert.equal(logTime("2026-99-02T12:00:00Z"), undefined);
	assert.equal(logTime("Alloc = 1795448318363805007"), undefined);
});

test("forms are told apart", () => {
	assert.equal(memStatsForm(EXPVAR), "expvar");
	assert.equal(memStatsForm(HEAP), "heap-debug1");
	assert.equal(memStatsForm(METRICS), "prometheus");
	assert.equal(memStatsForm(LOG), "log");
	assert.deepEqual(
		[EXPVAR, HEAP, METRICS, LOG].map((text) => parseMemStats(text).length),
		[1, 1, 1, 4],
	);
});

test("truncated and damaged texts: only ParseError escapes", () => {
	for (const text of [EXPVAR, HEAP, METRICS, LOG]) {
		for (let length = 0; length < text.length; length += 13) onlyParseError(text.slice(0, length));
		fc.assert(
			fc.property(fc.nat(text.length - 1), fc.nat(255), (at, code) => {
				onlyParseError(text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1));
			}),
			{ numRuns: 300, seed: 1 },
		);
	}
	const deep = `{"memstats":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
	assert.throws(() => parseExpvar(deep), ParseError);
	assert.throws(() => parseExpvar('{"memstats":{"HeapSys":-1}}'), ParseError);
	assert.throws(() => parseExpvar('{"memstats":{"HeapSys":"18446744073709551616000"}}'), ParseError);
	const started = performance.now();
	for (const piece of ["a", "1", "a=", "a=1", "heap_alloc=", "{", "2026-01-02 ", " ", "1e"]) {
		readLogLine(piece.repeat(200_000));
	}
	assert.ok(performance.now() - started < 30_000);
});

function onlyParseError(text: string): void {
	for (const parse of [parseExpvar, parseHeapTrailer, parsePrometheus, parseMemStats]) {
		try {
			parse(text);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
		}
	}
}
