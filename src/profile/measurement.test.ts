import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanPath, compareText, fixed2, general2, padLeft } from "./go-format.ts";
import { label, percentage, scaledLabel } from "./measurement.ts";

// Printed by google/pprof's internal/measurement: ScaledLabel(value, from, to) and Percentage(value, total).
const labels: readonly (readonly [value: number, from: string, to: string, text: string])[] = [
	[0, "bytes", "auto", "0"],
	[1023, "bytes", "auto", "1023B"],
	[1024, "bytes", "auto", "1kB"],
	[1_638_400, "bytes", "minimum", "1.56MB"],
	[-1_638_400, "bytes", "auto", "-1.56MB"],
	[96, "MB", "kb", "98304kB"],
	[97_516_831, "kb", "bytes", "99857234944B"],
	[1, "s", "kb", "1s"],
	[30_988, "hour", "unit", "111556800s"],
	[40, "megagcu", "auto", "40M*GCU"],
	[31_816_988_145, "bytes", "μs", "31816988145B"],
	[377_206_828, "ms", "auto", "104.78hrs"],
	[5, "count", "auto", "5"],
	[5, "widgets", "parts", "5parts"],
	[1152, "bytes", "kb", "1.12kB"],
	[3200, "bytes", "kb", "3.12kB"],
	[1664, "bytes", "kb", "1.62kB"],
	[-1152, "bytes", "kb", "-1.12kB"],
	[1, "bytes", "GB", "0"],
	[4_503_599_627_370_497, "bytes", "kb", "4398046511104kB"],
];

test("figures in units read as pprof's", () => {
	for (const [value, from, to, text] of labels)
		assert.equal(scaledLabel(value, from, to), text, `${value} ${from} ${to}`);
	assert.equal(label(1_500_000, "nanoseconds"), "1.50ms");
});

test("percentages read as pprof's", () => {
	for (const [value, total, text] of [
		[0, 0, "    0%"],
		[1, 0, "    0%"],
		[1, 3, "33.33%"],
		[-1, 3, "33.33%"],
		[1, 1000, "  0.1%"],
		[1, 800, " 0.12%"],
		[1, 160, " 0.62%"],
		[1, 1600, "0.062%"],
		[9999, 1_000_000, "    1%"],
		[994, 100_000, " 0.99%"],
		[1, 100_000, "0.001%"],
		[1, 10_000_000, "1e-05%"],
		[1, 7_000_000, "1.4e-05%"],
		[99_951, 100_000, "  100%"],
		[99_949, 100_000, "99.95%"],
		[5, 2, "250.00%"],
	] as const) {
		assert.equal(percentage(value, total), text, `${value} of ${total}`);
	}
});

test("halves are rounded to even, as Go rounds them", () => {
	assert.deepEqual([0.125, 0.375, 0.625, 0.875, -0.125, 2.675].map(fixed2), [
		"0.12",
		"0.38",
		"0.62",
		"0.88",
		"-0.12",
		"2.67",
	]);
	assert.equal(fixed2(1e22), "10000000000000000000000.00");
	assert.deepEqual([0.5, 12, 99.4, 100, 0.0001, 0.00001].map(general2), [
		"0.5",
		"12",
		"99",
		"1e+02",
		"0.0001",
		"1e-05",
	]);
});

test("strings are ordered and padded by code points", () => {
	assert.deepEqual(["b", "\uffee", "😀", "a", "é"].sort(compareText), ["a", "b", "é", "\uffee", "😀"]);
	assert.equal(padLeft("😀é", 4), "  😀é");
});

test("paths are cleaned as Go's filepath.Clean does", () => {
	const cleaned = ["/a//b/../c.go", "./x", "a/./b/", "../../x", "/../x", "", "/", "a/..", "plain.go"].map(cleanPath);
	assert.deepEqual(cleaned, ["/a/c.go", "x", "a/b", "../../x", "/x", ".", "/", ".", "plain.go"]);
});
