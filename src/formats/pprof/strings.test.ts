import assert from "node:assert/strict";
import { test } from "node:test";
import { StringInterner } from "./strings.ts";

test("equal strings have equal indexes, however often the table has grown", () => {
	for (const room of [0, 1, 7, 64]) {
		const strings = new StringInterner(room, 0);
		const texts = Array.from({ length: 3_000 }, (_, i) => `main.f${i}`);
		const indexes = texts.map((text) => strings.intern(text));
		assert.deepEqual(
			texts.map((text) => strings.intern(text)),
			indexes,
		);
		assert.deepEqual(
			texts.map((text) => strings.find(text)),
			indexes,
		);
		assert.equal(strings.count, texts.length + 1);
		for (const [i, index] of indexes.entries()) assert.equal(strings.text(index), texts[i]);
	}
});
