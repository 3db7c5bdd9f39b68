import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { LookRecord, MemoryReader } from "../../bytes/block-reader.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { LookRecorder } from "./look-recorder.ts";
import { RecordedLooks } from "./recorded-looks.ts";

const BASE = 0x7f00_0000_0000 - 6000;
const SIZE = 9000;

/** A target that changes, and looks at it: each sees a byte as it was when the look first asked for it. */
class Moving {
	readonly bytes = new Uint8Array(SIZE);
	readonly recorder = new LookRecorder();
	readonly seen: { readonly look: number; readonly at: number; readonly bytes: Uint8Array }[] = [];
	readonly #looks: { readonly cache: Map<number, number>; readonly record: LookRecord }[] = [];

	read(look: number, at: number, length: number): void {
		while (this.#looks.length <= look) this.#looks.push({ cache: new Map(), record: this.recorder.look() });
		const { cache, record } = this.#looks[look]!; // made above
		const bytes = Uint8Array.from({ length }, (_, i) => {
			const value = cache.get(at + i) ?? this.bytes[at + i] ?? 0;
			cache.set(at + i, value);
			return value;
		});
		record.read(BASE + at, Uint8Array.of(1, ...bytes, 2), 1, length + 1);
		const again = new Uint8Array(length + 20).fill(7);
		record.recall(BASE + at - 10, again);
		assert.deepEqual(again.subarray(10, length + 10), bytes);
		this.seen.push({ look, at, bytes });
	}
}

const steps = fc.array(
	fc.record({
		look: fc.nat(4),
		at: fc.oneof(fc.nat(SIZE - 500), fc.integer({ min: 5900, max: 6100 })),
		length: fc.integer({ min: 1, max: 400 }),
		change: fc.option(
			fc.record({ at: fc.oneof(fc.nat(SIZE - 1), fc.integer({ min: 5900, max: 6100 })), value: fc.nat(255) }),
			{ nil: undefined },
		),
	}),
	{ maxLength: 40 },
);

function looksOf(memory: RecordedLooks): MemoryReader[] {
	return Array.from({ length: 6 }, () => memory.look());
}

function read(look: LookRecord, address: number, bytes: Uint8Array): void {
	look.read(address, bytes, 0, bytes.length);
}

describe("recording look by look", () => {
	it("replays what each look saw of a target that changed meanwhile", () => {
		fc.assert(
			fc.property(steps, (list) => {
				const target = new Moving();
				for (const { look, at, length, change } of list) {
					if (change !== undefined) target.bytes.fill(change.value, change.at, change.at + 100);
					target.read(look, at, length);
				}
				const looks = looksOf(RecordedLooks.parse(target.recorder.serialise()));
				for (const { look, at, bytes } of target.seen) {
					const later = target.seen.filter((s) => s.look > look);
					const got = looks[look]?.copy(BASE + at, bytes.length);
					// what a look saw is replayed, whatever the others saw; a later look's bytes do not show through
					assert.deepEqual(got, bytes, `look ${look}, ${later.length} reads of later looks`);
				}
			}),
			{ numRuns: 300 },
		);
	});

	it("keeps what did not change once", () => {
		const recorder = new LookRecorder();
		const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
		read(recorder.look(), BASE, bytes);
		const once = recorder.serialise().length;
		for (let i = 0; i < 5; i++) read(recorder.look(), BASE, bytes);
		assert.ok(recorder.serialise().length <= once + 5 * 10);
	});

	it("has nothing where no look was, and gives later looks what earlier ones saw", () => {
		const recorder = new LookRecorder();
		read(recorder.look(), BASE, Uint8Array.of(1, 2, 3, 4));
		read(recorder.look(), BASE + 2, Uint8Array.of(9, 9));
		const memory = RecordedLooks.parse(recorder.serialise());
		const [first, second, third] = looksOf(memory);
		assert.deepEqual(first?.copy(BASE, 4), Uint8Array.of(1, 2, 3, 4));
		assert.deepEqual(second?.copy(BASE, 4), Uint8Array.of(1, 2, 9, 9));
		assert.deepEqual(third?.copy(BASE, 4), Uint8Array.of(1, 2, 9, 9));
		assert.equal(third?.copy(BASE, 5), undefined);
		assert.equal(third?.locate(BASE - 1, 2), -1);
		assert.equal(new RecordedLooks([]).look().locate(BASE, 1), -1);
	});

	it("finds nothing where the look found nothing, though others did", () => {
		const recorder = new LookRecorder();
		const [first, second] = [recorder.look(), recorder.look()];
		first.miss(BASE);
		first.miss(0);
		read(second, BASE, Uint8Array.of(1, 2, 3));
		const [one, two] = looksOf(RecordedLooks.parse(recorder.serialise()));
		assert.equal(one?.locate(BASE, 3), -1);
		assert.deepEqual(one?.copy(BASE + 1, 2), Uint8Array.of(2, 3), "what it never asked for");
		assert.deepEqual(two?.copy(BASE, 3), Uint8Array.of(1, 2, 3));
	});

	it("says when it was too much", () => {
		const recorder = new LookRecorder(8192);
		read(recorder.look(), 0, new Uint8Array(8192));
		assert.equal(recorder.overflowed, false);
		read(recorder.look(), 8192, new Uint8Array(1));
		assert.equal(recorder.overflowed, true);
	});

	it("lets only ParseError escape where the serial form is cut or changed", () => {
		const recorder = new LookRecorder();
		recorder.look().miss(77);
		for (const at of [0, 5000])
			read(
				recorder.look(),
				BASE + at,
				Uint8Array.from({ length: 50 }, (_, i) => i),
			);
		const whole = recorder.serialise();
		const attempt = (bytes: Uint8Array): boolean => {
			try {
				looksOf(RecordedLooks.parse(bytes)).map((look) => look.copy(BASE, 60));
				return true;
			} catch (error) {
				assert.ok(error instanceof ParseError, String(error));
				return false;
			}
		};
		assert.equal(attempt(whole), true);
		for (let length = 0; length < whole.length; length++) assert.equal(attempt(whole.slice(0, length)), false);
		for (let at = 0; at < whole.length; at++) {
			for (let bit = 0; bit < 8; bit++) {
				const changed = whole.slice();
				changed[at] = (changed[at] ?? 0) ^ (1 << bit);
				attempt(changed);
			}
		}
	});
});
