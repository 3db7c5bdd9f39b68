import assert from "node:assert/strict";
import { test } from "node:test";
import { changeText, dividedBy, valueText } from "./value.ts";

test("figures of a profile in their unit", () => {
	const cases: [value: number, unit: string, text: string][] = [
		[64_696_320, "bytes", "61.7 MiB"],
		[-1536, "bytes", "-1.5 KiB"],
		[1204, "count", "1,204"],
		[340_000_000, "nanoseconds", "340 ms"],
		[2, "seconds", "2 s"],
		[7, "", "7"],
		[12, "widgets", "12 widgets"],
	];
	for (const [value, unit, text] of cases) assert.equal(valueText(value, unit), text);
});

test("changes have a sign", () => {
	assert.equal(changeText(1024, "bytes"), "+1.0 KiB");
	assert.equal(changeText(-1024, "bytes"), "-1.0 KiB");
	assert.equal(changeText(0, "count"), "0");
});

test("a divided figure is cut to a whole number, and zero has no sign", () => {
	const divided = [dividedBy(29, 10), dividedBy(-29, 10), dividedBy(-9, 10), dividedBy(3, 0.5)];
	assert.deepEqual(divided, [2, -2, 0, 6]);
	assert.deepEqual([dividedBy(2.5, 1), dividedBy(7, -2), dividedBy(7, Number.POSITIVE_INFINITY)], [2.5, 7, 7]);
});
