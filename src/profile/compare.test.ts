import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LabelParts, ProfileBuilder } from "../formats/pprof/builder.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { compareProfiles } from "./compare.ts";

interface Made {
	readonly stack: readonly string[];
	readonly values: readonly number[];
	readonly labels?: readonly LabelParts[];
}

const TYPES = [
	{ type: "inuse_objects", unit: "count" },
	{ type: "inuse_space", unit: "bytes" },
];

/** `before` makes rows of other numbers: nothing may depend on these. */
function made(samples: readonly Made[], { types = TYPES, before = 0 } = {}): Profile {
	const builder = new ProfileBuilder(types);
	for (let i = 0; i < before; i++) builder.location({ lines: [{ function: builder.function({ name: `other${i}` }) }] });
	for (const { stack, values, labels } of samples) {
		const rows = stack.map((frame) => {
			const [name = "", line = "1"] = frame.split(":");
			const row = builder.internFunction({ name, filename: "/a.go" });
			return builder.location({ lines: [{ function: row, line: Number(line) }] });
		});
		builder.sample(rows, values, labels);
	}
	return builder.finish();
}

describe("comparing profiles", () => {
	const one = [
		{ stack: ["f", "g"], values: [1, 100] },
		{ stack: ["f:2", "g"], values: [2, 50] },
	];

	test("the same in another order and numbering, in pieces, is the same", () => {
		const pieces = [
			{ stack: ["f:2", "g"], values: [1, 20] },
			...one.slice(0, 1),
			{ stack: ["f:2", "g"], values: [1, 30] },
		];
		const { totals, stacks, differences } = compareProfiles(made(one), made(pieces, { before: 7 }));
		assert.deepEqual(totals, [
			{ type: "inuse_objects", unit: "count", first: 3, second: 3 },
			{ type: "inuse_space", unit: "bytes", first: 150, second: 150 },
		]);
		assert.deepEqual(stacks, { same: 2, changed: 0, onlyFirst: 0, onlySecond: 0 });
		assert.deepEqual(differences, []);
	});

	test("each difference is told, the largest first; samples of nothing are none", () => {
		const other = [
			{ stack: ["f", "g"], values: [1, 101] },
			{ stack: ["f:3", "g"], values: [2, 70] },
			{ stack: ["h"], values: [0, 0] },
		];
		const { stacks, differences } = compareProfiles(made(one), made(other));
		assert.deepEqual(stacks, { same: 0, changed: 1, onlyFirst: 1, onlySecond: 1 });
		assert.deepEqual(
			differences.map(({ frames, first, second }) => [frames[0]?.line, first, second]),
			[
				[3, [0, 0], [2, 70]],
				[2, [2, 50], [0, 0]],
				[1, [1, 100], [1, 101]],
			],
		);
		assert.deepEqual(
			differences[0]?.frames.map((frame) => frame.function),
			["f", "g"],
		);
		assert.equal(compareProfiles(made(one), made(other), { list: 1 }).differences.length, 1);
	});

	test("labels tell samples apart, those that are asked for", () => {
		const labelled = (value: number) => [
			{
				stack: ["f"],
				values: [1, 1],
				labels: [
					{ key: "bytes", value },
					{ key: "state", value: "x" },
				],
			},
		];
		assert.equal(compareProfiles(made(labelled(8)), made(labelled(16))).stacks.same, 0);
		assert.equal(compareProfiles(made(labelled(8)), made(labelled(16)), { labels: ["state"] }).stacks.same, 1);
		assert.deepEqual(compareProfiles(made(labelled(8)), made([])).differences[0]?.labels, ["bytes:8", "state:x"]);
	});

	test("sample types that both have are compared, whatever their places", () => {
		const swapped = made([{ stack: ["f"], values: [5, 7] }], {
			types: [TYPES[1]!, { type: "goroutine", unit: "count" }],
		});
		const { totals } = compareProfiles(made([{ stack: ["f"], values: [1, 5] }]), swapped);
		assert.deepEqual(totals, [{ type: "inuse_space", unit: "bytes", first: 5, second: 5 }]);
	});

	test("a stack that one side cut is the same as far as it goes", () => {
		const deep = made([{ stack: ["a", "b", "c", "d"], values: [1, 1] }]);
		const cut = made([{ stack: ["a", "b"], values: [1, 1] }]);
		assert.equal(compareProfiles(deep, cut).stacks.same, 0);
		assert.equal(compareProfiles(deep, cut, { maxFrames: 2 }).stacks.same, 1);
	});
});
