import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { operation as captureOperation } from "../../src/api/capture.ts";
import { operation as memstatsOperation } from "../../src/api/memstats.ts";
import { operation as stacksOperation } from "../../src/api/stacks.ts";
import { operation as whyOperation } from "../../src/api/why.ts";
import type { WhyCoreResult, WhyResult } from "../../src/api/why-shape.ts";
import { buildGo } from "../../src/formats/elf/testdata/go-binary.ts";
import { documentOf } from "../operations.ts";
import { lookStill } from "../settled.ts";
import {
	type BuildMode,
	buildSubject,
	type RunningSubject,
	type SubjectMemStats,
	skipReason,
	startSubject,
} from "../subjects.ts";
import { rejectsWith } from "./captures.ts";
import { gcore, gcoreMissing, kernelCore, kernelCoresMissing, renamePath, startMortal } from "./core-files.ts";
import { lineBytes } from "./why-truth.ts";

// Cores against the process that they were made of: what it said of itself, and what gomem said of it alive.

const MiB = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), "gomem-cores-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function why(target: string, input: Record<string, unknown> = {}): Promise<WhyCoreResult> {
	return (await documentOf(whyOperation, { target, ...input })) as unknown as WhyCoreResult;
}

async function whyLive(subject: RunningSubject): Promise<WhyResult> {
	return (await documentOf(whyOperation, { target: String(subject.pid) })) as unknown as WhyResult;
}

async function memstats(target: string, input: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
	return await documentOf(memstatsOperation, { target, ...input });
}

/** Lines, residual and figures agree with each other; what the file has is counted, zero, or not a page of memory. */
function assertWhole(core: WhyCoreResult): void {
	const sum = core.lines.reduce((n, line) => n + line.bytes, 0);
	assert.equal(sum + core.residualBytes, core.rssBytes);
	assert.ok(Math.abs(core.residualBytes) <= core.rssBytes * 0.005, `residual ${core.residualBytes}`);
	assert.equal(core.core.missingBytes, 0);
	assert.equal(core.core.uncheckedBytes, 0);
	for (const absent of ["limit", "swapBytes", "pssBytes"]) assert.ok(!(absent in core), absent);
	assert.ok(core.unavailable.some((part) => part.part === "time"));
	assert.deepEqual(
		core.verdict.next.filter((step) => step.command.includes("--every")),
		[],
	);
}

/** The Go lines are those of the live process, but for pages that hold zeros alone. */
function assertSameHeap(core: WhyCoreResult, live: WhyResult): void {
	for (const part of ["heap", "stacks", "c"]) {
		const [dead, alive] = [lineBytes(core, part), lineBytes(live, part)];
		const tolerance = Math.max(64 * 4096, alive * 0.02);
		assert.ok(Math.abs(dead - alive) <= tolerance, `${part}: ${dead} in the core, ${alive} alive`);
	}
	for (const id of ["heap.live", "heap.new", "heap.dead", "heap.free-slots"]) {
		const [dead, alive] = [lineBytes(core, id), lineBytes(live, id)];
		assert.ok(Math.abs(dead - alive) <= 64 * 4096 + alive * 0.02, `${id}: ${dead} in the core, ${alive} alive`);
	}
	assert.equal(core.verdict.code, live.verdict.code, core.verdict.sentence);
	assert.deepEqual(
		{ ...core.runtime, lastGcSecondsAgo: 0, goroutines: 0 },
		{ ...live.runtime, lastGcSecondsAgo: 0, goroutines: 0 },
	);
}

function plain(value: unknown): string {
	return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v)).replace(/"(\d{16,})"/g, "$1");
}

type Build = readonly [name: string, go: string, mode: BuildMode, args?: readonly string[]];

/** gcore writes a gigabyte of zeros for each: few of them unless all are wanted. */
const GDB: readonly Build[] = [
	["fragmentation", "1.24.13", "stripped-pie"],
	["cheap", "1.26.8", "cgo"],
	...(process.env["GOMEM_TEST_MATRIX"] === "full"
		? ([
				["livemap", "1.26.8", "plain"],
				["livemap", "1.21.13", "plain"],
				["goroutines", "1.27.3", "cgo-pie"],
			] as const)
		: []),
];

describe("a core made by gcore of a stopped process", () => {
	const missing = gcoreMissing();
	for (const [name, go, mode] of GDB) {
		test(`${name}, go${go} ${mode}: MemStats, lines and verdict are those of the process`, async (t) => {
			const skip = missing === false ? await skipReason(name, { go, mode }) : missing;
			if (skip !== false) return t.skip(skip);
			// with a goal of the heap, the runtime would go on to release memory between its ReadMemStats and the stop
			const env = { GODEBUG: "inittrace=0", PASSWORD: "hush", GOGC: "off" };
			await using subject = await startSubject(name, { go, mode, env });
			const { seen, truth } = await lookStill(subject, async () => ({
				live: await whyLive(subject),
				path: await gcore(subject.pid, folder),
			}));
			const { live, path } = seen;
			const fields = await memstats(path);
			for (const field of Object.keys(truth) as (keyof SubjectMemStats)[])
				assert.equal(plain(fields[field]), plain(truth[field]), field);
			const core = await why(path);
			rmSync(path);
			assertWhole(core);
			assertSameHeap(core, live);
			assert.equal(core.core.maker, "gdb");
			assert.equal(core.core.executable, subject.path);
			assert.equal(core.target.pid, subject.pid);
			assert.ok(!JSON.stringify(core).includes("hush"));
		});
	}
});

const KERNEL: readonly Build[] = [
	["livemap", "1.26.8", "plain"],
	["fragmentation", "1.27.3", "stripped"],
	["garbage", "1.25.9", "pie"],
	["cheap", "1.26.8", "cgo"],
	["livemap", "1.21.13", "plain"],
	// each of them is printed when it dies
	["goroutines", "1.24.13", "stripped-pie", ["-n", "3000"]],
];

describe("a core that the kernel made", () => {
	const missing = kernelCoresMissing();
	for (const [name, go, mode, args = []] of KERNEL) {
		test(`${name}, go${go} ${mode}: as it was before it died`, async (t) => {
			const skip = missing === false ? await skipReason(name, { go, mode }) : missing;
			if (skip !== false) return t.skip(skip);
			await using subject = await startMortal(name, { go, mode, args });
			const truth = await subject.memstats();
			// it stands still while it is looked at, and dies at its next step: nothing is scavenged between
			await subject.stop();
			const live = await whyLive(subject);
			const dying = kernelCore(subject);
			subject.kill("SIGCONT");
			const path = await dying;
			const core = await why(path);
			assertWhole(core);
			assert.equal(core.core.maker, "kernel");
			assert.equal(core.core.signal, 6);
			assert.equal(core.verdict.code, live.verdict.code, core.verdict.sentence);
			// dying takes some memory itself: stacks of threads that print, a goroutine that is woken
			for (const part of ["heap", "stacks", "c"]) {
				const [dead, alive] = [lineBytes(core, part), lineBytes(live, part)];
				assert.ok(Math.abs(dead - alive) <= MiB / 2 + alive * 0.02, `${part}: ${dead} in the core, ${alive} alive`);
			}
			const fields = await memstats(path);
			// a thread more may take a chunk of heap
			const grown = Number(fields["HeapSys"]) - truth.HeapSys;
			assert.ok(grown === 0 || grown === 4 * MiB, `HeapSys: ${String(fields["HeapSys"])} for ${truth.HeapSys}`);
			for (const field of ["HeapInuse", "HeapAlloc", "Sys", "HeapObjects", "NumGC", "GCSys"] as const) {
				const seen = Number(fields[field]) - (field === "Sys" ? grown : 0);
				assert.ok(
					Math.abs(seen - truth[field]) <= Math.max(truth[field] * 0.01, 256 * 1024),
					`${field}: ${seen} for ${truth[field]}`,
				);
			}
			assert.equal(fields["NumGC"], truth.NumGC);
		});
	}
});

describe("the executable of a core", () => {
	const missing = kernelCoresMissing();
	const mode: BuildMode = "plain";

	test("is not needed for why and memstats, found, believed only if it is the one, or given", async (t) => {
		const skip = missing === false ? await skipReason("livemap", { mode }) : missing;
		if (skip !== false) return t.skip(skip);
		const moved = join(folder, "moved");
		await using subject = await startMortal("livemap", { mode });
		const place = join(folder, "livemap");
		copyFileSync(await kernelCore(subject), join(folder, "core"));
		const path = join(folder, "core");
		const beside = await why(path);
		assert.equal(beside.core.executable, subject.path);

		// the same core, as on another machine: its path names no file. Its bytes in the notes are replaced
		renamePath(path, subject.path, place);
		const alone = await why(path);
		assert.equal(alone.core.executable, undefined);
		assert.match(alone.unavailable.find((part) => part.part === "executable")?.why ?? "", /is not here/);
		assert.deepEqual(named(alone), named(beside));
		const fields = await memstats(path);
		assert.equal(fields["HeapAlloc"], (await memstats(path, { exe: subject.path }))["HeapAlloc"]);
		const error = await rejectsWith(documentOf(stacksOperation, { target: path }), "stacks-unavailable");
		assert.match(error.hint ?? "", /--exe FILE/);

		// given under another name
		copyFileSync(subject.path, moved);
		const given = await why(path, { exe: moved });
		assert.equal(given.core.executable, moved);
		assert.deepEqual(named(given), named(beside));
		assert.match(given.verdict.next.map((step) => step.command).join(), /--exe/);
		const stacks = await documentOf(stacksOperation, { target: path, exe: moved });
		assert.ok((stacks["goroutines"] as number) >= 1);

		// another build of the same program
		const other = await buildSubject("livemap", { mode: "stripped" });
		const wrong = await rejectsWith(documentOf(whyOperation, { target: path, exe: other }), "executable-mismatch");
		assert.match(wrong.message, /Go build id is \S+, the core's is \S+/);
		copyFileSync(other, place);
		const replaced = await why(path);
		assert.equal(replaced.core.executable, undefined);
		assert.match(replaced.unavailable.find((part) => part.part === "executable")?.why ?? "", /the core's is/);
		assert.deepEqual(named(replaced), named(alone));

		await rejectsWith(documentOf(whyOperation, { target: String(process.pid), exe: moved }), "invalid-input");
		await rejectsWith(documentOf(captureOperation, { target: path }), "target-not-capturable");
	});

	test("a core that is cut off says so, at every length", async (t) => {
		const skip = missing === false ? await skipReason("livemap", { mode }) : missing;
		if (skip !== false) return t.skip(skip);
		await using subject = await startMortal("livemap", { mode, args: ["-mib", "8"] });
		const path = await kernelCore(subject);
		const whole = statSync(path).size;
		for (const share of [0.95, 0.7, 0.4, 0.1, 0.001]) {
			truncateSync(path, Math.floor(whole * share));
			const core = await why(path, { exe: subject.path });
			assert.ok(core.core.missingBytes > 0);
			assert.match(
				core.unavailable.map((part) => part.why).join("\n"),
				/the file ends early: [\d,]+ bytes of \d+ segments are missing/,
			);
			assert.equal(core.lines.reduce((n, line) => n + line.bytes, 0) + core.residualBytes, core.rssBytes);
		}
		truncateSync(path, 100);
		await rejectsWith(documentOf(whyOperation, { target: path }), "core-unreadable");
	});
});

interface Group {
	readonly startFunction: string;
	readonly state: string;
	readonly frames: readonly { readonly function: string }[];
}

const SOURCE = join(import.meta.dirname, "testdata/running/main.go");

/** Frames of the group that began so, without those of a preemption. */
async function framesOf(path: string, start: string): Promise<{ state: string; frames: string[] } | undefined> {
	const { groups } = (await documentOf(stacksOperation, { target: path, full: true })) as unknown as {
		groups: Group[];
	};
	const group = groups.find((one) => one.startFunction === start);
	if (group === undefined) return undefined;
	return {
		state: group.state,
		frames: group.frames.map((f) => f.function).filter((name) => !name.startsWith("runtime.asyncPreempt")),
	};
}

const SPINNING = ["main.spin", ...Array<string>(6).fill("main.deeper"), "main.main.func1"];

describe("goroutines that run when the core is made", () => {
	for (const [go, missing] of [
		["1.26.8", kernelCoresMissing()],
		["1.24.13", kernelCoresMissing()],
	] as const) {
		test(`go${go}: a death by signal keeps their places`, async (t) => {
			const built = missing === false ? buildGo({ source: SOURCE, toolchain: `go${go}` }) : { unavailable: missing };
			if ("unavailable" in built) return t.skip(built.unavailable);
			const there = mkdtempSync(join(folder, "running-"));
			const child = await startRunning(["prlimit", "--core=unlimited", built.path], there);
			child.kill("SIGABRT");
			await once(child, "close");
			const [core = ""] = readdirSync(there).filter((file) => file.startsWith("core"));
			const path = join(there, core);
			assert.deepEqual((await framesOf(path, "main.main.func1"))?.frames, SPINNING);
			const clock = await framesOf(path, "main.clock");
			assert.equal(clock?.frames.at(-1), "main.clock");
		});
	}

	test("gcore finds one that runs on a CPU, and one that is in the vDSO", async (t) => {
		const missing = gcoreMissing();
		const built = missing === false ? buildGo({ source: SOURCE, toolchain: "go1.26.8" }) : { unavailable: missing };
		if ("unavailable" in built) return t.skip(built.unavailable);
		const child = await startRunning([built.path], folder);
		try {
			const states = new Set<string>();
			for (let tries = 5; tries > 0 && !states.has("running"); tries--) {
				const path = await gcore(child.pid ?? 0, folder);
				const spinning = await framesOf(path, "main.main.func1");
				assert.deepEqual(spinning?.frames, SPINNING);
				states.add(spinning?.state ?? "");
				const clock = await framesOf(path, "main.clock");
				assert.equal(clock?.frames.at(-1), "main.clock", JSON.stringify(clock));
				rmSync(path);
			}
			assert.ok(states.has("running"), `it was ${[...states].join(", ")}`);
		} finally {
			child.kill("SIGKILL");
		}
	});
});

async function startRunning([command = "", ...args]: readonly string[], cwd: string) {
	const env = { PATH: process.env["PATH"] ?? "", GOTRACEBACK: "crash" };
	const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "ignore"] });
	await once(child.stdout, "data");
	return child;
}

/** What must be the same with and without the executable. */
function named({ lines, runtime, rssBytes, verdict, target }: WhyCoreResult) {
	// the tests change the file, and with it the time that stands in for that of the dump
	const { lastGcSecondsAgo: _, ...counters } = runtime ?? {};
	return { lines, counters, rssBytes, code: verdict.code, goVersion: target.goVersion };
}
