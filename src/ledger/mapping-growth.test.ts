import assert from "node:assert/strict";
import { test } from "node:test";
import { type ComparedMapping, compareMappings, type MappingsPoint } from "./mapping-growth.ts";

function mapping(start: number, end: number, rssBytes: number, path = "", owner = "anon.mmap"): ComparedMapping {
	return { start, end, owner, name: path, path, inode: path === "" ? "0" : "7", rssBytes };
}

function point(at: number, mappings: readonly ComparedMapping[]): MappingsPoint {
	const owners = new Map<string, { rssBytes: number; sizeBytes: number; mappings: number }>();
	for (const m of mappings) {
		const sum = owners.get(m.owner) ?? { rssBytes: 0, sizeBytes: 0, mappings: 0 };
		owners.set(m.owner, {
			rssBytes: sum.rssBytes + m.rssBytes,
			sizeBytes: sum.sizeBytes + m.end - m.start,
			mappings: sum.mappings + 1,
		});
	}
	return { at, mappings, owners, rssBytes: mappings.reduce((n, m) => n + m.rssBytes, 0) };
}

const seen = (a: readonly ComparedMapping[], b: readonly ComparedMapping[]) =>
	compareMappings(point(0, a), point(2000, b)).changes.map((c) => [c.change, c.mapping.start, c.rssBytes, c.sizeBytes]);

test("what stands where it stood, larger or smaller; what is new and what is gone", () => {
	const before = [mapping(0, 10, 4), mapping(20, 30, 10), mapping(40, 50, 3), mapping(60, 70, 5)];
	const after = [mapping(0, 12, 9), mapping(20, 30, 10), mapping(60, 70, 1), mapping(80, 90, 10)];
	assert.deepEqual(seen(before, after), [
		["new", 80, 10, 10],
		["grown", 0, 5, 2],
		["shrunk", 60, -4, 0],
		["gone", 40, -3, -10],
	]);
});

test("mappings that were joined count together; the larger part of one that was split is it", () => {
	assert.deepEqual(seen([mapping(0, 10, 4), mapping(10, 30, 6)], [mapping(0, 40, 15)]), [["grown", 0, 5, 10]]);
	assert.deepEqual(seen([mapping(0, 40, 15)], [mapping(0, 10, 4), mapping(20, 40, 11)]), [
		["shrunk", 20, -4, -20],
		["new", 0, 4, 10],
	]);
});

test("another file at the same address is another mapping", () => {
	const changes = seen([mapping(0, 10, 4, "/a")], [mapping(0, 10, 4, "/b")]);
	assert.deepEqual(changes, [
		["gone", 0, -4, -10],
		["new", 0, 4, 10],
	]);
});

test("by owner, also of one that has nothing any more; the sums are those of the points", () => {
	const growth = compareMappings(
		point(1000, [mapping(0, 10, 4), mapping(20, 30, 2, "", "c.heap"), mapping(40, 50, 1, "/x", "files./x")]),
		point(3500, [mapping(0, 10, 9), mapping(40, 50, 1, "/x", "files./x")]),
	);
	assert.deepEqual(
		[...growth.owners],
		[
			["anon.mmap", { rssBytes: 5, sizeBytes: 0, mappings: 0 }],
			["c.heap", { rssBytes: -2, sizeBytes: -10, mappings: -1 }],
		],
	);
	assert.deepEqual([growth.seconds, growth.rssBytes, growth.sizeBytes], [2.5, 3, -10]);
	const changed = growth.changes.reduce((n, c) => n + c.rssBytes, 0);
	assert.equal(changed, growth.rssBytes);
});
