import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { operation as capture } from "../../src/api/capture.ts";
import type { Clock } from "../../src/api/operation.ts";
import { openBundle, readBundleFile } from "../../src/capture/bundle-file.ts";
import type { Observation } from "../../src/capture/process.ts";
import { RecordedProcess } from "../../src/capture/record.ts";
import { nodeCodec } from "../../src/capture/record-codec.ts";
import { appendReading, type Bundle, readPart } from "../../src/evidence/bundle/bundle.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { makeLedger } from "../../src/ledger/ledger.ts";
import { run } from "../operations.ts";
import { halted, lookResting, lookStill } from "../settled.ts";
import { skipReason, startSubject, toolchain } from "../subjects.ts";
import {
	captured,
	contents,
	folder,
	judged,
	rejectsWith,
	rewritten,
	sameState,
	whyOf,
	withoutMemory,
} from "./captures.ts";

const skip = await skipReason("livemap");
const tool = { name: "gomem", version: "test" };

describe("a process that stands still", () => {
	for (const name of ["mixed", "fragmentation", "goroutines"] as const) {
		test(`why says the same of ${name} and of its capture`, { skip }, async () => {
			await using subject = await startSubject(name);
			const pid = String(subject.pid);
			const { seen, truth } = await lookStill(subject, () =>
				lookResting(subject.pid, async () => {
					const { path } = await captured(`${name}.gomem`, { target: pid, full: true, force: true });
					return { live: await whyOf(pid), replayed: await whyOf(path) };
				}),
			);
			const { live, replayed } = seen;
			assert.deepEqual(judged(replayed), judged(live));
			assert.ok(live.lines.length > 8 && (live.runtime?.heapAllocBytes ?? 0) > 0);
			assert.equal(replayed.runtime?.heapAllocBytes, truth.HeapAlloc);
		});
	}

	test("is paused on demand, and the reading says so", { skip }, async () => {
		await using subject = await startSubject("livemap");
		const { path, result } = await captured("paused.gomem", { target: String(subject.pid), pause: "30s" });
		assert.ok((result["cost"] as { pausedMs: number }).pausedMs > 0);
		const replayed = await whyOf(path);
		assert.equal(replayed.blur.paused, true);
		assert.equal(replayed.blur.heapBytes, 0);
	});
});

describe("a process that moves", () => {
	test("replays as it was decoded live, look by look", { skip }, async () => {
		await using subject = await startSubject("churn", { args: ["-mib", "64"] });
		const seen: { observation: Observation; lines: unknown }[] = [];
		const observed = (observation: Observation) => {
			seen.push({ observation, lines: makeLedger(observation.reading, observation.runtime).lines });
		};
		const recorded = await RecordedProcess.open(subject.pid, { full: true, tool, observed });
		assert.ok(!isUnavailable(recorded));
		using process = recorded;
		let bundle: Bundle | undefined;
		const moved = () => seen.some(({ observation }) => (observation.runtime?.blur.heapBytes ?? 0) > 0);
		for (let i = 0; i < 4 || (!moved() && i < 100); i++) ({ bundle } = await process.record(bundle));
		assert.ok(bundle !== undefined);
		const opened = await openBundle(await rewritten("churn.gomem", bundle));
		assert.ok(!isUnavailable(opened));
		for (const { observation: live, lines } of seen) {
			const replayed: Observation | undefined = await opened.next();
			assert.ok(replayed !== undefined);
			sameState(replayed.runtime, live.runtime);
			assert.deepEqual(makeLedger(replayed.reading, replayed.runtime).lines, lines);
			assert.deepEqual(withoutMemory(replayed), withoutMemory(live));
			assert.deepEqual(replayed.stacks, live.stacks);
		}
		assert.equal(await opened.next(), undefined);
		assert.ok(moved(), "it moved");
	});
});

/** Where `go tool nm` says a variable lies; the program is not position-independent. */
function symbolAddress(go: string, program: string, symbol: string): number {
	const lines = execFileSync(go, ["tool", "nm", program], { encoding: "utf8", maxBuffer: 64 << 20 }).split("\n");
	const line = lines.find((one) => one.endsWith(` ${symbol}`));
	assert.ok(line !== undefined, `no symbol ${symbol}`);
	return Number.parseInt(line.trim(), 16);
}

/** Whether a P struct has a piece of the marker: since Go 1.26 it ends with the registers of who was preempted on it last. */
function processorsHold(memory: number, allp: number, marker: string): boolean {
	const bytes = (address: number, count: number) => {
		const there = Buffer.alloc(count);
		return there.subarray(0, readSync(memory, there, 0, count, address));
	};
	const word = (address: number) => Number(bytes(address, 8).readBigUInt64LE());
	const processors = Array.from({ length: word(allp + 8) }, (_, i) => word(word(allp) + i * 8));
	return processors.some((at) => bytes(at, 1 << 14).includes(marker.slice(0, 12)));
}

describe("what is in a capture", () => {
	test("holds nothing of heap, stacks, data, environment and command line", async () => {
		const given = "kohdrow-ssap-tercerces-4711-x9y8z7";
		const marker = [...given].reverse().join("");
		const { go, env } = await toolchain();
		const program = join(folder, "secrets");
		const source = join(import.meta.dirname, "testdata/secrets/main.go");
		await promisify(execFile)(go, ["build", "-o", program, source], { env: { ...process.env, ...env }, cwd: folder });
		const child = spawn(program, [`-token=${marker}`, "-note", `see ${marker}`], {
			env: { GIVEN: given, PASSWORD: marker, GOGC: "150" },
		});
		try {
			const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
			const places = JSON.parse(line) as Record<string, string>;
			const memory = openSync(`/proc/${child.pid}/mem`, "r");
			for (const [what, address] of Object.entries(places)) {
				const there = Buffer.alloc(marker.length);
				readSync(memory, there, 0, there.length, Number(address));
				assert.equal(there.toString(), marker, `${what} holds it`);
			}
			const allp = symbolAddress(go, program, "runtime.allp");
			// who was preempted last on each P, a while ago, may have been another
			let held = processorsHold(memory, allp, marker);
			for (let tries = 600; tries > 0 && !held; tries--) {
				await sleep(100);
				held = processorsHold(memory, allp, marker);
			}
			assert.ok(held, "saved registers hold it");
			closeSync(memory);
			const { path, result } = await captured("secrets.gomem", { target: String(child.pid) });
			const all = contents(path);
			assert.equal(all.includes(Buffer.from(marker)), false);
			assert.equal(all.includes(Buffer.from(marker.slice(0, 12))), false);
			assert.equal(all.includes(Buffer.from(given)), false);
			assert.ok(all.includes(Buffer.from('"GOGC":"150"')));
			assert.ok((result["redacted"] as string[]).includes("the command line"));
			assert.equal((await whyOf(path)).target.gogc, "150");
			const whole = await captured("secrets-full.gomem", { target: String(child.pid), full: true });
			const allOfIt = contents(whole.path);
			assert.ok(allOfIt.includes(Buffer.from("-token=‹redacted›")));
			assert.equal(allOfIt.includes(Buffer.from(`-token=${marker}`)), false);
			assert.ok(allOfIt.includes(Buffer.from(program)));
			assert.deepEqual(whole.result["redacted"], []);
		} finally {
			child.kill("SIGKILL");
		}
	});

	test("has pseudonyms for folders and data files, which a comparison with the process sees through", {
		skip,
	}, async () => {
		await using subject = await startSubject("filemap");
		await subject.stop();
		const pid = String(subject.pid);
		const { live, path, replayed, compared, whole } = await lookResting(subject.pid, async () => {
			const { path } = await captured("filemap.gomem", { target: pid, force: true });
			const full = await captured("filemap-full.gomem", { target: pid, full: true, force: true });
			const [live, compared] = [await whyOf(pid), await whyOf(pid, { baseline: path })];
			return { live, path, replayed: await whyOf(path), compared, whole: await whyOf(full.path) };
		});
		const name = subject.folder.slice(subject.folder.lastIndexOf("/") + 1);
		assert.equal(contents(path).includes(Buffer.from(name)), false);
		assert.deepEqual(replayed.lines.map((line) => line.bytes).sort(), live.lines.map((line) => line.bytes).sort());
		const files = replayed.lines.filter((line) => line.id.startsWith("files."));
		assert.ok(
			files.length > 0 && files.every((line) => /^files\.(\/[\w.-]+)*\/file-[0-9a-f]{8}(\.\w+)?$/.test(line.id)),
			JSON.stringify(files),
		);
		assert.ok(compared.growth !== undefined);
		for (const line of compared.lines) assert.equal(line.growthBytes ?? 0, 0, line.id);
		assert.deepEqual(judged(whole), judged(live));
	});

	test("says what could not be read, and why, of a process that is no Go program", async () => {
		const child = spawn("sleep", ["100"]);
		try {
			await once(child, "spawn");
			const pid = child.pid ?? 0;
			const target = String(pid);
			// it may still be at its libraries
			await halted(pid);
			const { path, result, live } = await lookResting(pid, async () => ({
				...(await captured("sleep.gomem", { target, force: true })),
				live: await whyOf(target),
			}));
			const parts = result["parts"] as { id: string; bytes?: number; unavailable?: string; wouldHelp?: string }[];
			const missing = parts.find((part) => part.id === "go program");
			assert.match(missing?.unavailable ?? "", /not a Go program/);
			assert.ok(missing?.wouldHelp !== undefined && missing.bytes === undefined);
			const replayed = await whyOf(path);
			assert.deepEqual(replayed.unavailable, live.unavailable);
			assert.ok(live.unavailable.some((part) => part.part === "go program"));
			assert.deepEqual(
				judged(replayed).lines.map((l) => l.bytes),
				judged(live).lines.map((l) => l.bytes),
			);
		} finally {
			child.kill("SIGKILL");
		}
	});
});

/** A clock that goes on to whoever of two sleepers is to wake first, as soon as both sleep. */
function clockOfSleep(): Clock {
	const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
	let now = 0;
	return {
		now: () => now,
		monotonic: () => now,
		async sleep(milliseconds, signal) {
			const { promise, resolve: wake } = Promise.withResolvers<void>();
			signal.addEventListener("abort", () => wake());
			sleepers.push({ at: now + milliseconds, wake });
			if (sleepers.length === 2) {
				sleepers.sort((a, b) => a.at - b.at);
				const first = sleepers.shift();
				now = Math.max(now, first?.at ?? now);
				first?.wake();
			}
			await promise;
		},
	};
}

describe("the file", () => {
	test("is appended to only for the same process, and keeps what it does not know", { skip }, async () => {
		await using subject = await startSubject("livemap");
		await using other = await startSubject("livemap");
		const target = String(subject.pid);
		const { path } = await captured("append.gomem", { target });
		const one = readBundleFile(path);
		assert.ok(!isUnavailable(one));
		const content = new TextEncoder().encode("from the future");
		const later = { time: new Date().toISOString(), parts: [{ id: "dream", source: "?", time: "?", content }] };
		const strange = await appendReading(one, later, nodeCodec);
		await rewritten("append.gomem", strange);
		await subject.ask("grow 64");
		const { result } = await captured("append.gomem", { target, append: true });
		assert.deepEqual([result["readings"], result["added"]], [3, 1]);
		const all = readBundleFile(path);
		assert.ok(!isUnavailable(all));
		const dream = await readPart(all, "dream", "2", nodeCodec);
		assert.ok(!isUnavailable(dream));
		assert.deepEqual(new Uint8Array(dream.content), content);
		const replayed = await whyOf(path);
		assert.equal(replayed.growth?.readings, 2, "the reading that holds nothing known is left out");
		assert.ok((replayed.growth?.rssBytes ?? 0) > 32 * 2 ** 20);
		assert.match(JSON.stringify(replayed.unavailable), /reading 2/);
		const refused = await rejectsWith(
			captured("append.gomem", { target: String(other.pid), append: true }),
			"bundle-of-another-process",
		);
		assert.match(refused.why ?? "", new RegExp(`process ${subject.pid} \\(livemap\\)`));
		await rejectsWith(captured("append.gomem", { target }), "output-exists");
		await rejectsWith(run(capture, { target, append: true }), "invalid-input");
		await captured("append.gomem", { target, force: true });
		const replaced = readBundleFile(path);
		assert.equal(isUnavailable(replaced) ? 0 : replaced.manifest.readings.length, 1);
	});

	test("gets readings until the time is over, or the process is", { skip }, async () => {
		await using subject = await startSubject("slowleak");
		const target = String(subject.pid);
		// time that passes only in sleep: as if a reading took none
		const { path, result } = await captured(
			"series.gomem",
			{ target, every: "100ms", for: "1500ms" },
			{ clock: clockOfSleep() },
		);
		assert.equal(result["readings"], 15);
		assert.equal((await whyOf(path)).growth?.readings, 15);
		const warnings: string[] = [];
		const ended = await captured(
			"ended.gomem",
			{ target, every: "100ms" },
			{
				warn: (message) => warnings.push(message),
				progress: ({ done }) => {
					if (done === 3) subject.kill("SIGKILL");
				},
			},
		);
		assert.ok(Number(ended.result["readings"]) >= 3);
		assert.match(warnings.join(), /process \d+ (?:has ended|is a zombie: .*): the readings before are kept/);
		await whyOf(ended.path);
		const stopped = new AbortController();
		stopped.abort();
		await using another = await startSubject("slowleak");
		await rejectsWith(
			captured("none.gomem", { target: String(another.pid), every: "100ms" }, { signal: stopped.signal }),
			"interrupted",
		);
	});

	test("of the command line: private, whole or not at all, never over another", { skip }, async () => {
		await using subject = await startSubject("livemap");
		const gomem = (...args: string[]) =>
			execFileSync(process.execPath, [join(import.meta.dirname, "../../src/cli/main.ts"), ...args], {
				cwd: folder,
				stdio: "pipe",
			});
		const target = String(subject.pid);
		const result = JSON.parse(gomem("capture", target, "--json").toString());
		assert.match(result.file, new RegExp(`^livemap-${target}-\\d{8}T\\d{6}Z\\.gomem$`));
		assert.equal(statSync(join(folder, result.file)).mode & 0o777, 0o600);
		assert.equal(statSync(join(folder, result.file)).size, result.bytes);
		writeFileSync(join(folder, "there"), "kept");
		assert.throws(() => gomem("capture", target, "-o", "there"), /there is a file there already/);
		assert.equal(readFileSync(join(folder, "there"), "utf8"), "kept");
		gomem("capture", target, "-o", result.file, "--append");
		assert.match(gomem("why", result.file, "--every", "1s", "--json").toString(), /^\{.*\}\n\{.*\}\n$/);
		const piped = gomem("capture", target, "-o", "-");
		assert.equal(piped.subarray(0, 2).toString(), "PK");
	});
});
