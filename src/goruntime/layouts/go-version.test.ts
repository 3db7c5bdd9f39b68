import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { GoVersion } from "./go-version.ts";
import { compareGoVersions, exactRelease, minorRelease, parseGoVersion } from "./go-version.ts";

/** text → minor, exact release, pre-release or "devel", vendor, experiments */
const FORMS: readonly (readonly [
	string,
	string,
	string | undefined,
	string | undefined,
	string | undefined,
	string,
])[] = [
	["go1.26.8", "1.26", "1.26.8", undefined, undefined, ""],
	["go1.20", "1.20", "1.20.0", undefined, undefined, ""],
	["go1.21.0", "1.21", "1.21.0", undefined, undefined, ""],
	["go1.26.8-X:nogreenteagc", "1.26", "1.26.8", undefined, undefined, "nogreenteagc"],
	["go1.25.9 X:greenteagc", "1.25", "1.25.9", undefined, undefined, "greenteagc"],
	["go1.25.9 X:noswissmap,greenteagc", "1.25", "1.25.9", undefined, undefined, "greenteagc,noswissmap"],
	["go1.27rc1", "1.27", undefined, "rc1", undefined, ""],
	["go1.21beta2", "1.21", undefined, "beta2", undefined, ""],
	["go1.27rc1-X:nogreenteagc", "1.27", undefined, "rc1", undefined, "nogreenteagc"],
	["devel go1.27-0fb8d2ae90 Tue Mar 3 01:02:03 2026 +0000", "1.27", undefined, "devel", undefined, ""],
	["devel go1.25-0fb8d2ae90 Tue Mar 3 01:02:03 2026 +0000 X:jsonv2", "1.25", undefined, "devel", undefined, "jsonv2"],
	["go1.27-devel_0fb8d2ae90 Tue Mar 3 01:02:03 2026 +0000", "1.27", undefined, "devel", undefined, ""],
	["go1.24.6-fips", "1.24", "1.24.6", undefined, "fips", ""],
	["go1.23.4 (Red Hat 1.23.4-1.el9)", "1.23", "1.23.4", undefined, "Red Hat 1.23.4-1.el9", ""],
	["go1.20.12b4", "1.20", "1.20.12", undefined, "b4", ""],
	["go1.24.3-microsoft X:systemcrypto", "1.24", "1.24.3", undefined, "microsoft", "systemcrypto"],
	["go1.22.1 +cl600000", "1.22", "1.22.1", undefined, "cl600000", ""],
];

test("the forms of a version string", () => {
	for (const [text, minor, release, stage, vendor, experiments] of FORMS) {
		const version = parseGoVersion(text);
		assert.ok(version, text);
		const { prerelease, devel } = version;
		assert.deepEqual(
			[
				minorRelease(version),
				exactRelease(version),
				devel ? "devel" : prerelease,
				version.vendor,
				version.experiments.join(),
			],
			[minor, release, stage, vendor, experiments],
			text,
		);
	}
});

test("what is no version", () => {
	const texts = [
		"",
		"go",
		"go1",
		"go1.",
		"1.26.8",
		"go1.x",
		"gopher 1.2",
		"devel +a1b2c3d Mon",
		"go1.99999",
		"go1.26.8".padEnd(300, "x"),
	];
	for (const text of texts) assert.equal(parseGoVersion(text), undefined, text);
});

test("order of releases", () => {
	const parse = (text: string) => parseGoVersion(text) as GoVersion; // each text below is a version
	const ascending = [
		"go1.9",
		"go1.20",
		"go1.20.3",
		"go1.26.8",
		"go1.26.10",
		"devel go1.27-a1b",
		"go1.27beta1",
		"go1.27rc1",
		"go1.27rc2",
		"go1.27.0",
		"go1.27.3",
	];
	for (let i = 1; i < ascending.length; i++) {
		const [a, b] = [ascending[i - 1] as string, ascending[i] as string];
		assert.ok(compareGoVersions(parse(a), parse(b)) < 0, `${a} < ${b}`);
		assert.ok(compareGoVersions(parse(b), parse(a)) > 0, `${b} > ${a}`);
	}
	assert.equal(compareGoVersions(parse("go1.26.8-X:nogreenteagc"), parse("go1.26.8")), 0);
	assert.equal(compareGoVersions(parse("go1.20"), parse("go1.20.0")), 0);
});

test("any text is parsed or refused, in bounded time", () => {
	fc.assert(
		fc.property(
			fc.oneof(
				fc.string(),
				fc.string().map((s) => `go1.2${s}`),
				fc.string().map((s) => `go1.26.8-X:${s}`),
			),
			(text) => {
				const version = parseGoVersion(text);
				if (version !== undefined) assert.equal(minorRelease(version), `${version.major}.${version.minor}`);
			},
		),
	);
});
