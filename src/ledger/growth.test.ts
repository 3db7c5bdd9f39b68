import assert from "node:assert/strict";
import { test } from "node:test";
import { type LedgerPoint, measureGrowth } from "./growth.ts";
import { lineKind } from "./lines.ts";

const MiB = 2 ** 20;

function point(seconds: number, lines: Readonly<Record<string, number>>): LedgerPoint {
	const list = Object.entries(lines).map(([id, mib]) => ({
		id,
		bytes: mib * MiB,
		what: lineKind(id).what,
		source: "",
	}));
	return { at: seconds * 1000, ledger: { rssBytes: list.reduce((n, line) => n + line.bytes, 0), lines: list } };
}

test("one reading has no growth", () => {
	assert.equal(measureGrowth([point(0, { "heap.live": 10 })]), undefined);
});

test("the part that grows carries the growth, lines that came or went count whole", () => {
	const growth = measureGrowth([
		point(0, { "heap.live": 100, "c.heap": 10 }),
		point(60, { "heap.live": 101, "c.heap": 40, "files./x": 3 }),
	]);
	assert.equal(growth?.carrier, "c-memory");
	assert.equal(growth.rssBytes, 34 * MiB);
	assert.equal(growth.rssBytesPerHour, 34 * MiB * 60);
	assert.equal(growth.lines.get("files./x"), 3 * MiB);
	assert.equal(growth.lines.get("c.heap"), 30 * MiB);
});

test("several parts that grow alike carry it together", () => {
	const growth = measureGrowth([
		point(0, { "heap.live": 100, "c.heap": 100, "anon.mmap": 100 }),
		point(10, { "heap.live": 110, "c.heap": 110, "anon.mmap": 110 }),
	]);
	assert.equal(growth?.carrier, "mixed");
});

test("a heap that the collector empties and fills does not grow", () => {
	const sizes = [60, 90, 62, 88, 61, 91, 60, 90, 62];
	const growth = measureGrowth(
		sizes.map((mib, i) => point(i, { "heap.live": 50, "heap.new": mib - 50, "binary.text": 100 })),
	);
	assert.equal(growth?.carrier, undefined);
});

test("below a megabyte, and below a hundredth of Rss, it is noise", () => {
	assert.equal(measureGrowth([point(0, { "heap.live": 10 }), point(5, { "heap.live": 10.9 })])?.carrier, undefined);
	assert.equal(measureGrowth([point(0, { "heap.live": 1000 }), point(5, { "heap.live": 1005 })])?.carrier, undefined);
	assert.equal(measureGrowth([point(0, { "heap.live": 1000 }), point(5, { "heap.live": 1011 })])?.carrier, "live-heap");
});

test("shrinking is no growth", () => {
	const growth = measureGrowth([point(0, { "heap.idle": 100 }), point(5, { "heap.idle": 10 })]);
	assert.equal(growth?.carrier, undefined);
	assert.equal(growth?.rssBytes, -90 * MiB);
});
