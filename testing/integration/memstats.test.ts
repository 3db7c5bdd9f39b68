import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { operation } from "../../src/api/memstats.ts";
import { openProcess, takenFromObservation } from "../../src/api/memstats-process.ts";
import { fieldNames, type MemStatsFields, type MemStatsResult } from "../../src/api/memstats-shape.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { buildGo } from "../../src/formats/elf/testdata/go-binary.ts";
import { flat } from "../matrix.ts";
import { documentOf, run } from "../operations.ts";
import {
	type BuildMode,
	buildSubject,
	goVersions,
	type RunningSubject,
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

/** What moved between ReadMemStats and the stop, where other threads allocate meanwhile. */
function assertJustAfter(now: MemStatsFields, truth: SubjectMemStats): void {
	for (const name of ["TotalAlloc", "Mallocs", "Frees", "NumGC", "PauseTotalNs", "Sys"] as const) {
		assert.ok(Number(now[name]) >= truth[name], `${name}: ${now[name]} after ${truth[name]}`);
	}
	assert.ok(
		Number(now.TotalAlloc) - truth.TotalAlloc < 64 * 2 ** 20,
		`${Number(now.TotalAlloc) - truth.TotalAlloc} bytes allocated in between`,
	);
	assert.equal(Number(now.HeapSys), Number(now.HeapInuse) + Number(now.HeapIdle));
	assert.ok(Number(now.HeapAlloc) <= Number(now.HeapInuse));
	assert.deepEqual(
		now.BySize?.map((one) => one.Size),
		truth.BySize.map((one) => one.Size),
	);
	const [before, after] = [flat(truth), flat(now)];
	if (now.NumGC === truth.NumGC) {
		for (const [name, value] of before)
			if (/^(?:Pause(?:Ns|End)\[|LastGC|NumForcedGC|GCCPUFraction)/.test(name))
				assert.equal(after.get(name), value, name);
	}
}

async function compareStopped(name: (typeof subjects)[number], go: string, mode: BuildMode): Promise<void> {
	await using subject = await startSubject(name, { go, mode });
	for (let attempt = 1; ; attempt++) {
		await subject.stop();
		const fields = await lightReading(subject.pid);
		const truth = await subject.resume();
		if (name === "churn") return assertJustAfter(fields, truth);
		// where the runtime starts a thread between ReadMemStats and the stop, its m and g are in one of them only
		if (attempt < ATTEMPTS && fields.Mallocs !== truth.Mallocs) continue;
		return assert.deepEqual(flat(fields), flat(truth));
	}
}

const ATTEMPTS = 4;

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
		await subject.stop();
		const fields = await lightReading(subject.pid);
		assert.deepEqual(flat(fields), flat(await subject.resume()));
		assert.ok(Number(fields.NumForcedGC) >= 2);
	});

	test("within 1 % while an idle program runs, and by the full reading of a capture too", async () => {
		await using subject = await startSubject("livemap");
		const fields = await lightReading(subject.pid);
		const truth = await subject.memstats();
		for (const name of [
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
		] as const) {
			const told = Number(truth[name]);
			assert.ok(
				Math.abs(Number(fields[name]) - told) <= Math.max(told / 100, 64 * 1024),
				`${name}: ${fields[name]} for ${told}`,
			);
		}
		const observed = await ObservedProcess.open(subject.pid);
		assert.ok(observed instanceof ObservedProcess);
		const { fields: full, pacer } = takenFromObservation("x", await observed.read());
		observed.close();
		assert.ok(Math.abs(Number(full.HeapAlloc) - truth.HeapAlloc) <= truth.HeapAlloc / 100);
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
		await subject.ask("gc");
		const document = (await documentOf(operation, {
			target: String(subject.pid),
			pause: "500ms",
		})) as unknown as MemStatsResult;
		const truth = await subject.memstats();
		const { pauses, liveBytes, lastGcSecondsAgo } = document._figures;
		assert.equal(pauses?.lastMs, (truth.PauseNs[(truth.NumGC + 255) % 256] ?? 0) / 1e6);
		assert.equal(pauses?.maxMs, Math.max(...truth.PauseNs) / 1e6);
		assert.ok(
			Math.abs((liveBytes ?? 0) - truth.HeapAlloc) < truth.HeapAlloc * 0.02,
			`${liveBytes} live, ${truth.HeapAlloc} allocated`,
		);
		assert.ok(lastGcSecondsAgo !== undefined && lastGcSecondsAgo < 60);
		assert.equal(document._meta.blur?.paused, true);
	});

	test("a leak's slope, HeapAlloc by every reading and the live heap by GCs", async () => {
		await using subject = await startSubject("slowleak", { args: ["-rate", String(8 * 2 ** 20)] });
		const outcome = await run(operation, { target: String(subject.pid), every: "250ms", for: "6s" });
		assert.equal(outcome.kind, "documents");
		if (outcome.kind !== "documents") return;
		let last: MemStatsResult | undefined;
		let count = 0;
		for await (const one of outcome.documents) {
			last = one as unknown as MemStatsResult;
			if (++count % 3 === 0) await subject.ask("gc");
		}
		const trends = new Map(last?._series?.trends.map((trend) => [trend.name, trend]));
		const [heap, live] = [trends.get("HeapAlloc"), trends.get("live")];
		assert.equal(heap?.direction, "up");
		const perHour = 8 * 2 ** 20 * 3600;
		assert.ok(Math.abs((heap?.slope ?? 0) / perHour - 1) < 0.2, `${heap?.slope} for ${perHour}`);
		assert.ok((heap?.low ?? 0) <= (heap?.slope ?? 0) && (heap?.slope ?? 0) <= (heap?.high ?? 0));
		assert.ok(live !== undefined && live.readings >= 3);
		assert.ok(Math.abs((live.slope ?? 0) / perHour - 1) < 0.2, `${live.slope} for ${perHour}`);
	});

	test("a program that allocates flat out and keeps nothing does not leak", async () => {
		await using subject = await startSubject("churn");
		let last: MemStatsResult | undefined;
		const directions: (string | undefined)[] = [];
		// at 95 % confidence one series in forty rises by chance
		while (directions.length < 3 && (directions.length === 0 || directions.at(-1) === "up")) {
			const outcome = await run(operation, { target: String(subject.pid), every: "200ms", for: "3s" });
			if (outcome.kind !== "documents") return assert.fail();
			for await (const one of outcome.documents) last = one as unknown as MemStatsResult;
			directions.push(last?._series?.trends.find((trend) => trend.name === "live")?.direction);
		}
		assert.notEqual(directions.at(-1), "up", directions.join(", "));
		assert.ok((last?._series?.collections ?? 0) > 5);
		assert.ok((last?._series?.allocBytesPerHour ?? 0) > 3600 * 16 * 2 ** 20);
	});
});

async function gomem(args: readonly string[]): Promise<string> {
	const { stdout } = await promisify(execFile)(join(root, "bin/gomem"), [...args], {
		env: { ...process.env, NODE_ENV: "test" },
	});
	return stdout;
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
			const rows = (
				await gomem([
					"memstats",
					String(pid),
					"--csv",
					"--fields",
					"Sys,HeapAlloc,LastGC",
					"--every",
					"200ms",
					"--for",
					"1500ms",
				])
			)
				.trimEnd()
				.split("\n");
			assert.equal(rows[0], "time,Sys,HeapAlloc,LastGC");
			assert.ok(rows.length > 3);
			for (const row of rows.slice(1)) assert.match(row, /^\d{4}-\d\d-\d\dT[\d:.]+Z,\d+,\d+,\d{19}$/);
			const [head = "", values = ""] = (await gomem(["memstats", String(pid), "--csv"])).trimEnd().split("\n");
			assert.equal(head.split(",").length, values.split(",").length);
		}));

	test("rows and slopes in a pipe, JSON lines with --json", () =>
		withLivemap(async ({ pid }) => {
			const text = await gomem(["memstats", String(pid), "--every", "200ms", "--for", "2s"]);
			assert.match(text, /^time \(UTC\) +HeapAlloc +HeapInuse/m);
			assert.ok((text.match(/^\d\d:\d\d:\d\d/gm) ?? []).length > 4);
			assert.match(text, /^Slopes per hour, over \d+ readings in /m);
			for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
			const lines = (await gomem(["memstats", String(pid), "--every", "200ms", "--for", "1s", "--json"]))
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
