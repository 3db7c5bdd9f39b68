import assert from "node:assert/strict";
import { test } from "node:test";
import { foldedStacks } from "./folded.ts";
import type { ProfileOptions } from "./options.ts";
import { type Prepared, prepare, type ReportFormat } from "./prepare.ts";
import { report } from "./report.ts";
import { topRows, treeRows } from "./rows.ts";
import { speedscopeDocument } from "./speedscope.ts";
import { type SmallSample, smallProfile } from "./testdata/small-profile.ts";

const samples: readonly SmallSample[] = [
	["main;work>mix;leaf", 100, { bytes: 50 }],
	["main;work;leaf", 20],
	["main;main;other", 8],
	["", 1],
];

function prepared(
	format: ReportFormat,
	options: Partial<ProfileOptions> = {},
	of: readonly SmallSample[] = samples,
): Prepared {
	const made = prepare(smallProfile(of), { format, options });
	if ("error" in made) throw new Error(made.error);
	return made;
}

test("top rows have the place, what it weighs, and how it is called", () => {
	const { rows, ...header } = topRows(prepared("text"));
	assert.deepEqual(header, {
		sampleType: "inuse_space",
		unit: "bytes",
		total: 129,
		shown: 128,
		nodes: 5,
		droppedNodes: 0,
	});
	assert.deepEqual(
		rows.map(({ function: name, file, line, flat, cum, inlined }) => [name, file, line, flat, cum, inlined]),
		[
			["leaf", "leaf.go", 10, 120, 120, "none"],
			["other", "other.go", 10, 8, 8, "none"],
			["main", "main.go", 10, 0, 128, "none"],
			["mix", "mix.go", 10, 0, 100, "all"],
			["work", "work.go", 10, 0, 120, "none"],
		],
	);
	const [first] = topRows(prepared("text", { granularity: "lines", sample_index: "alloc_space", sort: "cum" })).rows;
	assert.deepEqual([first?.name, first?.line, first?.flat, first?.cum], ["main main.go:20", 20, 0, 256]);
});

test("tree rows have callers and callees, and what stands between them is told", () => {
	const { rows } = treeRows(prepared("tree", { hide: "work|mix" }));
	const leaf = rows.find((row) => row.function === "leaf");
	assert.deepEqual(
		leaf?.callers.map((one) => [one.function, one.weight, one.residual]),
		// hidden frames are gone from the profile; only those left out of the graph leave a gap
		[["main", 120, false]],
	);
	const trimmed = treeRows(prepared("tree", { nodecount: 2 })).rows;
	assert.deepEqual(
		trimmed.map((row) => row.function),
		["leaf", "other"],
	);
	const work = treeRows(prepared("tree")).rows.find((row) => row.function === "work");
	assert.deepEqual(
		work?.callees.map((one) => [one.function, one.weight, one.inlined]),
		[
			["mix", 100, true],
			["leaf", 20, false],
		],
	);
});

test("figures beyond 2^53 keep every bit", () => {
	const wide = prepared("text", { trim: false }, [
		["main;a", 2n ** 60n + 1n],
		["main;a", 2n ** 60n + 2n],
		["main;b", 3],
	]);
	const rows = topRows(wide).rows.map((row) => [row.function, row.flat, row.cum]);
	assert.deepEqual(rows, [
		["a", "2305843009213693955", "2305843009213693955"],
		["b", 3, 3],
		["main", 0, "2305843009213693958"],
	]);
	assert.deepEqual([topRows(wide).total, topRows(wide).shown], ["2305843009213693958", "2305843009213693958"]);
	const safeEach = prepared("tree", {}, [
		["main;a", Number.MAX_SAFE_INTEGER],
		["main;a", 2],
	]);
	assert.deepEqual(treeRows(safeEach).rows[0]?.callers[0]?.weight, "9007199254740993");
});

test("folded stacks, each once", () => {
	assert.deepEqual([...foldedStacks(prepared("stacks"))].sort(), [
		"main;main;other 8\n",
		"main;work;leaf 20\n",
		"main;work;mix;leaf 100\n",
	]);
});

test("a speedscope document has a profile per sample type and the stacks from the root", () => {
	const document = JSON.parse([...speedscopeDocument(prepared("stacks"))].join(""));
	const [alloc, inuse] = document.profiles;
	assert.deepEqual([alloc.name, alloc.unit, inuse.name, inuse.endValue], ["alloc_space", "bytes", "inuse_space", 129]);
	const names = (stack: readonly number[]): string =>
		stack.map((frame) => document.shared.frames[frame].name).join(";");
	assert.deepEqual(inuse.samples.map(names), ["main;work;mix;leaf", "main;work;leaf", "main;main;other", ""]);
	assert.deepEqual(inuse.weights, [100, 20, 8, 1]);
});

test("stacks are divided as reports are: summed, then cut, and left out at 0", () => {
	const many: readonly SmallSample[] = [...samples, ["main;main;other", 7, { bytes: 8 }], ["main;work", 9]];
	const divided = prepared("stacks", { divide_by: 10 }, many);
	const folded = ["main;main;other 1\n", "main;work;leaf 2\n", "main;work;mix;leaf 10\n"];
	assert.deepEqual([...foldedStacks(divided)].sort(), folded);
	const document = JSON.parse([...speedscopeDocument(divided)].join(""));
	const [alloc, inuse] = document.profiles;
	const lines = inuse.samples.map((stack: readonly number[], i: number) => {
		const names = stack.map((frame) => document.shared.frames[frame].name);
		return `${names.join(";")} ${inuse.weights[i]}\n`;
	});
	assert.deepEqual(lines.sort(), folded);
	assert.deepEqual([inuse.endValue, alloc.endValue], [13, 20 + 4 + 3 + 1]);
	const lost = prepared("stacks", { divide_by: 10 }, [
		["main;gone", -29],
		["main;gone", 15],
		["main;less", -1],
	]);
	assert.deepEqual([...foldedStacks(lost)], ["main;gone -1\n"]);
	assert.deepEqual(
		JSON.parse([...speedscopeDocument(lost)].join("")).profiles[1].weights,
		[1],
		"what is below 0 is left out before it is summed, as without a divisor",
	);
});

test("stacks stay sums where a mean is asked for, and that is said", () => {
	const mean = prepared("stacks", { mean: true });
	assert.deepEqual([...foldedStacks(mean)], [...foldedStacks(prepared("stacks"))]);
	assert.deepEqual([...speedscopeDocument(mean)], [...speedscopeDocument(prepared("stacks"))]);
	assert.deepEqual([mean.sampleType, mean.total], ["inuse_space", 129]);
	assert.match(mean.warnings.join(), /^mean has no meaning for stacks: .* sums/);
	assert.deepEqual(prepared("stacks").warnings, []);
	const top = prepared("text", { mean: true });
	assert.deepEqual([top.sampleType, top.warnings], ["mean_inuse_space", []]);
});

test("what cannot be done is said", () => {
	const profile = smallProfile(samples);
	const errors = [
		report(profile, { format: "text", options: { focus: "(" } }),
		report(profile, { format: "text", options: { tagfocus: "a=*" } }),
		report(profile, { format: "text", options: { sample_index: "cpu" } }),
		report(profile, { format: "text", options: { sample_index: "7" } }),
		report(profile, { format: "text", options: { divide_by: 0 } }),
		report(profile, { format: "peek", pattern: "nowhere" }),
		report(profile, { format: "text", options: { tagfocus: "99999999999999999999" } }),
	].map((made) => ("error" in made ? made.error : "no error"));
	assert.deepEqual(errors, [
		"parsing focus regexp: error parsing regexp: missing closing ): `(`",
		"parsing tagfocus regexp: error parsing regexp: missing argument to repetition operator: `*`",
		'sample_index "cpu" must be one of: [alloc_space inuse_space]',
		"sample_index 7 is outside the range [0..1]",
		"zero divisor specified",
		"no matches found for regexp: nowhere",
		"the number 99999999999999999999 is beyond 64 bits",
	]);
	const made = report(profile, { format: "text", options: { focus: "nowhere", tagignore: "1kb:" } });
	assert.deepEqual("warnings" in made && made.warnings, [
		"tagignore:Interpreted '1kb:' as range, not regexp",
		"Focus expression matched no samples",
		"TagIgnore expression matched no samples",
	]);
});
