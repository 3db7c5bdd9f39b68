import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { int64At } from "../../formats/pprof/columns.ts";
import type { Profile } from "../../formats/pprof/model.ts";
import { type SmallSample, smallProfile } from "../testdata/small-profile.ts";
import { loadProfiles } from "./load.ts";
import { compactProfile, mergeProfiles } from "./merge.ts";

/** Stacks and labels as text with inuse_space, by that text. */
function told(profile: Profile | { readonly error: string }): Record<string, bigint> {
	if ("error" in profile) throw new Error(profile.error);
	const { samples, strings, locations, lines, functions } = profile;
	const all: Record<string, bigint> = {};
	for (let s = 0; s < samples.count; s++) {
		const names: string[] = [];
		for (let at = samples.locationStart[s]!; at < samples.locationStart[s + 1]!; at++) {
			const l = samples.location[at]!;
			for (let line = locations.lineStart[l]!; line < locations.lineStart[l + 1]!; line++) {
				names.push(strings.text(functions.name[lines.function[line]!]!));
			}
		}
		const labels: string[] = [];
		for (let label = samples.labelStart[s]!; label < samples.labelStart[s + 1]!; label++) {
			const text = samples.labels.text[label]!;
			const value = text >= 0 ? strings.text(text) : samples.labels.number.numbers[label];
			labels.push(`${strings.text(samples.labels.key[label]!)}=${value}`);
		}
		const key = `${names.reverse().join(";")} ${labels.join()}`.trim();
		assert.ok(!(key in all), `${key} comes twice`);
		all[key] = int64At(samples.values.at(-1)!, s);
	}
	return all;
}

test("equal samples are added up, to the last bit", () => {
	const merged = mergeProfiles([
		smallProfile([
			["a;b", 5, { k: "v" }],
			["a;b", 7],
			["a;c>d", 1],
		]),
		smallProfile([
			["x", 2],
			["a;c>d", 10],
			["a;b", 3, { k: "v" }],
			["a", 2n ** 60n + 1n],
			["a", 2n ** 60n],
		]),
	]);
	assert.deepEqual(told(merged), { "a;b k=v": 8n, "a;b": 7n, "a;c;d": 11n, x: 2n, a: 2n ** 61n + 1n });
});

test("samples that cancel out go, and so do the rows that only they had", () => {
	const loaded = loadProfiles(
		[
			smallProfile([
				["a;b", 5],
				["a;c", 7],
			]),
		],
		{
			bases: [
				smallProfile([
					["a;b", 5],
					["a;z", 1],
				]),
			],
		},
	);
	assert.ok(!("error" in loaded));
	assert.deepEqual(told(loaded.profile), { "a;c": 7n, "a;z": -1n });
	const names = Array.from({ length: loaded.profile.functions.count }, (_, f) =>
		loaded.profile.strings.text(loaded.profile.functions.name[f]!),
	);
	assert.deepEqual(names.sort(), ["a", "c", "z"]);
});

test("a base is scaled to, marked, and its frames dropped as the profile says", () => {
	const source = smallProfile(
		[
			["main;malloc;x", 60],
			["main;a", 40],
		],
		{ dropFrames: "malloc", comments: ["one"] },
	);
	const base = smallProfile([["main;a", 10]]);
	const loaded = loadProfiles([source], { bases: [base], diffBase: true, normalize: true, comment: "two" });
	assert.ok(!("error" in loaded));
	assert.deepEqual(told(loaded.profile), { main: 6n, "main;a": 4n, "main;a pprof::base=true": -10n });
	assert.deepEqual(loaded.profile.comments, ["one", "two"]);
	const whole = loadProfiles([source], { allFrames: true });
	assert.ok(!("error" in whole));
	assert.deepEqual(told(whole.profile), { "main;malloc;x": 60n, "main;a": 40n });
});

test("profiles of other types and of damaged patterns are told", () => {
	const cpu: Profile = {
		...smallProfile([["a", 1]]),
		sampleTypes: [
			{ type: "samples", unit: "count" },
			{ type: "cpu", unit: "ns" },
		],
	};
	assert.deepEqual(loadProfiles([smallProfile([["a", 1]]), cpu]), {
		error: "problem fetching source profiles: profiles have empty common sample type list",
	});
	assert.deepEqual(loadProfiles([smallProfile([["a", 1]])], { normalize: true }), {
		error: "must have base profile to normalize by",
	});
	const damaged = loadProfiles([smallProfile([["a", 1]], { dropFrames: "(" })]);
	assert.ok(!("error" in damaged) && damaged.warnings.length === 1);
});

test("units are brought together", () => {
	const inKb = {
		...smallProfile([["a", 3]]),
		sampleTypes: [
			{ type: "alloc_space", unit: "kb" },
			{ type: "inuse_space", unit: "kb" },
		],
	};
	const loaded = loadProfiles([inKb, smallProfile([["a", 1]])]);
	assert.ok(!("error" in loaded));
	assert.deepEqual(told(loaded.profile), { a: 3073n });
	assert.deepEqual(loaded.profile.sampleTypes[1], { type: "inuse_space", unit: "bytes" });
});

test("merging neither loses nor makes anything, in any order", () => {
	const sample = fc.tuple(
		fc.array(fc.constantFrom("a", "b", "c>d", "e"), { minLength: 1, maxLength: 4 }).map((frames) => frames.join(";")),
		fc.integer({ min: -50, max: 50 }),
		fc.dictionary(fc.constantFrom("k", "l"), fc.oneof(fc.constantFrom("v", "w"), fc.integer({ min: 1, max: 3 })), {
			maxKeys: 2,
		}),
	);
	const profile = fc.array(sample, { maxLength: 12 });
	fc.assert(
		fc.property(profile, profile, (first, second) => {
			const sums = new Map<string, bigint>();
			for (const [stack, value, labels] of [...first, ...second] as readonly SmallSample[]) {
				const texts = Object.entries(labels ?? {}).filter(([, of]) => typeof of === "string");
				const numbers = Object.entries(labels ?? {}).filter(([, of]) => typeof of === "number");
				const sorted = [texts, numbers].flatMap((some) => some.map(([key, of]) => `${key}=${of}`).sort());
				const key = `${stack.replaceAll(">", ";")} ${sorted.join()}`.trim();
				sums.set(key, (sums.get(key) ?? 0n) + BigInt(value));
			}
			const expected = Object.fromEntries([...sums].filter(([, value]) => value !== 0n));
			const merged = mergeProfiles([smallProfile(first), smallProfile(second)]);
			assert.deepEqual(told(merged), expected);
			assert.deepEqual(told(mergeProfiles([smallProfile(second), smallProfile(first)])), expected);
			assert.ok(!("error" in merged));
			assert.deepEqual(told(compactProfile(merged)), expected);
		}),
		{ numRuns: 300, seed: 11 },
	);
});
