import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProfileListResult } from "../../api/profile-list.ts";
import type { ProfileSlopeResult } from "../../api/profile-slope.ts";
import { profileTags } from "../../api/profile-tags.ts";
import { profileTop } from "../../api/profile-top.ts";
import { profileTree } from "../../api/profile-tree.ts";
import { smallProfile } from "../../profile/testdata/small-profile.ts";
import { terminalFor } from "../terminal.ts";
import { render as renderList } from "./profile-list.ts";
import { render as renderSlope } from "./profile-slope.ts";
import { promptTerminal } from "./profile-spelling.ts";
import { render as renderTags } from "./profile-tags.ts";
import { render as renderTop } from "./profile-top.ts";
import { render as renderTree } from "./profile-tree.ts";

const ctx = { warn: (message: string) => assert.fail(message) };
const plain = terminalFor({}, "never", {});
const narrow = terminalFor({ isTTY: true, columns: 80 }, "never", {});

const name = `main.${"long".repeat(60)}`;
const value = "v".repeat(240);
const opened = { profile: smallProfile([[`main.root;${name}`, 100, { key: value }]]), sources: [] };

const top = profileTop(ctx, opened, {});
const source: ProfileListResult = {
	...top,
	functions: [
		{
			function: name,
			file: `/src/${"d".repeat(240)}.go`,
			flat: 100,
			cum: 100,
			lines: [{ line: 1, text: `x := "${value}"`, flat: 100, cum: 100 }],
		},
	],
};
const trend = { first: 1, last: 100, verdict: "undecided" } as const;
const slope: ProfileSlopeResult = {
	sampleType: "inuse_space",
	unit: "bytes",
	readings: 3,
	from: "2026-01-01T00:00:00.000Z",
	spanMs: 0,
	heldAt: [1, 1, 1],
	whole: trend,
	sites: [{ name, heldAt: [1, 1, 1], ...trend }],
	sources: [],
};

test("names, values and source are cut for a terminal, and for nothing else", () => {
	const all = [
		["top", (t) => renderTop(top, t), name],
		["tree", (t) => renderTree(profileTree(ctx, opened, {}), t), name],
		["tags", (t) => renderTags(profileTags(ctx, opened, {}), t), value],
		["list", (t) => renderList(source, t), value],
		["slope", (t) => renderSlope(slope, t), name],
	] as const satisfies readonly (readonly [string, (terminal: typeof plain) => string, string])[];
	for (const [verb, text, whole] of all) {
		assert.ok(text(plain).includes(whole), verb);
		assert.doesNotMatch(text(plain), /…/, verb);
		assert.match(text(narrow), /…/, verb);
	}
});

test("readings of one time are not too few", () => {
	assert.match(renderSlope(slope, plain), /Verdict +All readings are of one and the same time/);
	const few = { ...slope, readings: 2, spanMs: 1000 };
	assert.match(renderSlope(few, plain), /Verdict +Too few readings to tell: three are the least/);
});

test("at the prompt a report says what can be typed there", () => {
	const many = Array.from({ length: 40 }, (_, i) => [`main.root;main.f${i}`, 100, { key: `v${i}` }] as const);
	const wide = { profile: smallProfile(many), sources: [] };
	const texts = (terminal: typeof plain) => [
		renderTree(profileTree(ctx, wide, {}), terminal),
		renderTags(profileTags(ctx, wide, {}), terminal),
		renderList({ ...source, functions: [{ ...source.functions[0]!, problem: "gone" }] }, terminal),
	];
	const [tree = "", tags = "", list = ""] = texts(promptTerminal(plain));
	assert.match(tree, /→ 28 more \(style=pprof\)/);
	assert.match(tags, / 10 more \(style=pprof\)/);
	assert.match(list, /no source: gone \(source_path, trim_path\)/);
	const flags = texts(plain);
	for (const [i, flag] of [/ 28 more \(--json\)/, / 10 more \(--json\)/, /\(--source-path, --trim-path\)/].entries()) {
		assert.match(flags[i] ?? "", flag);
	}
});
