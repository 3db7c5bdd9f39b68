import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlameTree } from "../../profile/flame-tree.ts";
import { nodeFigures } from "./figures.ts";
import { functionRows, placeMeans } from "./function-rows.ts";
import { nodeAt, Pictures, pathTo, stepFrom } from "./picture.ts";
import { exactly, matched, search } from "./search.ts";
import { readState, type ViewState, writeState } from "./view-state.ts";

/**
 * all 100 = a 60 (self 10, b 40, 2 left out 10) + c 40 (b 40); of the second type only c weighs anything, and it lost.
 */
const tree: FlameTree = {
	places: {
		count: 4,
		name: ["root", "pkg.a", "pkg.B", "other.c"],
		file: Uint32Array.of(0, 1, 1, 2),
		line: new Uint32Array(4),
		files: ["", "/src/pkg/a.go", "/src/other/c.go"],
		leftOut: 0,
	},
	place: Uint32Array.of(0, 1, 2, 3, 2),
	depth: Uint32Array.of(0, 1, 2, 1, 2),
	inlined: new Uint8Array(5),
	more: Uint32Array.of(0, 2, 0, 0, 0),
	sampleIndex: 0,
	divideBy: 1,
	mean: false,
	values: [
		{
			type: "inuse_space",
			unit: "bytes",
			self: Float64Array.of(0, 10, 40, 0, 40),
			rest: Float64Array.of(0, 10, 0, 0, 0),
			size: undefined,
			restSize: undefined,
			base: undefined,
			flat: Float64Array.of(0, 10, 80, 0),
			cum: Float64Array.of(0, 60, 80, 40),
			baseCum: undefined,
		},
		{
			type: "inuse_objects",
			unit: "count",
			self: Float64Array.of(0, 0, 0, -2, 0),
			rest: new Float64Array(5),
			size: Float64Array.of(0, 0, 0, 6, 0),
			restSize: new Float64Array(5),
			base: Float64Array.of(0, 0, 0, 4, 0),
			flat: Float64Array.of(0, 0, 0, -2),
			cum: Float64Array.of(0, 0, 0, -2),
			baseCum: Float64Array.of(0, 0, 0, 4),
		},
	],
};

test("nodes stand beside each other, what was left out after the callees", () => {
	const picture = new Pictures(tree).of(0);
	assert.deepEqual([...picture.left], [0, 0, 0, 60, 60]);
	assert.deepEqual([...picture.width], [100, 60, 40, 40, 40]);
	assert.deepEqual([picture.restLeft[1], picture.restWidth[1]], [40, 10]);
	assert.equal(picture.deepest, 2);
	assert.deepEqual(pathTo(picture, 4), [0, 3, 4]);
	assert.equal(nodeAt(picture, 2, 39), 2);
	assert.equal(nodeAt(picture, 2, 41), undefined, "left out");
	assert.equal(nodeAt(picture, 2, 60), 4);
});

test("widths of a difference are without signs, totals with them", () => {
	const picture = new Pictures(tree).of(1);
	assert.deepEqual([picture.width[0], picture.total[0], picture.base?.[0]], [6, -2, 4]);
});

test("arrow keys go to callers, the heaviest callee and neighbours that weigh something", () => {
	const picture = new Pictures(tree).of(0);
	const steps = (["caller", "callee", "left", "right"] as const).map((step) => stepFrom(picture, 1, step));
	assert.deepEqual(steps, [0, 2, 1, 3]);
	assert.equal(stepFrom(picture, 3, "left"), 1);
	assert.equal(stepFrom(picture, 4, "callee"), 4);
	assert.equal(stepFrom(new Pictures(tree).of(1), 0, "callee"), 3);
});

test("a search counts each stack once", () => {
	const picture = new Pictures(tree).of(0);
	const weigh = (pattern: string) => {
		const searched = search(tree, pattern);
		assert.ok(searched !== undefined && "found" in searched);
		return [searched.found.count, matched(picture, searched.found)];
	};
	assert.deepEqual(weigh("pkg"), [2, 100], "b under c too");
	assert.deepEqual(weigh("^pkg\\.b$"), [1, 80], "lower case finds both");
	assert.deepEqual(weigh("pkg\\.A"), [0, 0], "upper case does not");
	assert.deepEqual(weigh("/other/"), [1, 40], "by file");
	assert.deepEqual(weigh(exactly("pkg.B")), [1, 80]);
	assert.equal(search(tree, ""), undefined);
	assert.ok("problem" in (search(tree, "(") ?? {}));
});

test("rows of the table are sorted by the size of what they weigh", () => {
	const names = (type: number, key: "name" | "flat" | "cum", ascending = false) =>
		Array.from(functionRows(tree, type, { key, ascending }, undefined), (place) => tree.places.name[place]);
	assert.deepEqual(names(0, "flat"), ["pkg.B", "pkg.a", "other.c"]);
	assert.deepEqual(names(0, "cum", true), ["other.c", "pkg.a", "pkg.B"]);
	assert.deepEqual(names(0, "name", true), ["other.c", "pkg.B", "pkg.a"]);
	assert.deepEqual(names(1, "cum"), ["other.c"], "what weighs nothing is left out");
});

/** as `tree`, counts first: 10 of a (2 itself) and 0 of c */
const counted: FlameTree = {
	...tree,
	mean: true,
	values: [
		{
			...tree.values[0]!,
			type: "inuse_objects",
			unit: "count",
			self: Float64Array.of(0, 2, 7, 0, 0),
			rest: Float64Array.of(0, 1, 0, 0, 0),
			flat: Float64Array.of(0, 2, 7, 0),
			cum: Float64Array.of(0, 10, 7, 0),
		},
		tree.values[0]!,
	],
};

test("weights are told after divide_by, summed before they are cut; widths stay", () => {
	const picture = new Pictures({ ...tree, divideBy: 8 }).of(0);
	assert.deepEqual(picture.width, new Pictures(tree).of(0).width);
	assert.deepEqual(nodeFigures(picture, 1).rows, [
		["with callees", "7 B · 60 %"],
		["itself", "1 B · 10 %"],
		["not drawn", "2 smaller callees, 1 B"],
	]);
	assert.deepEqual(nodeFigures(new Pictures({ ...tree, divideBy: 2 }).of(1), 3).rows, [
		["before", "2"],
		["now", "1"],
		["change", "-1 (-50 %)"],
	]);
});

test("means are told beside the sums where something was counted", () => {
	const pictures = new Pictures(counted);
	const mean = (type: number, node: number, of = pictures) =>
		nodeFigures(of.of(type), node).rows.find(([what]) => what === "mean")?.[1];
	assert.deepEqual(
		[mean(1, 0), mean(1, 1), mean(1, 2)],
		["10 B", "6 B", "5 B"].map((text) => `${text} by inuse_objects`),
	);
	assert.equal(mean(1, 3), undefined, "nothing was counted");
	assert.equal(mean(0, 1), undefined, "by itself");
	assert.equal(mean(1, 1, new Pictures({ ...counted, mean: false })), undefined);
	assert.equal(mean(1, 0, new Pictures({ ...counted, divideBy: 4 })), "2 B by inuse_objects");
	assert.deepEqual(pictures.of(1).width, new Pictures(tree).of(0).width);
	assert.deepEqual([...(placeMeans(counted, 1) ?? [])], [0, 6, 11, 0]);
	assert.equal(placeMeans(counted, 0), undefined);
	assert.equal(placeMeans(tree, 0), undefined);
	const rows = functionRows(counted, 1, { key: "mean", ascending: false }, undefined);
	assert.deepEqual([...rows], [2, 1, 3]);
});

test("an address opens the view that it was written by, and anything else the first view", () => {
	const first: ViewState = { type: 0, zoom: 0, search: "", flame: false, tab: "flame" };
	const types = ["inuse_space", "inuse_objects"];
	const view: ViewState = { type: 1, zoom: 3, search: "a|b & c#", flame: true, tab: "top" };
	assert.deepEqual(readState(writeState(view, types, first), types, 5, first), view);
	assert.equal(writeState(first, types, first), "");
	for (const hash of ["", "#", "#frame=99", "#frame=-1", "#frame=x&type=nothing", "#%%%"]) {
		assert.deepEqual(readState(hash, types, 5, first), first, hash);
	}
});
