import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BufferSource, type ByteSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { RecordedMemory } from "./recorded-memory.ts";
import { RecordingSource } from "./recording-source.ts";

const BASE = 0x7f00_0000_0000 - 3000;
const SIZE = 5 * 4096;

/** Bytes that all differ from their neighbours, with a hole at 9000..9100. */
class Holed implements ByteSource {
	readonly #buffer = new BufferSource(
		Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 0xff),
		BASE,
	);

	readInto(offset: number, into: Uint8Array): number {
		const limit = offset < BASE + 9000 ? BASE + 9000 : offset < BASE + 9100 ? offset : BASE + SIZE;
		return this.#buffer.readInto(offset, into.subarray(0, Math.max(0, limit - offset)));
	}
}

const reads = fc.array(
	fc.record({
		at: fc.integer({ min: -100, max: SIZE + 100 }),
		length: fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 9000 })),
	}),
	{ maxLength: 30 },
);

describe("recording memory", () => {
	it("replays every read as it was, also through the serial form", () => {
		fc.assert(
			fc.property(reads, (list) => {
				const recorder = new RecordingSource(new Holed());
				const seen = list.map(({ at, length }) => {
					const into = new Uint8Array(length);
					return { at, length, got: recorder.readInto(BASE + at, into), into };
				});
				const recorded = recorder.finish();
				for (const memory of [recorded, RecordedMemory.parse(recorded.serialise())]) {
					for (const { at, length, got, into } of seen) {
						const again = new Uint8Array(length);
						assert.equal(memory.readInto(BASE + at, again), got);
						assert.deepEqual(again, into);
					}
				}
			}),
		);
	});

	it("holds each byte that was read once, in ranges that neither overlap nor touch, and no other", () => {
		fc.assert(
			fc.property(reads, (list) => {
				const recorder = new RecordingSource(new Holed());
				const read = new Set<number>();
				for (const { at, length } of list) {
					const got = recorder.readInto(BASE + at, new Uint8Array(length));
					for (let i = 0; i < got; i++) read.add(BASE + at + i);
				}
				const memory = recorder.finish();
				assert.equal(memory.bytes.length, read.size);
				const byte = new Uint8Array(1);
				for (let at = BASE - 200; at < BASE + SIZE + 200; at++)
					assert.equal(memory.readInto(at, byte) === 1, read.has(at));
				for (let i = 1; i < memory.starts.length; i++) assert.ok((memory.starts[i] ?? 0) > (memory.ends[i - 1] ?? 0));
			}),
			{ numRuns: 40 },
		);
	});

	it("lets the later of two reads count", () => {
		fc.assert(
			fc.property(
				fc.array(fc.record({ at: fc.nat(9000), bytes: fc.uint8Array({ minLength: 1, maxLength: 5000 }) }), {
					maxLength: 12,
				}),
				(writes) => {
					const recorder = new RecordingSource(new BufferSource(new Uint8Array(0)));
					const model = new Map<number, number>();
					for (const { at, bytes } of writes) {
						recorder.record(at, bytes);
						bytes.forEach((value, i) => void model.set(at + i, value));
						bytes.fill(0); // what was recorded is a copy
					}
					const memory = RecordedMemory.parse(recorder.finish().serialise());
					const got = new Map<number, number>();
					let position = 0;
					memory.starts.forEach((start, i) => {
						for (let at = start; at < (memory.ends[i] ?? 0); at++) got.set(at, memory.bytes[position++] ?? -1);
					});
					assert.deepEqual(
						[...got],
						[...model].sort(([a], [b]) => a - b),
					);
				},
			),
		);
	});

	it("takes few bytes beside the contents", () => {
		const recorder = new RecordingSource(new BufferSource(new Uint8Array(SIZE), BASE));
		for (let at = 0; at + 160 <= SIZE; at += 192) recorder.readInto(BASE + at, new Uint8Array(160));
		const memory = recorder.finish();
		const overhead = memory.serialise().length - memory.bytes.length;
		assert.ok(overhead <= 6 + 2 + 6 + memory.starts.length * 3, `${overhead} bytes for ${memory.starts.length} ranges`);
	});

	it("stops recording at its limit, and goes on reading", () => {
		const recorder = new RecordingSource(new Holed(), { maxBytes: 8192 });
		assert.equal(recorder.readInto(BASE, new Uint8Array(8900)), 8900);
		assert.equal(recorder.overflowed, true);
		assert.ok(recorder.finish().bytes.length <= 8192);
	});

	it("lets only ParseError escape where the serial form is cut or changed", () => {
		const recorder = new RecordingSource(new Holed());
		for (const at of [0, 100, 5000, 9050, 12000]) recorder.readInto(BASE + at, new Uint8Array(33));
		const whole = recorder.finish().serialise();
		const attempt = (bytes: Uint8Array): boolean => {
			try {
				RecordedMemory.parse(bytes);
				return true;
			} catch (error) {
				assert.ok(error instanceof ParseError, String(error));
				return false;
			}
		};
		for (let length = 0; length < whole.length; length++) assert.equal(attempt(whole.slice(0, length)), false);
		assert.equal(attempt(Uint8Array.of(...whole, 0)), false, "nothing may follow");
		for (let at = 0; at < whole.length; at++) {
			for (let bit = 0; bit < 8; bit++) {
				const changed = whole.slice();
				changed[at] = (changed[at] ?? 0) ^ (1 << bit);
				attempt(changed);
			}
		}
		assert.ok(attempt(whole));
		// a count that would need more memory than there is
		assert.equal(attempt(Uint8Array.of(0x47, 0x4d, 0x52, 0x4d, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)), false);
	});
});
