import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BlockReader, type LookOptions, type TargetMemory } from "../../src/bytes/block-reader.ts";
import type { ByteSource } from "../../src/bytes/byte-source.ts";
import { ParseError } from "../../src/bytes/parse-error.ts";
import { openExecutable } from "../../src/capture/linux/executable.ts";
import { openSafeMemory, zeroWhereAbsent } from "../../src/capture/linux/safe-memory.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { parseElf } from "../../src/formats/elf/parse.ts";
import { parseMaps } from "../../src/formats/procfs/maps.ts";
import { attachRuntime } from "../../src/goruntime/attach.ts";
import { scanGlobals } from "../../src/goruntime/locate.ts";
import { readMemProfileRate } from "../../src/goruntime/profile-state.ts";
import { identifyProgram } from "../../src/goruntime/program.ts";
import { readRuntime } from "../../src/goruntime/runtime-state.ts";
import { openProgramCode } from "../../src/goruntime/symbols.ts";
import { makeLedger } from "../../src/ledger/ledger.ts";
import { goVersions, type RunningSubject, skipReason, startSubject } from "../subjects.ts";

/** Memory in which one read in `one` comes back with some bytes changed, as torn or hostile memory does. */
class TornMemory implements TargetMemory {
	readonly #source: ByteSource;
	readonly #one: number;
	#state: number;

	constructor(source: ByteSource, seed: number, one: number) {
		this.#source = source;
		this.#state = seed;
		this.#one = one;
	}

	look(options: LookOptions = {}): BlockReader {
		return new BlockReader(
			{ readInto: (at, into) => this.#torn(at, into) },
			{ ...options, blockBytes: 4096, maxBlocks: 4096 },
		);
	}

	/** A linear congruential generator: the same seed tears the same way. */
	#next(): number {
		this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
		return this.#state;
	}

	#torn(at: number, into: Uint8Array): number {
		const got = this.#source.readInto(at, into);
		if (got > 0 && (this.#next() >>> 8) % this.#one === 0) {
			for (let i = 0; i < 64; i++) into[(this.#next() >>> 4) % got] = this.#next() >>> 24;
		}
		return got;
	}
}

/** What was worked, by this process alone: on a busy machine more time passes. */
function cpuSeconds(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1e6;
}

/** What comes before the reading: which layout it is, where variables are, and the modules of the program. */
async function attachTorn(memory: TargetMemory, pid: number): Promise<void> {
	const exe = openExecutable(pid);
	assert.ok(!isUnavailable(exe));
	const elf = parseElf(exe.file);
	const file = identifyProgram(elf);
	assert.ok(file !== undefined);
	const stripped = { ...file, goVersion: `${file.goVersion.replace(/\.\d+$/, "")}.999`, symbols: new Map() };
	const attached = await attachRuntime(stripped, 0, memory);
	if (!isUnavailable(attached)) {
		const { layout, globals } = attached.view;
		openProgramCode({
			elf,
			layout,
			globals,
			bias: 0,
			data: file.writable,
			look: memory.look(),
			fileAt: () => undefined,
		});
		readMemProfileRate(attached.view, memory.look());
	}
	exe.file.close();
}

for (const go of goVersions) {
	test(`torn and hostile memory gives a result or a ParseError, in bounded time: go${go}`, {
		timeout: 240_000,
	}, async (t) => {
		const skip = await skipReason("goroutines", { go });
		if (skip !== false) return t.skip(skip);
		await fuzz(go);
	});
}

/** The subject, stopped and observed, and its memory beside that, to be read otherwise. */
async function openStill(subject: RunningSubject) {
	await subject.stop();
	const observed = await ObservedProcess.open(subject.pid);
	const memory = openSafeMemory(subject.pid, {
		zeroWhereAbsent: zeroWhereAbsent(parseMaps(readFileSync(`/proc/${subject.pid}/maps`))),
	});
	assert.ok(observed instanceof ObservedProcess && !isUnavailable(memory));
	const view = observed.attached?.view;
	assert.ok(view !== undefined);
	return {
		observed,
		view,
		memory,
		[Symbol.dispose]() {
			memory.close();
			observed.close();
		},
	};
}

async function fuzz(go: string): Promise<void> {
	await using subject = await startSubject("goroutines", { go, args: ["-n", "500"] });
	using still = await openStill(subject);
	const { observed, view, memory } = still;
	const { reading } = await observed.read();
	assert.ok(reading.program !== undefined);
	const outcomes = { read: 0, refused: 0 };
	for (let seed = 1; seed <= 30; seed++) {
		const torn = new TornMemory(memory, seed, seed % 3 === 0 ? 1 : 12);
		const started = cpuSeconds();
		try {
			const runtime = readRuntime({ ...view, memory: torn });
			const ledger = makeLedger(reading, runtime);
			const sum = ledger.lines.reduce((n, line) => n + line.bytes, 0);
			assert.equal(sum + ledger.residualBytes, ledger.rssBytes);
			assert.ok(ledger.lines.every((line) => line.bytes > 0 && Number.isSafeInteger(line.bytes)));
			outcomes.read++;
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			outcomes.refused++;
		}
		if (seed % 10 === 0) scanGlobals(torn, view.layout, reading.program.data);
		if (seed % 15 === 0) await attachTorn(torn, subject.pid);
		assert.ok(cpuSeconds() - started < 60, `seed ${seed} took too long`);
	}
	await subject.resume();
	assert.ok(outcomes.read > 0, JSON.stringify(outcomes));
}

test("a list that moved between two looks is looked for again", async () => {
	await using subject = await startSubject("livemap", { args: ["-mib", "8"] });
	using still = await openStill(subject);
	const { view, memory } = still;
	const list = (view.globals.get("mheap_") ?? 0) + view.layout.struct("mheap").offset("allspans");
	const array = view.memory.look().word(list);
	assert.ok(array !== undefined && array > 0);
	/** Memory where the array has gone until `moves` readings have come upon that. */
	const moving = (moves: number): TargetMemory => {
		const readInto = (at: number, into: Uint8Array) => {
			if (moves <= 0 || at > array || at + into.length <= array) return memory.readInto(at, into);
			moves--;
			return memory.readInto(at, into.subarray(0, array - at));
		};
		return { look: (options = {}) => new BlockReader({ readInto }, { ...options, blockBytes: 4096 }) };
	};
	const whole = readRuntime(view);
	const moved = readRuntime({ ...view, memory: moving(2) });
	assert.deepEqual([moved.counters, moved.spans.count], [whole.counters, whole.spans.count]);
	assert.throws(() => readRuntime({ ...view, memory: moving(Number.POSITIVE_INFINITY) }), ParseError);
	await subject.resume();
});

/**
 * Data whose every word points at what looks like the first of a long list of Ms, of profiling buckets, of chunks: the
 * search for variables must end all the same, and find those that are there.
 */
test("memory made to keep the search for variables busy does not", { timeout: 300_000 }, async () => {
	// its heap is at 0xc000000000: since 1.26 it is anywhere, also among the addresses that are made up here
	await using subject = await startSubject("livemap", { go: "1.24.13", args: ["-mib", "4"] });
	using still = await openStill(subject);
	const { observed, view, memory } = still;
	const { layout } = view;
	const hostile = { start: 0x200000, end: 0x400000 };
	const lists = 0x3100_0000_0000;
	const [g0, gM, next, size] = [
		layout.struct("m").offset("g0"),
		layout.struct("g").offset("m"),
		layout.struct("m").offset("alllink"),
		layout.struct("m").size + 8,
	];
	const put = (words: DataView, at: number, address: number, value: number) => {
		if (address < at || address + 8 > at + words.byteLength) return;
		words.setUint32(address - at, value % 2 ** 32, true);
		words.setUint32(address - at + 4, Math.floor(value / 2 ** 32), true);
	};
	const source: ByteSource = {
		readInto: (at, into) => {
			if (at >= hostile.end && !(at >= lists && at < 2 * lists)) return memory.readInto(at, into);
			const words = new DataView(into.buffer, into.byteOffset, into.byteLength);
			into.fill(0);
			if (at < hostile.end) for (let i = 0; i < into.length; i += 8) put(words, at, at + i, lists + (i % 512) * size);
			else {
				// an M at each multiple of `size`, whose g0 stands at its end and points back; next comes the next
				for (let m = at - ((at - lists) % size); m < at + into.length; m += size) {
					put(words, at, m + g0, m + size - 8 - gM);
					put(words, at, m + size - 8, m);
					put(words, at, m + next, m + size);
				}
			}
			return into.length;
		},
	};
	const started = cpuSeconds();
	const target: TargetMemory = { look: (options = {}) => new BlockReader(source, options) };
	const found = scanGlobals(target, layout, [...(observed.program?.data ?? []), hostile], 0x400000);
	const seconds = cpuSeconds() - started;
	await subject.resume();
	assert.equal(found.get("mheap_"), view.globals.get("mheap_"), `mheap_, of ${[...found.keys()]}`);
	assert.equal(found.get("allgs"), view.globals.get("allgs"), `allgs, of ${[...found.keys()]}`);
	assert.ok(seconds < 100, `${seconds} s`);
});

test("a process that ends while it is read gives what was read, or says that it ended", async () => {
	const subject = await startSubject("livemap", { args: ["-mib", "8"] });
	const observed = await ObservedProcess.open(subject.pid);
	assert.ok(observed instanceof ObservedProcess);
	await subject.close();
	await assert.rejects(observed.read(), /process \d+ has ended/);
	const gone = await ObservedProcess.open(subject.pid);
	// or the pid is another's by now
	assert.ok(isUnavailable(gone) || gone.startTime !== observed.startTime);
	if (!isUnavailable(gone)) gone.close();
	observed.close();
});
