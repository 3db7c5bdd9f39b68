import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ProfileBuilder } from "../formats/pprof/builder.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { loadProfiles } from "./combine/load.ts";
import { treeEnds, treeParents, treeSums } from "./flame-sums.ts";
import { type FlameTree, type FlameTreeOptions, flameTree } from "./flame-tree.ts";
import type { ProfileOptions } from "./options.ts";
import { prepare } from "./prepare.ts";

/** Stacks as text, the root first; `b<a` is a function b that was inlined into a: one location of both. */
type Stack = readonly [path: string, ...values: number[]];

function profileOf(stacks: readonly Stack[], types = ["alloc_space", "inuse_space"]): Profile {
	const b = new ProfileBuilder(types.map((type) => ({ type, unit: "bytes" })));
	for (const [path, ...values] of stacks) {
		const locations = path.split(" ").filter((word) => word !== "");
		const rows = locations.map((word) =>
			b.location({
				address: 0x1000,
				lines: word.split("<").map((name) => ({ function: b.internFunction({ name, filename: `/src/${name}.go` }) })),
			}),
		);
		b.sample(rows.reverse(), values);
	}
	return b.finish();
}

function treeOf(
	profile: Profile,
	options: FlameTreeOptions = { least: 0 },
	request: Partial<ProfileOptions> = {},
	bases: readonly Profile[] = [],
): FlameTree {
	const loaded = loadProfiles([profile], { bases, diffBase: bases.length > 0 });
	assert.ok("profile" in loaded);
	const prepared = prepare(loaded.profile, { format: "stacks", options: request });
	assert.ok("profile" in prepared);
	return flameTree(prepared, options);
}

/** By path from the root: what ends there and what all below weighs too, in one sample type. */
function byPath(tree: FlameTree, type: number): Map<string, { self: number; total: number }> {
	const { self, rest } = tree.values[type]!;
	const own = self.map((value, node) => value + rest[node]!);
	const totals = treeSums(tree.depth, own);
	const parents = treeParents(tree.depth);
	const paths: string[] = [];
	return new Map(
		Array.from(totals, (total, node) => {
			const name = tree.places.name[tree.place[node]!]!;
			paths.push(node === 0 ? "" : `${paths[parents[node]!]} ${name}`.trim());
			return [paths[node]!, { self: self[node]!, total }];
		}),
	);
}

const example: readonly Stack[] = [
	["main a b", 10, 1],
	["main a", 5, 0],
	["main c b", 30, 3],
	["main c b b", 2, 2],
	["other d<b", 4, 4],
	["", 7, 0],
];

test("a node weighs what ends in it and below it", () => {
	const tree = treeOf(profileOf(example));
	const alloc = byPath(tree, 0);
	assert.deepEqual(
		[...alloc].map(([path, { self, total }]) => `${path}: ${self} ${total}`),
		[
			": 7 58",
			"main: 0 47",
			"main c: 0 32",
			"main c b: 30 32",
			"main c b b: 2 2",
			"main a: 5 15",
			"main a b: 10 10",
			"other: 0 4",
			"other b: 0 4",
			"other b d: 4 4",
		],
		"the heaviest first, by the type asked for: inuse_space is the last and so the default",
	);
	assert.equal(tree.sampleIndex, 1);
	assert.deepEqual(byPath(tree, 1).get("main c"), { self: 0, total: 5 });
});

test("the type asked for orders, and inlined calls are marked", () => {
	const tree = treeOf(profileOf(example), { least: 0 }, { sample_index: "alloc_space" });
	assert.equal(tree.sampleIndex, 0);
	const inlined = [...tree.inlined].flatMap((flag, node) => (flag === 1 ? [tree.places.name[tree.place[node]!]] : []));
	assert.deepEqual(inlined, ["d"]);
	assert.equal(tree.places.files[tree.places.file[tree.places.name.indexOf("b")]!], "/src/b.go");
});

test("the table has each function once, recursion counted once", () => {
	const { places, values } = treeOf(profileOf(example));
	const row = places.name.indexOf("b");
	assert.deepEqual([values[0]!.flat[row], values[0]!.cum[row]], [42, 46]);
});

test("what is left out is counted and stays in its caller", () => {
	const whole = treeOf(profileOf(example), { least: 0 }, { sample_index: "alloc_space" });
	for (const most of [1, 2, 3, 5, 8]) {
		const tree = treeOf(profileOf(example), { least: 0, most }, { sample_index: "alloc_space" });
		assert.equal(tree.place.length, most);
		const all = byPath(whole, 0);
		for (const [path, figures] of byPath(tree, 0)) assert.deepEqual(figures, all.get(path), `${path} of ${most}`);
	}
	const { more } = treeOf(profileOf(example), { least: 0, most: 3 }, { sample_index: "alloc_space" });
	assert.deepEqual([...more], [1, 1, 1], "other; a; b");
	const heavy = treeOf(profileOf(example), { least: 0.5 });
	assert.deepEqual([...byPath(heavy, 0).keys()], ["", "main", "main c", "main c b"]);
});

test("values are sums whatever they are divided by and whether means are told", () => {
	const plain = treeOf(profileOf(example));
	assert.deepEqual([plain.divideBy, plain.mean], [1, false]);
	const tree = treeOf(profileOf(example), { least: 0 }, { divide_by: 8, mean: true });
	assert.deepEqual(tree, { ...plain, divideBy: 8, mean: true });
	assert.equal(treeOf(profileOf(example), {}, { divide_by: Number.POSITIVE_INFINITY }).divideBy, 1);
});

test("a difference has widths without signs, and what its base weighs", () => {
	const base = profileOf([
		["main a", 8, 8],
		["main gone", 6, 6],
	]);
	const tree = treeOf(profileOf([["main a", 20, 20]]), { least: 0 }, {}, [base]);
	const { size, base: ofBase, baseCum } = tree.values[1]!;
	assert.ok(size !== undefined && ofBase !== undefined && baseCum !== undefined);
	const paths = [...byPath(tree, 1)].map(([path, { total }]) => `${path}: ${total}`);
	assert.deepEqual(paths, [": 6", "main: 6", "main a: 12", "main gone: -6"]);
	assert.deepEqual([...treeSums(tree.depth, size)], [34, 34, 28, 6]);
	assert.deepEqual([...treeSums(tree.depth, ofBase)], [14, 14, 8, 6]);
	assert.equal(baseCum[tree.places.name.indexOf("gone")], 6);
});

test("stacks far deeper than a picture are cut, and their weight is kept", () => {
	const deep = Array.from({ length: 6000 }, (_, i) => `f${i % 3}`).join(" ");
	const tree = treeOf(
		profileOf([
			[deep, 1, 1],
			["f0", 1, 1],
		]),
		{ least: 0, most: 10_000 },
	);
	assert.equal(tree.depth.length, 4097);
	assert.equal(tree.more.at(-1), 1);
	assert.equal(treeSums(tree.depth, tree.values[1]!.rest)[0], 1);
});

test("any stacks: sums by path are those of a walk over the samples", () => {
	const frames = fc.array(fc.constantFrom("a", "b", "c", "d<a", "e<d<a"), { maxLength: 40 });
	const stack = fc.tuple(frames, fc.integer({ min: -9, max: 99 }), fc.nat(9));
	fc.assert(
		fc.property(fc.array(stack, { maxLength: 60 }), (stacks) => {
			const profile = profileOf(stacks.map(([words, ...values]) => [words.join(" "), ...values]));
			const expected = new Map<string, { self: number; total: number }>();
			const add = (path: string, value: number, ends: boolean) => {
				const at = expected.get(path) ?? { self: 0, total: 0 };
				expected.set(path, { self: at.self + (ends ? value : 0), total: at.total + value });
			};
			add("", 0, false);
			for (const [words, value, other] of stacks) {
				if (value === 0 && other === 0) continue;
				const names = words.flatMap((word) => word.split("<").reverse());
				for (let depth = 0; depth <= names.length; depth++) {
					add(names.slice(0, depth).join(" "), value, depth === names.length);
				}
			}
			const tree = treeOf(profile);
			assert.deepEqual(new Map([...byPath(tree, 0)].sort()), new Map([...expected].sort()));
			const ends = treeEnds(tree.depth);
			for (const [node, end] of ends.entries()) {
				assert.ok(end === ends.length || tree.depth[end]! <= tree.depth[node]!);
				assert.ok(tree.depth.subarray(node + 1, end).every((depth) => depth > tree.depth[node]!));
			}
		}),
	);
});
