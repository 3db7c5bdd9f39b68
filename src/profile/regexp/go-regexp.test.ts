import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRegexp } from "./go-regexp.ts";

function matches(pattern: string, text: string): boolean {
	const compiled = compileRegexp(pattern);
	if ("error" in compiled) throw new Error(compiled.error);
	return compiled.matches(text);
}

// Each row was run through regexp.MatchString of Go 1.26.
const rows: readonly (readonly [pattern: string, text: string, expected: boolean])[] = [
	["", "", true],
	["[24]00", "line2000", true],
	["[24]00", "line1000", false],
	["^main\\.", "main.main", true],
	["^main\\.", "x.main.main", false],
	["main$", "main.main", true],
	["main$", "main.mainly", false],
	["a$", "a\n", false],
	["(?m)a$", "a\nb", true],
	["a.b", "a\nb", false],
	["a.b", "a\rb", true],
	["(?s)a.b", "a\nb", true],
	["\\s", "\v", false],
	["\\s", "\f", true],
	["[[:space:]]", "\v", true],
	["(?i)MALLOC", "runtime.mallocgc", true],
	["(?i:K)x", "\u212ax", true],
	["(?i)[^k]", "\u212a", false],
	["(?i)straße", "STRASSE", false],
	["(?i)é", "É", true],
	["x{2,3}y", "xxxy", true],
	["^x{2,3}y", "xy", false],
	["a{,2}", "a{,2}", true],
	["\\bfoo\\b", "a foo b", true],
	["\\bfoo\\b", "afoo", false],
	["\\Bfoo", "afoo", true],
	["\\Qa.b\\E+", "a.bbb", true],
	["\\Qa.b", "axb", false],
	["\\pL\\d", "é1", true],
	["\\p{Greek}", "μs", true],
	["\\P{Greek}", "μ", false],
	["[\\p{Lu}x]", "É", true],
	["\\x{1F600}", "😀", true],
	["^.$", "😀", true],
	["\\101", "A", true],
	["[]a]", "]", true],
	["[a-]", "-", true],
	["[^a]", "\n", true],
	["(a|b)*c|d", "xd", true],
	["(?P<name>ab)+$", "abab", true],
	["(?U)a+?b", "aab", true],
	["a|", "zzz", true],
	["\\Aab\\z", "ab", true],
	["(|a)*b", "aab", true],
	["^*", "a", true],
];

test("patterns match as Go's do", () => {
	for (const [pattern, text, expected] of rows) {
		assert.equal(matches(pattern, text), expected, `${pattern} on ${JSON.stringify(text)}`);
	}
});

test("errors are told in Go's words", () => {
	for (const [pattern, message] of [
		["(a", "missing closing ): `(a`"],
		["a)", "unexpected ): `a)`"],
		["[a", "missing closing ]: `[a`"],
		["*a", "missing argument to repetition operator: `*`"],
		["a**", "invalid nested repetition operator: `**`"],
		["a{1001}", "invalid repeat count: `{1001}`"],
		["\\8", "invalid escape sequence: `\\8`"],
		["[z-a]", "invalid character class range: `z-a`"],
		["a\\", "trailing backslash at end of expression: ``"],
		["(?=a)", "invalid or unsupported Perl syntax: `(?=`"],
		["\\p{Nothing}", "invalid character class range: `\\p{Nothing}`"],
	] as const) {
		assert.deepEqual(compileRegexp(pattern), { error: `error parsing regexp: ${message}` }, pattern);
	}
});

test("what takes exponential time elsewhere is linear here", () => {
	const text = `${"a".repeat(20_000)}!`;
	const start = performance.now();
	for (const pattern of ["(a+)+$", "(a|aa)+$", "(a*)*b", "([a-z]+)*\\d", "(.*a){12}b", "((a{0,100}){0,100})b"]) {
		const compiled = compileRegexp(pattern);
		if (!("error" in compiled)) assert.equal(compiled.matches(text), false, pattern);
	}
	assert.ok(performance.now() - start < 20_000);
});

test("agrees with the engine of the platform where the two languages agree", () => {
	const atom = fc.constantFrom("a", "b", "c", "[ab]", "[^a]", "\\d", "\\w", "\\.", "^", "$", "\\b");
	const repeated = fc.tuple(atom, fc.constantFrom("", "*", "+", "?", "{2}", "{1,2}")).map(([one, times]) => {
		return /^(\^|\$|\\b)$/.test(one) ? one : one + times;
	});
	const pattern = fc.array(fc.oneof(repeated, fc.constant("|")), { maxLength: 8 }).map((parts) => parts.join(""));
	const text = fc
		.array(fc.constantFrom("a", "b", "c", "1", ".", " "), { maxLength: 12 })
		.map((chars) => chars.join(""));
	fc.assert(
		fc.property(pattern, text, (source, subject) => {
			assert.equal(matches(source, subject), new RegExp(source, "u").test(subject));
		}),
		{ numRuns: 3000, seed: 7 },
	);
});
