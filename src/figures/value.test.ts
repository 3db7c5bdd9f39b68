import assert from "node:assert/strict";
import { test } from "node:test";
import { changeText, valueText } from "./value.ts";

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
