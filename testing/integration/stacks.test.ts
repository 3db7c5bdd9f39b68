import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { operation, type StacksResult } from "../../src/api/stacks.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { decodeStacks, encodeGoroutines, encodeSymbols, type GoroutineStacks } from "../../src/evidence/stacks.ts";
import { stackFrames } from "../../src/goruntime/stack-groups.ts";
import { documentOf, run } from "../operations.ts";
import { parked } from "../settled.ts";
import {
	type BuildMode,
	buildSubject,
	goVersions,
	type RunningSubject,
	type StartOptions,
	type SubjectGoroutines,
	skipReason,
	startSubject,
} from "../subjects.ts";
import { compareWithTraceback, parseTraceback } from "./tracebacks.ts";

// The goroutines that subjects and Go's own tracebacks tell of, against what gomem reads from outside.

const builds: readonly (readonly [go: string, mode: BuildMode])[] =
	process.env["GOMEM_TEST_MATRIX"] === "full" || process.env["GOMEM_TEST_GO"] !== undefined
		? goVersions.flatMap((go) => (["plain", "stripped", "pie"] as const).map((mode) => [go, mode] as const))
		: [
				["1.26.8", "plain"],
				["1.26.8", "stripped"],
				["1.19.13", "plain"],
				["1.22.12", "stripped"],
				["1.24.13", "pie"],
				["1.27.3", "plain"],
			];

function onEach(what: string, subject: string, check: (options: StartOptions) => Promise<void>): void {
	for (const [go, mode] of builds) {
		test(`${what}, go${go} ${mode}`, async (t) => {
			const reason = await skipReason(subject, { go, mode });
			if (reason !== false) return t.skip(reason);
			await check({ go, mode });
		});
	}
}

async function stacksOf(pid: number, onRead?: (address: number, bytes: Uint8Array) => void): Promise<GoroutineStacks> {
	const witness =
		onRead === undefined
			? undefined
			: {
					file: () => {},
					cgroup: () => {},
					look: () => ({
						read: (address: number, bytes: Uint8Array, from: number, to: number) =>
							onRead(address, bytes.subarray(from, to)),
						miss: () => {},
						recall: () => {},
					}),
				};
	const observed = await ObservedProcess.open(pid, { stacks: true, witness });
	assert.ok(observed instanceof ObservedProcess);
	try {
		const { stacks } = await observed.read();
		assert.ok(stacks !== undefined && !isUnavailable(stacks), JSON.stringify(stacks));
		return stacks;
	} finally {
		observed.close();
	}
}

async function gomemStacks(pid: number, input: Record<string, unknown> = {}): Promise<StacksResult> {
	return (await documentOf(operation, { target: String(pid), top: 10_000, ...input })) as unknown as StacksResult;
}

/** Sums by a key, as "key": count. */
function tally<T>(items: Iterable<T>, key: (item: T) => string, count: (item: T) => number): Record<string, number> {
	const sums: Record<string, number> = {};
	for (const item of items) sums[key(item)] = (sums[key(item)] ?? 0) + count(item);
	return sums;
}

describe("gomem stacks on parked goroutines", () => {
	onEach("counts by function, maker and reason as a traceback does", "goroutines", async (options) => {
		await using subject = await startSubject("goroutines", { ...options, args: ["-n", "3000", "-sockets", "50"] });
		const truth = await parked(subject);
		const result = await gomemStacks(subject.pid);
		const waiting = result.groups.filter((group) => group.createdBy !== "");
		assert.deepEqual(
			tally(
				waiting,
				(g) => `${g.frames.at(-1)?.function}|${g.createdBy}|${g.waitReason}`,
				(g) => g.count,
			),
			tally(
				truth.groups.filter((g) => g.createdBy !== ""),
				(g) => `${g.function}|${g.createdBy}|${g.state}`,
				(g) => g.count,
			),
		);
		assert.equal(result.goroutines, truth.total);
		assert.deepEqual(result.leftOut, { groups: 0, goroutines: 0, residentBytes: 0 });
		for (const group of waiting) {
			assert.equal(group.startFunction, group.frames.at(-1)?.function);
			assert.equal(group.truncated, false);
		}
	});

	onEach("shows the stacks that runtime/pprof shows", "goroutines", async (options) => {
		await using subject = await startSubject("goroutines", { ...options, args: ["-n", "1000", "-sockets", "20"] });
		await parked(subject);
		const { text } = (await subject.ask("pprof goroutine")) as { text: string };
		const result = await gomemStacks(subject.pid);
		const ours = tally(
			result.groups.filter((group) => group.createdBy !== ""),
			(group) => afterRuntime(group.frames.map((f) => `${f.function} ${f.file}:${f.line}`)).join("\n"),
			(group) => group.count,
		);
		assert.deepEqual(ours, pprofStacks(text));
	});

	onEach("knows deep stacks to their ends, and their sizes", "deepstacks", async (options) => {
		await using subject = await startSubject("deepstacks", options);
		await parked(subject);
		const held = subject.holds["groups"] as readonly { stackBytes: number; count: number }[];
		const result = await gomemStacks(subject.pid, { match: "main\\.descend", full: true });
		const sizes = tally(
			result.groups,
			(g) => String(g.averageBytes),
			(g) => g.count,
		);
		assert.deepEqual(
			sizes,
			tally(
				held,
				(g) => String(g.stackBytes),
				(g) => g.count,
			),
		);
		for (const group of result.groups) {
			const depth = Math.floor((group.averageBytes * 3) / 4 / 1088) + 1; // as the subject has it
			assert.equal(group.frames.filter((f) => f.function === "main.descend").length, depth);
			assert.equal(group.truncated, false);
			// all but the page or two at the low end was written by the frames
			assert.ok(group.residentBytes > group.stackBytes * 0.7 && group.residentBytes <= group.stackBytes);
		}
	});
});

/** Go's text of a profile leaves out the runtime's frames at the inner end (pprof.go: printStackRecord). */
function afterRuntime(frames: readonly string[]): readonly string[] {
	const first = frames.findIndex((frame) => !frame.startsWith("runtime."));
	return first < 0 ? frames : frames.slice(first);
}

/** "count @ pcs" and a line "#\tpc\tfunction+0x1\tfile:line" for each frame; the main goroutine, which answers, is left out. */
function pprofStacks(text: string): Record<string, number> {
	const blocks = text.split("\n\n").map((block) => {
		const count = Number(/^(\d+) @/m.exec(block)?.[1] ?? 0);
		const frames = [...block.matchAll(/^#\t0x[0-9a-f]+\t(\S+)\+0x[0-9a-f]+\s+(\S+)$/gm)].map((m) => `${m[1]} ${m[2]}`);
		return { count, frames };
	});
	const others = blocks.filter((b) => b.count > 0 && !b.frames.some((frame) => frame.startsWith("main.main ")));
	return tally(
		others,
		(b) => b.frames.join("\n"),
		(b) => b.count,
	);
}

describe("stacks against the runtime's own traceback", () => {
	onEach("every frame, its place and its stack pointer", "goroutines", async (options) => {
		const { stacks, traceback } = await thenQuit("goroutines", ["-n", "400", "-sockets", "20"], options);
		const compared = compareWithTraceback(stacks, traceback).size;
		assert.ok(compared >= 400, `${compared} goroutines compared`);
	});

	onEach("the inner and outer fifty frames of deep ones", "deepstacks", async (options) => {
		const { stacks, traceback } = await thenQuit("deepstacks", ["-n", "12"], options);
		assert.ok(compareWithTraceback(stacks, traceback).size >= 12);
	});
});

/** Reads a subject's stacks, and then lets its runtime print them all with addresses: it ends so. */
async function thenQuit(name: string, args: string[], options: StartOptions) {
	const path = await buildSubject(name, options);
	const child = spawn(path, args, {
		stdio: ["pipe", "pipe", "pipe"],
		// a collection may move stacks
		env: { GOTRACEBACK: "system", GOGC: "off", GOMEM_SUBJECT_PARENT: String(process.pid) },
	});
	try {
		let stderr = "";
		child.stderr.setEncoding("latin1").on("data", (text: string) => (stderr += text));
		const closed = new Promise((resolve) => child.once("close", resolve));
		const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
		await lines.next(); // it is ready
		await parked({
			async goroutines() {
				child.stdin.write("goroutines\n");
				return JSON.parse(String((await lines.next()).value)) as SubjectGoroutines;
			},
		});
		assert.ok(child.pid !== undefined);
		const stacks = await stacksOf(child.pid);
		child.kill("SIGQUIT");
		await closed;
		return { stacks, traceback: parseTraceback(stderr) };
	} finally {
		child.kill("SIGKILL");
	}
}

describe("figures of stacks", () => {
	onEach("equal those of MemStats and of the ledger, on a process that stands still", "goroutines", async (options) => {
		// without collections, which alone make stacks smaller
		await using subject = await startSubject("goroutines", { ...options, args: ["-n", "3000"], env: { GOGC: "off" } });
		await parked(subject);
		await subject.stop();
		const observed = await ObservedProcess.open(subject.pid, { stacks: true });
		assert.ok(observed instanceof ObservedProcess);
		const result = await gomemStacks(subject.pid, { system: true });
		const { reading, runtime } = await observed.read();
		observed.close();
		const before = await subject.resume();
		const after = await subject.memstats();
		const { accounts, totals } = result;
		assert.ok(accounts !== undefined && runtime !== undefined && reading.residency !== undefined);
		// between its ReadMemStats and the stop, the subject may have made a thread: a span for its signal stack
		const stackInuse = [before.StackInuse, accounts.stackInuseBytes, after.StackInuse];
		assert.deepEqual(
			stackInuse,
			stackInuse.toSorted((a, b) => a - b),
			"StackInuse before the stop, in it, and behind",
		);
		assert.ok(totals.stackBytes + accounts.threadStackBytes <= accounts.stackInuseBytes);
		assert.equal(
			result.groups.reduce((all, g) => all + g.stackBytes, 0),
			totals.stackBytes,
		);
		assert.equal(
			result.groups.reduce((all, g) => all + g.residentBytes, 0),
			totals.residentBytes,
		);
		assert.equal(
			result.groups.reduce((all, g) => all + g.count, 0),
			result.goroutines + result.systemGoroutines,
		);
		// the ledger's lines of stacks in use are the goroutines' and, whole, the threads' that lie in the heap (no cgo here)
		let threads = 0;
		for (const stack of runtime.machineStacks) {
			const inHeap = spanHolds(runtime.spans, stack.low);
			if (inHeap) threads += reading.residency.residentBytesIn(stack.low, stack.high);
		}
		const line = (id: string) => accounts.ledger.find((one) => one.id === id)?.bytes ?? 0;
		assert.equal(line("stacks.used"), totals.usedBytes + threads);
		assert.equal(line("stacks.slack"), totals.slackBytes);
	});
});

function spanHolds(
	spans: { readonly count: number; readonly base: Float64Array; readonly npages: Uint32Array },
	address: number,
): boolean {
	for (let i = 0; i < spans.count; i++) {
		const base = spans.base[i] ?? 0;
		if (address >= base && address < base + (spans.npages[i] ?? 0) * 8192) return true;
	}
	return false;
}

describe("ages of waits", () => {
	async function agesAround(subject: RunningSubject): Promise<void> {
		await parked(subject);
		const before = await gomemStacks(subject.pid);
		assert.ok(
			before.groups.every((group) => group.oldestWaitSeconds === undefined),
			"no collection has run yet",
		);
		const started = performance.now();
		await subject.ask("gc");
		// what a collection writes is the time of the one before it
		const once = await gomemStacks(subject.pid);
		assert.ok(
			once.groups.every((group) => group.oldestWaitSeconds === undefined),
			"one collection has run",
		);
		await sleep(1300);
		await subject.ask("gc");
		const after = await gomemStacks(subject.pid);
		const longest = (performance.now() - started) / 1000;
		const waiting = after.groups.filter((group) => group.createdBy === "main.start");
		assert.ok(waiting.length >= 8);
		for (const group of waiting) {
			const age = group.oldestWaitSeconds ?? Number.NaN;
			assert.ok(age >= 1.25 && age <= longest + 0.1, `${age} s, waited ${1.3} to ${longest} s`);
		}
	}

	test("are counted from the collection before the one that saw them, by the monotonic clock", async (t) => {
		const reason = await skipReason("goroutines");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("goroutines", {
			args: ["-n", "400", "-sockets", "20"],
			env: { GOGC: "off" },
		});
		await agesAround(subject);
	});

	test("hold in a time namespace, too", async (t) => {
		const reason = (await skipReason("goroutines")) || noTimeNamespace();
		if (reason !== false) return t.skip(reason);
		const via = [...unshare];
		await using subject = await startSubject("goroutines", {
			args: ["-n", "400", "-sockets", "20"],
			env: { GOGC: "off" },
			via,
		});
		await agesAround(subject);
	});
});

const unshare = ["unshare", "--time", "--monotonic", "86400"] as const;

function noTimeNamespace(): string | false {
	try {
		const [command, ...args] = [...unshare, "readlink", "/proc/self/ns/time"];
		const inside = execFileSync(command, args, { encoding: "utf8" }).trim();
		return inside === readlinkSync("/proc/self/ns/time") ? "this kernel enters a time namespace at a fork only" : false;
	} catch {
		return "no right to make a time namespace here, or no unshare that can";
	}
}

describe("stacks of a process that runs", () => {
	test("never fail and never contradict themselves", async (t) => {
		const reason = await skipReason("churn");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("churn");
		for (let i = 0; i < 8; i++) {
			const s = await stacksOf(subject.pid);
			assert.ok(s.count > 0);
			for (let row = 0; row < s.count; row++) {
				if ((s.stack[row] ?? -1) < 0) continue;
				// what could be walked to the end began with goexit
				const stack = s.stack[row] ?? -1;
				const last = s.stacks.sites[(s.stacks.offsets[stack + 1] ?? 0) - 1];
				if (s.stacks.end[stack] === 0)
					assert.match(s.symbols[last ?? -1]?.at(-1)?.function ?? "", /^runtime\.(goexit|mstart|rt0_go|mcall)/);
			}
		}
	});

	test("what is read of stacks is not told to a recorder, and no word of them is in the evidence", async (t) => {
		const reason = await skipReason("deepstacks");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("deepstacks", { args: ["-n", "12"] });
		await subject.stop();
		const ranges: { start: number; end: number }[] = [];
		const s = await stacksOf(subject.pid, (address, bytes) =>
			ranges.push({ start: address, end: address + bytes.length }),
		);
		await subject.resume();
		assert.ok(ranges.length > 100);
		for (let row = 0; row < s.count; row++) {
			const [low, high] = [s.stackLow[row] ?? 0, s.stackHigh[row] ?? 0];
			assert.ok(!ranges.some((r) => r.start < high && r.end > low), `stack of goroutine ${s.goid[row]}`);
		}
		assert.deepEqual(decodeStacks(encodeGoroutines(s), encodeSymbols(s)), s);
		assert.ok(stackFrames(s, 0).length > 0);
	});
});

describe("the command", () => {
	test("filters, limits and says what it left out", async (t) => {
		const reason = await skipReason("goroutines");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("goroutines", { args: ["-n", "1000", "-sockets", "20"] });
		await parked(subject);
		const all = await gomemStacks(subject.pid);
		const two = await gomemStacks(subject.pid, { top: 2 });
		assert.equal(two.groups.length, 2);
		assert.equal(two.leftOut.goroutines + two.groups.reduce((n, g) => n + g.count, 0), all.goroutines);
		const large = await gomemStacks(subject.pid, { minCount: 100 });
		assert.ok(large.groups.length > 0 && large.groups.every((g) => g.count >= 100));
		const reads = await gomemStacks(subject.pid, { match: "readSocket" });
		assert.deepEqual(
			reads.groups.map((g) => g.count),
			[20],
		);
		const [id = 0] = reads.groups[0]?.goroutines ?? [];
		const one = await gomemStacks(subject.pid, { goroutine: id, full: true });
		assert.deepEqual([one.groups.length, one.groups[0]?.count, one.groups[0]?.goroutines], [1, 1, [id]]);
		const system = await gomemStacks(subject.pid, { system: true, match: "bgsweep" });
		assert.equal(system.groups[0]?.system, true);
		const created = await gomemStacks(subject.pid, { by: "created" });
		assert.equal(created.groups.find((g) => g.createdBy === "main.start")?.count, 1000);
		await assert.rejects(gomemStacks(subject.pid, { match: "(" }), { code: "pattern-invalid" });
		await assert.rejects(gomemStacks(subject.pid, { match: "^(([a-z.()*_/-]+)*)+\\$\\$" }), {
			code: "pattern-too-slow",
		});
		await assert.rejects(gomemStacks(subject.pid, { goroutine: 123456789 }), { code: "goroutine-not-found" });
	});

	test("says which groups grow", async (t) => {
		const reason = await skipReason("goroutines");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("goroutines", { args: ["-n", "1000", "-sockets", "20"] });
		await parked(subject);
		const results: StacksResult[] = [];
		const outcome = await run(operation, { target: String(subject.pid), every: "300ms" });
		assert.ok(outcome.kind === "documents");
		for await (const result of outcome.documents) {
			results.push(result as unknown as StacksResult);
			if (results.length === 2) break;
			await subject.ask("step");
			await parked(subject);
		}
		const [first, second] = results;
		assert.ok(first?.groups.every((g) => g.growth === undefined));
		assert.equal(second?.groups[0]?.growth?.count, 100);
		assert.ok(second?.groups[0]?.frames.some((f) => f.function === "main.receive"));
		assert.equal(basename(second?.groups[0]?.createdAt?.file ?? ""), "main.go");
	});
});
