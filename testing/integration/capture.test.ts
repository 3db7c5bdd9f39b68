import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";
import { isDeepStrictEqual, promisify } from "node:util";
import { operation as capture } from "../../src/api/capture.ts";
import type { GomemError } from "../../src/api/errors.ts";
import type { Artifact } from "../../src/api/operation.ts";
import type { RunOptions } from "../../src/api/run.ts";
import { type WhyResult, operation as why } from "../../src/api/why.ts";
import { openBundle, readBundleFile } from "../../src/capture/bundle-file.ts";
import type { Observation } from "../../src/capture/process.ts";
import { RecordedProcess } from "../../src/capture/record.ts";
import { nodeCodec } from "../../src/capture/record-codec.ts";
import { appendReading, type Bundle, readPart, writeBundle } from "../../src/evidence/bundle/bundle.ts";
import { isPresent } from "../../src/evidence/bundle/manifest.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { inflateEntry } from "../../src/evidence/bundle/zip.ts";
import type { RuntimeState } from "../../src/goruntime/runtime-state.ts";
import { makeLedger } from "../../src/ledger/ledger.ts";
import { documentOf, run } from "../operations.ts";
import { skipReason, startSubject, toolchain } from "../subjects.ts";

const folder = mkdtempSync(join(tmpdir(), "gomem-capture-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const skip = await skipReason("livemap");
const tool = { name: "gomem", version: "test" };

/** Runs the operation and writes what it made, as the command line does. */
async function captured(file: string, input: Record<string, unknown>, options: Partial<RunOptions> = {}) {
	const output = join(folder, file);
	const outcome = await run(capture, input, { output, ...options });
	assert.ok(outcome.kind === "artifact");
	const { bytes, result } = outcome.artifact as Artifact<Record<string, unknown>>;
	writeFileSync(output, Buffer.concat(bytes as Uint8Array[]));
	assert.equal(statSync(output).size, result["bytes"]);
	return { path: output, result };
}

async function whyOf(target: string, input: Record<string, unknown> = {}): Promise<WhyResult> {
	return (await documentOf(why, { target, ...input })) as unknown as WhyResult;
}

/** What must be the same live and replayed. */
function judged(result: WhyResult) {
	const { lines, runtime, rssBytes, swapBytes, vszBytes, residualBytes, limit, verdict, blur } = result;
	const { lastGcSecondsAgo: _, ...counters } = runtime ?? {};
	const { usedBytes: __, ...bound } = limit;
	return {
		lines,
		counters,
		rssBytes,
		swapBytes,
		vszBytes,
		residualBytes,
		bound,
		code: verdict.code,
		blur: blur.heapBytes,
	};
}

/** The reading but for the memory it stands for. */
function withoutMemory({ reading }: Observation) {
	const { memory, program, ...rest } = reading;
	assert.ok(memory !== undefined);
	return { ...rest, program: { ...program, settings: { ...program?.settings } } };
}

/** Everything decoded of the runtime; by parts, as the difference of all of it takes long to print. */
function sameState(is: RuntimeState | undefined, was: RuntimeState | undefined): void {
	assert.equal(is === undefined, was === undefined);
	if (is === undefined || was === undefined) return;
	assert.deepEqual(is.blur, was.blur);
	assert.deepEqual(is.counters, was.counters);
	const { view: _, look: __, ...rest } = was;
	for (const part of Object.keys(rest) as (keyof typeof rest)[])
		assert.ok(isDeepStrictEqual(is[part], was[part]), part);
}

async function rejectsWith(promise: Promise<unknown>, code: string): Promise<GomemError> {
	let failure: unknown;
	await promise.catch((error: unknown) => (failure = error));
	assert.equal((failure as GomemError | undefined)?.code, code, String(failure));
	return failure as GomemError;
}

/** Everything in a bundle, inflated, its names included. */
function contents(path: string): Buffer {
	const bundle = readBundleFile(path);
	assert.ok(!isUnavailable(bundle));
	const parts = [...bundle.files].map(([name, entry]) => inflateEntry(name, entry, nodeCodec));
	return Buffer.concat([readFileSync(path), Buffer.from(JSON.stringify(bundle.manifest)), ...parts]);
}

async function rewritten(file: string, bundle: Bundle): Promise<string> {
	const path = join(folder, file);
	writeFileSync(path, Buffer.concat(await writeBundle(bundle, nodeCodec)));
	return path;
}

describe("a process that stands still", () => {
	for (const name of ["mixed", "fragmentation", "goroutines"] as const) {
		test(`why says the same of ${name} and of its capture`, { skip }, async () => {
			await using subject = await startSubject(name);
			await subject.stop();
			const pid = String(subject.pid);
			const { path } = await captured(`${name}.gomem`, { target: pid, full: true });
			const live = await whyOf(pid);
			const replayed = await whyOf(path);
			assert.deepEqual(judged(replayed), judged(live));
			assert.ok(live.lines.length > 8 && (live.runtime?.heapAllocBytes ?? 0) > 0);
			const truth = await subject.resume();
			assert.equal(replayed.runtime?.heapAllocBytes, truth.HeapAlloc);
		});
	}

	test("is paused on demand, and the reading says so", { skip }, async () => {
		await using subject = await startSubject("livemap");
		const { path, result } = await captured("paused.gomem", { target: String(subject.pid), pause: "2s" });
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
		for (let i = 0; i < 4; i++) ({ bundle } = await process.record(bundle));
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
		assert.ok(
			seen.some(({ observation }) => (observation.runtime?.blur.heapBytes ?? 0) > 0),
			"it moved",
		);
	});
});

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
		const { path } = await captured("filemap.gomem", { target: pid });
		const name = subject.folder.slice(subject.folder.lastIndexOf("/") + 1);
		assert.equal(contents(path).includes(Buffer.from(name)), false);
		const live = await whyOf(pid);
		const replayed = await whyOf(path);
		assert.deepEqual(replayed.lines.map((line) => line.bytes).sort(), live.lines.map((line) => line.bytes).sort());
		const files = replayed.lines.filter((line) => line.id.startsWith("files."));
		assert.ok(
			files.length > 0 && files.every((line) => /^files\.(\/[\w.-]+)*\/file-[0-9a-f]{8}(\.\w+)?$/.test(line.id)),
			JSON.stringify(files),
		);
		const compared = await whyOf(pid, { baseline: path });
		assert.ok(compared.growth !== undefined);
		for (const line of compared.lines) assert.equal(line.growthBytes ?? 0, 0, line.id);
		const { path: whole } = await captured("filemap-full.gomem", { target: pid, full: true });
		assert.deepEqual(judged(await whyOf(whole)), judged(live));
	});

	test("says what could not be read, and why, of a process that is no Go program", async () => {
		const child = spawn("sleep", ["100"]);
		try {
			await once(child, "spawn");
			const { path, result } = await captured("sleep.gomem", { target: String(child.pid) });
			const parts = result["parts"] as { id: string; bytes?: number; unavailable?: string; wouldHelp?: string }[];
			const missing = parts.find((part) => part.id === "go program");
			assert.match(missing?.unavailable ?? "", /not a Go program/);
			assert.ok(missing?.wouldHelp !== undefined && missing.bytes === undefined);
			const live = await whyOf(String(child.pid));
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
		const { path, result } = await captured("series.gomem", { target, every: "100ms", for: "1500ms" });
		assert.ok(Number(result["readings"]) >= 2 && Number(result["readings"]) <= 16, String(result["readings"]));
		assert.equal((await whyOf(path)).growth?.readings, result["readings"]);
		const warnings: string[] = [];
		setTimeout(() => subject.kill("SIGKILL"), 1500);
		const ended = await captured(
			"ended.gomem",
			{ target, every: "50ms" },
			{ warn: (message) => warnings.push(message) },
		);
		assert.ok(Number(ended.result["readings"]) >= 1);
		assert.match(warnings.join(), /ended while it was read: the readings before are kept/);
		await whyOf(ended.path);
		const stopped = new AbortController();
		stopped.abort();
		await using another = await startSubject("slowleak");
		await rejectsWith(
			captured("none.gomem", { target: String(another.pid), every: "50ms" }, { signal: stopped.signal }),
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

describe("a damaged file", { skip }, () => {
	/** A small capture, made once. */
	async function sample(): Promise<string> {
		await using subject = await startSubject("livemap", { args: ["-mib", "4"] });
		return (await captured("sample.gomem", { target: String(subject.pid), force: true })).path;
	}

	test("is refused with what to do: cut, no capture, newer", async () => {
		const bytes = readFileSync(await sample());
		const path = join(folder, "damaged.gomem");
		for (const length of [4, 100, bytes.length >> 1, bytes.length - 1]) {
			writeFileSync(path, bytes.subarray(0, length));
			const error = await rejectsWith(whyOf(path), "bundle-unreadable");
			assert.match(error.hint ?? "", /another copy/);
			await rejectsWith(whyOf(String(process.pid), { baseline: path }), "bundle-unreadable");
		}
		const bundle = readBundleFile(join(folder, "sample.gomem"));
		assert.ok(!isUnavailable(bundle));
		const newer = await rewritten("newer.gomem", {
			...bundle,
			manifest: { ...bundle.manifest, schema: "gomem.bundle/2" },
		});
		assert.match((await rejectsWith(whyOf(newer), "bundle-newer")).hint ?? "", /that gomem, or a later one/);
		const empty = await rewritten("empty.gomem", {
			...bundle,
			manifest: { ...bundle.manifest, readings: [], parts: [] },
		});
		await rejectsWith(whyOf(empty), "bundle-empty");
	});

	test("works without the parts that are damaged, and names them", async () => {
		const bundle = readBundleFile(await sample());
		assert.ok(!isUnavailable(bundle));
		for (const part of bundle.manifest.parts) {
			if (!isPresent(part)) continue;
			const entry = bundle.files.get(part.file);
			assert.ok(entry !== undefined);
			const bad = new Map(bundle.files).set(part.file, { ...entry, packed: entry.packed.map((byte) => byte ^ 0x55) });
			const path = await rewritten("part.gomem", { ...bundle, files: bad });
			if (part.id === "stat" || part.id === "status") {
				await rejectsWith(whyOf(path), "bundle-empty");
				continue;
			}
			const result = await whyOf(path);
			const named = result.unavailable.map((one) => `${one.part}: ${one.why}`).join("; ");
			if (part.id === "goroutines" || part.id === "symbols") assert.equal(named, "");
			else assert.match(named, new RegExp(`${part.id}: part ${part.id} is damaged`));
			if (part.id === "runtime-memory") assert.equal(result.runtime, undefined);
		}
	});

	test("never ends in anything but a result, whatever its parts say", async () => {
		const bundle = readBundleFile(await sample());
		assert.ok(!isUnavailable(bundle));
		const [reading] = bundle.manifest.readings;
		assert.ok(reading !== undefined);
		let seed = 12345;
		const next = (below: number) => {
			seed = (seed * 1103515245 + 12345) % 2 ** 31;
			return seed % below;
		};
		const all: { id: string; source: string; time: string; content: Uint8Array }[] = [];
		for (const { id, source, time } of bundle.manifest.parts) {
			const found = await readPart(bundle, id, "1", nodeCodec);
			if (!isUnavailable(found)) all.push({ id, source, time, content: found.content });
		}
		assert.ok(all.length > 8);
		const head = { manifest: { ...bundle.manifest, readings: [], parts: [] }, files: new Map() };
		let usable = 0;
		for (const part of all) {
			for (let i = 0; i < 12; i++) {
				const content = Uint8Array.from(part.content);
				const cut = i % 5 === 0 ? next(content.length) : content.length;
				// near the start damage meets heads and pointers, anywhere else the rest
				const reach = i % 2 === 0 ? content.length : Math.min(200, content.length);
				for (let flips = 0; flips < 4; flips++) content[next(reach)] = next(256);
				const parts = all.map((one) => (one === part ? { ...one, content: content.subarray(0, cut) } : one));
				const changed = await appendReading(head, { time: reading.time, more: reading.more, parts }, nodeCodec);
				const opened = await openBundle(await rewritten("fuzzed.gomem", changed));
				if (isUnavailable(opened)) continue;
				const observation = await opened.next();
				assert.ok(observation !== undefined);
				makeLedger(observation.reading, observation.runtime);
				usable++;
			}
		}
		assert.ok(usable > all.length * 6, `${usable} of ${all.length * 12} could be used`);
	});
});
