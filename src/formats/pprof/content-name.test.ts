import assert from "node:assert/strict";
import { test } from "node:test";
import { contentName } from "./content-name.ts";
import { encodeProfile } from "./encode.ts";
import { someProfile } from "./testdata/profiles.ts";

test("what is no profile is called what it is", () => {
	const cases: readonly (readonly [text: string, what: string | undefined])[] = [
		["", "empty"],
		["\x89PNG\r\n\x1a\n\0\0", "a PNG picture"],
		["go 1.26 trace\0\0\0", "an execution trace, which `go tool trace` reads"],
		["\n<!DOCTYPE html><p>404", "HTML"],
		['{"memstats": {}}', "JSON"],
		["[]", "JSON"],
		["nothing to see\n", "plain text"],
		["grün, und so weiter\n", "plain text"],
		["\x01\x02\x03\xff", undefined],
	];
	for (const [text, what] of cases) {
		const bytes = /[^\0-\xff]|ü/.test(text) ? Buffer.from(text) : Buffer.from(text, "latin1");
		assert.equal(contentName(bytes), what, JSON.stringify(text));
	}
	// cut in the middle of a character
	assert.equal(contentName(Buffer.from(`${"a".repeat(4095)}üü`)), "plain text");
	assert.equal(contentName(encodeProfile(someProfile())), undefined);
});
