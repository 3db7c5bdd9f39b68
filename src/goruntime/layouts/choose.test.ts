import assert from "node:assert/strict";
import { test } from "node:test";
import type { GoVersion } from "./go-version.ts";
import { parseGoVersion } from "./go-version.ts";
import type { LayoutFile } from "./layout-file.ts";
import type { LayoutChoice } from "./layouts.ts";
import { chooseFromFile, chooseLayouts } from "./layouts.ts";

/** A minor of five builds: .0 and .4 alike, .6 and .9 alike but other than those; one experiment that was read for .9 only. */
const FILE: LayoutFile = {
	minor: "1.90",
	arch: "amd64",
	keys: ["1.90.0", "1.90.4", "1.90.6", "1.90.9", "1.90.9 slow"],
	inert: ["jsonv9"],
	structs: {
		"runtime.m": [
			{ keys: "0-1", size: 16, fields: { g0: [0, 8] } },
			{ keys: "2-4", size: 24, fields: { g0: [8, 8] } },
		],
		"runtime.p": [
			{ keys: "0-3", size: 8, fields: { id: [0, 4] } },
			{ keys: "4", size: 16, fields: { id: [8, 4] } },
		],
	},
	globals: {},
	constants: [{ values: { pageSize: 8192 } }],
	tables: {},
};

const choose = (text: string): LayoutChoice => chooseFromFile(FILE, parseGoVersion(text) as GoVersion); // all are versions

/** kind, labels of the layouts, and the offsets of m.g0 in them */
function summary(choice: LayoutChoice): string {
	const layouts = choice.kind === "candidates" ? choice.layouts : choice.kind === "unknown" ? [] : [choice.layout];
	return [choice.kind, ...layouts.map((layout) => `${layout.label} @${layout.struct("m").offset("g0")}`)].join("; ");
}

const CASES: readonly (readonly [string, string])[] = [
	["go1.90.4", "exact; go1.90.4 amd64 @0"],
	["go1.90.4-X:jsonv9", "exact; go1.90.4 amd64 @0"],
	["go1.90.9-X:slow", "exact; go1.90.9 amd64 slow @8"],
	["go1.90.9-X:slow,jsonv9", "exact; go1.90.9 amd64 slow @8"],
	["go1.90.2", "interpolated; go1.90.2 amd64, as go1.90.0 and go1.90.4 @0"],
	["go1.90.8", "interpolated; go1.90.8 amd64, as go1.90.6 and go1.90.9 @8"],
	// between two that differ, after the newest, a pre-release, a development build, a vendor's: nobody looked
	["go1.90.5", "candidates; go1.90.6–1.90.9 amd64 @8; go1.90.0–1.90.4 amd64 @0"],
	["go1.90.10", "candidates; go1.90.6–1.90.9 amd64 @8; go1.90.0–1.90.4 amd64 @0"],
	["go1.90rc1", "candidates; go1.90.6–1.90.9 amd64 @8; go1.90.0–1.90.4 amd64 @0"],
	["go1.90-devel_a1b2c3 Mon", "candidates; go1.90.6–1.90.9 amd64 @8; go1.90.0–1.90.4 amd64 @0"],
	["go1.90.4-fips", "candidates; go1.90.6–1.90.9 amd64 @8; go1.90.0–1.90.4 amd64 @0"],
	["go1.90.4-X:slow", "candidates; go1.90.9 amd64 slow @8"],
	["go1.90.9-X:other", "candidates; go1.90.6–1.90.9 amd64 @8; go1.90.9 amd64 slow @8; go1.90.0–1.90.4 amd64 @0"],
];

test("which layouts fit a version", () => {
	for (const [text, expected] of CASES) assert.equal(summary(choose(text)), expected, text);
});

test("candidates say why", () => {
	const why = (text: string) => {
		const choice = choose(text);
		return choice.kind === "candidates" ? choice.why : "";
	};
	assert.match(why("go1.90.10"), /1\.90\.10 is not known \(known: 1\.90\.0 to 1\.90\.9\)/);
	assert.match(why("go1.90rc1"), /go1\.90rc1 is a pre-release/);
	assert.match(why("go1.90.4 (Red Hat 1.90.4-1.el9)"), /vendor.*\(Red Hat 1\.90\.4-1\.el9\)/);
	assert.match(why("go1.90.9-X:other"), /experiments other/);
	assert.match(why("go1.90.4-X:slow"), /1\.90\.4 with slow/);
});

test("an unknown minor and what is no version are refused with a hint", async () => {
	for (const text of ["go1.4.1", "go1.999.0", "gopher", "devel +a1b2c3d Mon"]) {
		const choice = await chooseLayouts(text, "amd64");
		assert.equal(choice.kind, "unknown", text);
		assert.match((choice as Extract<LayoutChoice, { kind: "unknown" }>).hint, /DWARF/);
	}
});
