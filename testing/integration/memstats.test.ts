import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { operation } from "../../src/api/memstats.ts";
import { openProcess, takenFromObservation } from "../../src/api/memstats-process.ts";
import { fieldNames, type MemStatsFields, type MemStatsResult, type Series } from "../../src/api/memstats-shape.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { buildGo } from "../../src/formats/elf/testdata/go-binary.ts";
import { flat } from "../matrix.ts";
import { documentOf, run } from "../operations.ts";
import { assertBetween, lookStill } from "../settled.ts";
import {
	type BuildMode,
	buildSubject,
	goVersions,
	type RunningSubject,
	type SubjectHolds,
	type SubjectMemStats,
	skipReason,
	startSubject,
} from "../subjects.ts";

const root = join(import.meta.dirname, "../..");
const subjects = ["livemap", "garbage", "fragmentation", "goroutines", "churn"] as const;
const modes: readonly BuildMode[] = ["plain", "stripped", "pie", "cgo"];

async function lightReading(pid: number, pauseMs?: number): Promise<MemStatsFields> {
	const source = await openProcess(String(pid), pid, pauseMs);
	try {
		const taken = await source.next();
		assert.ok(taken !== undefined);
		return taken.fields;
	} finally {
		source.close();
	}
}

/** Where other threads allocate up to the stop and from then on: between what is true before it and what is true after. */
function assertInTime(truth: SubjectMemStats, now: MemStatsFields, later: SubjectMemStats): void {
	for (const name of ["TotalAlloc", "Mallocs", "Frees", "NumGC", "PauseTotalNs", "Sys"] as const) {
		assert.ok(Number(now[name]) >= truth[name], `${name}: ${now[name]} after ${truth[name]}`);
		assert.ok(Number(now[name]) <= later[name], `${name}: ${now[name]} before ${later[name]}`);
	}
	assert.equal(Number(now.HeapSys), Number(now.HeapInuse) + Number(now.HeapIdle));
	assert.ok(Number(now.HeapAlloc) <= Number(now.HeapInuse));
	assert.deepEqual(
		now.BySize?.map((one) => one.Size),
		truth.BySize.map((one) => one.Size),
	);
	if (now.NumGC !== truth.NumGC) return;
	if (String(now.LastGC) !== String(truth.LastGC)) {
		// the stop fell into the end of a GC, which sets this first and counts last (gcMarkTermination)
		assert.ok(later.NumGC > truth.NumGC);
		const ring = truth.PauseEnd.length;
		if (later.NumGC <= truth.NumGC + ring) assert.equal(String(now.LastGC), String(later.PauseEnd[truth.NumGC % ring]));
		return;
	}
	const [before, after] = [flat(truth), flat(now)];
	for (const [name, value] of before)
		if (/^(?:Pause(?:Ns|End)\[|LastGC|NumForcedGC|GCCPUFraction)/.test(name))
			assert.equal(after.get(name), value, name);
}

async function compareStopped(name: (typeof subjects)[number], go: string, mode: BuildMode): Promise<void> {
	await using subject = await startSubject(name, { go, mode });
	if (name !== "churn") {
		const { seen, truth } = await lookStill(subject, () => lightReading(subject.pid));
		return assert.deepEqual(flat(seen), flat(truth));
	}
	await subject.stop();
	const fields = await lightReading(subject.pid);
	const truth = await subject.resume();
	assertInTime(truth, fields, await subject.memstats());
}

const near = [
	"Alloc",
	"Sys",
	"HeapSys",
	"HeapInuse",
	"HeapObjects",
	"TotalAlloc",
	"Mallocs",
	"NextGC",
	"StackInuse",
	"GCSys",
] as const;

describe("MemStats from outside is what runtime.ReadMemStats says", () => {
	// every release in every link mode, the subjects in turn; all 80 with GOMEM_TEST_FULL=1
	for (const [g, go] of goVersions.entries()) {
		for (const [m, mode] of modes.entries()) {
			const chosen =
				process.env["GOMEM_TEST_FULL"] === "1" ? subjects : [subjects[(g + m) % subjects.length] ?? "livemap"];
			for (const name of chosen) {
				test(`${name}, go${go}, ${mode}`, async (t) => {
					const skip = await skipReason(name, { go, mode });
					if (skip !== false) return t.skip(skip);
					await compareStopped(name, go, mode);
				});
			}
		}
	}

	test("a forced GC, a step, and a limit show in every field", async () => {
		await using subject = await startSubject("slowleak", {
			args: ["-rate", "0"],
			env: { GOMEMLIMIT: "64MiB", GOGC: "50" },
		});
		for (let i = 0; i < 3; i++) await subject.ask("step");
		await subject.ask("gc");
		await subject.ask("free");
		const { seen: fields, truth } = await lookStill(subject, () => lightReading(subject.pid));
		assert.deepEqual(flat(fields), flat(truth));
		assert.ok(Number(fields.NumForcedGC) >= 2);
	});

	test("within 1 % while an idle program runs, and by the full reading of a capture too", async () => {
		await using subject = await startSubject("livemap");
		const truths = [await subject.memstats()];
		const fields = await lightReading(subject.pid);
		truths.push(await subject.memstats());
		const observed = await ObservedProcess.open(subject.pid);
		assert.ok(observed instanceof ObservedProcess);
		const { fields: full, pacer } = takenFromObservation("x", await observed.read());
		observed.close();
		truths.push(await subject.memstats());
		const assertNear = (name: "HeapAlloc" | (typeof near)[number], seen: MemStatsFields, around: typeof truths) => {
			const told = around.map((truth) => Number(truth[name]));
			assertBetween(Number(seen[name]), told, Math.max(Math.max(...told) / 100, 64 * 1024), name);
		};
		for (const name of near) assertNear(name, fields, truths.slice(0, 2));
		assertNear("HeapAlloc", full, truths.slice(1));
		assert.equal(pacer?.limitedBy, "GOGC");
	});
});

describe("gomem memstats PID", () => {
	test("one flat document, checked against its schema", async () => {
		await using subject = await startSubject("garbage");
		await subject.stop();
		const document = (await documentOf(operation, { target: String(subject.pid) })) as unknown as MemStatsResult;
		const truth = await subject.resume();
		assert.deepEqual(
			Object.keys(document)
				.filter((key) => /^[A-Z]/.test(key))
				.sort(),
			[...fieldNames].sort(),
		);
		assert.equal(document.NextGC, String(truth.NextGC), "a goal above 2^53 is its digits");
		assert.equal(document._pacer?.gogc, "off");
		assert.equal(document._pacer?.goalBytes, "off");
		assert.equal(document._pacer?.limitedBy, "nothing");
		assert.equal(document._meta.units["HeapAlloc"], "bytes");
		assert.equal(document._meta.process?.pid, subject.pid);
		assert.deepEqual(document._meta.unavailable, []);
		assert.ok((document._meta.cost?.bytesRead ?? 0) > 0);
	});

	test("the last GC's pause and the live heap are those of the ring and the pacer", async () => {
		await using subject = await startSubject("livemap");
		const asked = Date.now();
		await subject.ask("gc");
		const truth = await subject.memstats();
		const document = (await documentOf(operation, {
			target: String(subject.pid),
			pause: "30s",
		})) as unknown as MemStatsResult;
		const seconds = (Date.now() - asked) / 1000;
		// the forced GC of every two minutes may fall in between
		const around = [truth, await subject.memstats()];
		const { pauses, liveBytes, lastGcSecondsAgo } = document._figures;
		const lasts = around.map(({ PauseNs, NumGC }) => (PauseNs[(NumGC + 255) % 256] ?? 0) / 1e6);
		assert.ok(lasts.includes(pauses?.lastMs ?? -1), `${pauses?.lastMs} for ${lasts}`);
		const longest = around.map(({ PauseNs }) => Math.max(...PauseNs) / 1e6);
		assert.ok(longest.includes(pauses?.maxMs ?? -1), `${pauses?.maxMs} for ${longest}`);
		assert.ok(
			Math.abs((liveBytes ?? 0) - truth.HeapAlloc) < truth.HeapAlloc * 0.02,
			`${liveBytes} live, ${truth.HeapAlloc} allocated`,
		);
		assert.ok(lastGcSecondsAgo !== undefined && lastGcSecondsAgo <= seconds, `${lastGcSecondsAgo} s in ${seconds} s`);
		assert.equal(document._meta.blur?.paused, true);
	});

	test("a leak's slope, HeapAlloc by every reading and the live heap by GCs", async () => {
		// it leaks and collects when it is told to, so that what it holds at each reading is known
		await using subject = await startSubject("slowleak", { args: ["-rate", "0"], env: { GOGC: "off" } });
		await subject.ask("gc");
		const leaked = async () => Number(((await subject.ask("holds")) as SubjectHolds)["leakedBytes"]);
		const collected = async (): Promise<Point> => [Number((await subject.memstats()).LastGC) / 1e6, await leaked()];
		const truths: { heap: Point[]; live: Point[] } = { heap: [], live: [await collected()] };
		let holds = await leaked();
		const outcome = await run(operation, { target: String(subject.pid), every: "100ms" });
		if (outcome.kind !== "documents") return assert.fail();
		let last: MemStatsResult | undefined;
		for await (const one of outcome.documents) {
			last = one as unknown as MemStatsResult;
			truths.heap.push([Date.parse(last._meta.at ?? ""), holds]);
			if (truths.heap.length === 24) break;
			await subject.ask("step");
			holds = await leaked();
			if (truths.heap.length % 3 !== 0) continue;
			await subject.ask("gc");
			truths.live.push(await collected());
		}
		const trends = new Map(last?._series?.trends.map((trend) => [trend.name, trend]));
		const [heap, live] = [trends.get("HeapAlloc"), trends.get("live")];
		assert.equal(heap?.direction, "up");
		assert.equal(heap.readings, 24);
		const slope = slopePerHour(truths.heap);
		assert.ok(Math.abs((heap.slope ?? 0) / slope - 1) < 0.02, `${heap.slope} for ${slope}`);
		assert.ok((heap.low ?? 0) <= (heap.slope ?? 0) && (heap.slope ?? 0) <= (heap.high ?? 0));
		assert.equal(live?.readings, 8);
		const liveSlope = slopePerHour(truths.live);
		assert.ok(Math.abs((live.slope ?? 0) / liveSlope - 1) < 0.02, `${live.slope} for ${liveSlope}`);
	});

	test("a program that allocates flat out and keeps nothing does not leak", async () => {
		await using subject = await startSubject("churn");
		const allocated = async () => (await subject.memstats()).TotalAlloc;
		const directions: (string | undefined)[] = [];
		// at 95 % confidence one series in forty rises by chance
		while (directions.length < 3 && (directions.length === 0 || directions.at(-1) === "up")) {
			const before = await allocated();
			const during: number[] = [];
			const outcome = await run(operation, { target: String(subject.pid), every: "200ms" });
			if (outcome.kind !== "documents") return assert.fail();
			let last: Series | undefined;
			for await (const one of outcome.documents) {
				last = (one as unknown as MemStatsResult)._series;
				const live = last?.trends.find((trend) => trend.name === "live");
				if ((last?.readings ?? 0) >= 15 && (last?.collections ?? 0) > 5 && (live?.readings ?? 0) >= 5) break;
				during.push(await allocated());
			}
			const after = await allocated();
			directions.push(last?.trends.find((trend) => trend.name === "live")?.direction);
			const bytes = ((last?.allocBytesPerHour ?? 0) / 3600) * (last?.seconds ?? 0);
			const [least, most] = [(during.at(-1) ?? 0) - (during[0] ?? 0), after - before];
			assert.ok(least > 0 && bytes >= least - 1 && bytes <= most + 1, `${bytes} for ${least} to ${most}`);
		}
		assert.notEqual(directions.at(-1), "up", directions.join(", "));
		assert.notEqual(directions.at(-1), undefined);
	});
});

/** unix milliseconds, bytes */
type Point = readonly [at: number, bytes: number];

/** The median of the slopes of all pairs. */
function slopePerHour(points: readonly Point[]): number {
	const slopes = points.flatMap(([at, bytes], i) => points.slice(0, i).map(([t, b]) => (bytes - b) / (at - t)));
	slopes.sort((a, b) => a - b);
	return (((slopes[(slopes.length - 1) >> 1] ?? 0) + (slopes[slopes.length >> 1] ?? 0)) / 2) * 3_600_000;
}

async function gomem(args: readonly string[]): Promise<string> {
	const { stdout } = await promisify(execFile)(join(root, "bin/gomem"), [...args], {
		env: { ...process.env, NODE_ENV: "test" },
	});
	return stdout;
}

/** What it prints until Ctrl-C, which comes when there are this many such lines. */
async function gomemUntil(count: number, line: RegExp, args: readonly string[]): Promise<string> {
	const child = spawn(join(root, "bin/gomem"), args, {
		env: { ...process.env, NODE_ENV: "test" },
		stdio: ["ignore", "pipe", "inherit"],
	});
	let stdout = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		const before = linesOf(stdout, line);
		stdout += text;
		if (before < count && linesOf(stdout, line) >= count) child.kill("SIGINT");
	});
	assert.deepEqual(await once(child, "close"), [0, null]);
	return stdout;
}

function linesOf(text: string, line: RegExp): number {
	return text
		.split("\n")
		.slice(0, -1)
		.filter((one) => line.test(one)).length;
}

async function withLivemap<T>(use: (subject: RunningSubject) => Promise<T>): Promise<T> {
	await using subject = await startSubject("livemap");
	return await use(subject);
}

describe("on the command line", () => {
	test("the text fits 100 columns, --fields chooses, --all has the lists", () =>
		withLivemap(async ({ pid }) => {
			const all = await gomem(["memstats", String(pid), "--all"]);
			for (const line of all.split("\n")) assert.ok(line.length <= 100, line);
			for (const name of fieldNames) assert.match(all, new RegExp(`\\b${name}\\b`));
			const some = await gomem(["memstats", String(pid), "--fields", "heapalloc,NumGC"]);
			assert.match(some, /^ {2}HeapAlloc +[\d.]+ MiB {2}\w/m);
			assert.doesNotMatch(some, /HeapIdle/);
		}));

	test("--csv has a head and plain numbers, one reading or several", () =>
		withLivemap(async ({ pid }) => {
			const fields = ["--fields", "Sys,HeapAlloc,LastGC"];
			const text = await gomemUntil(4, /^\d/, ["memstats", String(pid), "--csv", ...fields, "--every", "100ms"]);
			const rows = text.trimEnd().split("\n");
			assert.equal(rows[0], "time,Sys,HeapAlloc,LastGC");
			assert.ok(rows.length > 3);
			for (const row of rows.slice(1)) assert.match(row, /^\d{4}-\d\d-\d\dT[\d:.]+Z,\d+,\d+,\d{19}$/);
			const [head = "", values = ""] = (await gomem(["memstats", String(pid), "--csv"])).trimEnd().split("\n");
			assert.equal(head.split(",").length, values.split(",").length);
		}));

	test("rows and slopes in a pipe, JSON lines with --json", () =>
		withLivemap(async ({ pid }) => {
			const row = /^\d\d:\d\d:\d\d/;
			const text = await gomemUntil(5, row, ["memstats", String(pid), "--every", "100ms"]);
			assert.match(text, /^time \(UTC\) +HeapAlloc +HeapInuse/m);
			assert.ok(linesOf(text, row) > 4);
			assert.match(text, /^Slopes per hour, over \d+ readings in /m);
			for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
			const lines = (await gomemUntil(3, /^\{/, ["memstats", String(pid), "--every", "100ms", "--json"]))
				.trimEnd()
				.split("\n");
			for (const line of lines)
				assert.equal((JSON.parse(line) as MemStatsResult & { schema: string }).schema, "gomem.memstats/1");
		}));

	test("what cannot be read is an error that says why", async () => {
		await assert.rejects(documentOf(operation, { target: String(process.pid) }), { code: "runtime-unreadable" });
		await assert.rejects(documentOf(operation, { target: "4194305" }), { code: "target-not-found" });
		await assert.rejects(
			documentOf(operation, { target: String(process.pid), fields: "HeapAllocs" }),
			/has no HeapAllocs/,
		);
	});
});

test("a process that executes another program ends the readings with an error, not with zeros", async (t) => {
	const other = await buildSubject("livemap");
	const first = buildGo({ source: join(import.meta.dirname, "testdata/reexec.go"), toolchain: "go1.25.9" });
	if ("unavailable" in first) return t.skip(first.unavailable);
	const child = spawn(first.path, [other, "-mib", "4"], { stdio: ["pipe", "pipe", "inherit"] });
	try {
		await once(child.stdout, "data");
		const source = await openProcess(String(child.pid), child.pid ?? 0, undefined);
		assert.notEqual(await source.next(), undefined);
		child.stdin.write("x\n");
		await once(child.stdout, "data");
		await assert.rejects(async () => source.next(), /cannot be read now/);
		source.close();
	} finally {
		child.kill("SIGKILL");
	}
});
