import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packValue, unpackValue } from "./packed-value.ts";
import { ParseError } from "./parse-error.ts";

const document = {
	title: "a </script> <!-- title",
	list: [1, "two", { deep: Uint8Array.of(0, 255, 7) }],
	depth: Uint32Array.of(0, 1, 2, 1, 0xffff_ffff, 0),
	row: Int32Array.of(-1, 2 ** 31 - 1, -(2 ** 31), 0),
	weight: Float64Array.of(0, 524_288, -3, 2 ** 52 - 1),
	share: Float64Array.of(0.5, Number.NaN, Number.NEGATIVE_INFINITY, -0, 2 ** 60),
	empty: new Float64Array(0),
};

test("what is packed comes back, typed arrays as they were", () => {
	assert.deepEqual(unpackValue(packValue(document)), document);
});

test("any columns come back", () => {
	const column = fc.oneof(
		fc.uint8Array(),
		fc.uint32Array(),
		fc.int32Array(),
		fc.float64Array(),
		fc.array(fc.maxSafeInteger()).map((values) => Float64Array.from(values)),
	);
	fc.assert(
		fc.property(fc.array(fc.record({ name: fc.string(), column }, { noNullPrototype: true })), (value) => {
			assert.deepEqual(unpackValue(packValue(value)), value);
		}),
	);
});

test("a column of small differences takes a byte for each", () => {
	const bytes = packValue(Uint32Array.from({ length: 10_000 }, (_, i) => i));
	assert.ok(bytes.length < 10_100, `${bytes.length}`);
});

test("cut short or changed, only a ParseError comes of it", () => {
	const whole = packValue(document);
	for (let length = 0; length < whole.length; length++) {
		assert.throws(() => unpackValue(whole.subarray(0, length)), ParseError, `${length} bytes`);
	}
	fc.assert(
		fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
			const changed = whole.slice();
			changed[at] = byte;
			try {
				unpackValue(changed);
			} catch (error) {
				assert.ok(error instanceof ParseError, String(error));
			}
		}),
		{ numRuns: 2000 },
	);
});
