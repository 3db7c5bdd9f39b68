import assert from "node:assert/strict";
import { test } from "node:test";
import { bar, bytes, count, duration, percent, rate, sparkline } from "./figures.ts";

test("bytes", () => {
	const cases: readonly (readonly [number, string])[] = [
		[0, "0 B"],
		[1023, "1,023 B"],
		[1024, "1.0 KiB"],
		[1024 ** 2 - 1, "1.0 MiB"],
		[537_185_690, "512.3 MiB"],
		[1.42 * 2 ** 30, "1.42 GiB"],
		[2 ** 31, "2.00 GiB"],
		[2 ** 50, "1.00 PiB"],
		[-(2 ** 20), "-1.0 MiB"],
	];
	for (const [value, text] of cases) assert.equal(bytes(value), text);
	assert.equal(bytes(2 ** 30, { unit: "MiB" }), "1024.0 MiB");
	assert.equal(bytes(2 ** 20, { width: 10 }), "   1.0 MiB");
	assert.equal(bytes(2 ** 20, { sign: true }), "+1.0 MiB");
	assert.equal(bytes(-1, { unit: "MiB" }), "0.0 MiB");
});

test("rate", () => {
	assert.equal(rate(212 * 2 ** 20), "+212 MiB/h");
	assert.equal(rate(-1.26 * 2 ** 20), "-1.3 MiB/h");
});

test("duration", () => {
	const cases: readonly (readonly [number, string])[] = [
		[0, "0 s"],
		[0.21, "0.21 ms"],
		[340, "340 ms"],
		[999.7, "1 s"],
		[4200, "4.2 s"],
		[5000, "5 s"],
		[9960, "10 s"],
		[12_000, "12 s"],
		[59_600, "1 min"],
		[170_000, "2 min 50 s"],
		[3_599_900, "1 h"],
		[10_200_000, "2 h 50 min"],
		[86_399_000, "1 d"],
		[273_600_000, "3 d 4 h"],
		[-12_000, "-12 s"],
	];
	for (const [ms, text] of cases) assert.equal(duration(ms), text);
});

test("count, percent", () => {
	assert.deepEqual([0, 999, 1204, 1234567, -1204, 1234.5].map(count), [
		"0",
		"999",
		"1,204",
		"1,234,567",
		"-1,204",
		"1,234.5",
	]);
	assert.deepEqual(
		[0, 0.001, 0.35, 1].map((share) => percent(share)),
		["0 %", "<1 %", "35 %", "100 %"],
	);
	assert.equal(percent(0.0004, 1), "<0.1 %");
	assert.equal(percent(-0.001), "0 %");
});

test("bar, sparkline", () => {
	assert.equal(bar(0, 10), "");
	assert.equal(bar(0.0001, 10), "▏");
	assert.equal(bar(0.5, 3), "█▌");
	assert.equal(bar(7, 4), "████");
	assert.equal(sparkline([0, 1, Number.NaN, 7]), "▁▂ █");
	assert.equal(sparkline([3, 3]), "▁▁");
	assert.equal(sparkline([]), "");
	assert.equal(sparkline([9, 0, 8], 2), "▁█");
});
