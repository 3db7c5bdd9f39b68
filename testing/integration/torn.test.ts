import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BlockReader, type LookOptions, type TargetMemory } from "../../src/bytes/block-reader.ts";
import type { ByteSource } from "../../src/bytes/byte-source.ts";
import { ParseError } from "../../src/bytes/parse-error.ts";
import { openSafeMemory, zeroWhereAbsent } from "../../src/capture/linux/safe-memory.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { parseMaps } from "../../src/formats/procfs/maps.ts";
import { scanGlobals } from "../../src/goruntime/locate.ts";
import { readRuntime } from "../../src/goruntime/runtime-state.ts";
import { makeLedger } from "../../src/ledger/ledger.ts";
import { startSubject } from "../subjects.ts";

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

test("torn and hostile memory gives a result or a ParseError, in bounded time", { timeout: 240_000 }, async () => {
	await using subject = await startSubject("goroutines", { args: ["-n", "500"] });
	await subject.stop();
	using observed = (await ObservedProcess.open(subject.pid)) as ObservedProcess;
	const { reading } = await observed.read();
	const view = observed.attached?.view;
	const memory = openSafeMemory(subject.pid, {
		zeroWhereAbsent: zeroWhereAbsent(parseMaps(readFileSync(`/proc/${subject.pid}/maps`))),
	});
	assert.ok(view !== undefined && reading.program !== undefined && !isUnavailable(memory));
	const outcomes = { read: 0, refused: 0 };
	for (let seed = 1; seed <= 60; seed++) {
		const torn = new TornMemory(memory, seed, seed % 3 === 0 ? 1 : 12);
		const started = performance.now();
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
		assert.ok(performance.now() - started < 60_000, `seed ${seed} took too long`);
	}
	memory.close();
	await subject.resume();
	assert.ok(outcomes.read > 0, JSON.stringify(outcomes));
});

test("a process that ends while it is read gives what was read, or says that it ended", async () => {
	const subject = await startSubject("livemap", { args: ["-mib", "8"] });
	const observed = await ObservedProcess.open(subject.pid);
	assert.ok(observed instanceof ObservedProcess);
	await subject.close();
	await assert.rejects(observed.read(), /ended while it was read/);
	observed.close();
	const gone = await ObservedProcess.open(subject.pid);
	assert.ok(isUnavailable(gone));
});
