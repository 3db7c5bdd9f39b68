import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleStrings, visibleText } from "./output.ts";

test("strings of a document lose what would draw a row or a colour, everything else stays", () => {
	const document = { name: "a\nb\x1b[31m", nested: [{ path: "/x\r\u009b1m" }], bytes: 7, flag: true, none: undefined };
	assert.deepEqual(visibleStrings(document), {
		name: "a\\x0ab\\x1b[31m",
		nested: [{ path: "/x\\x0d\\x9b1m" }],
		bytes: 7,
		flag: true,
		none: undefined,
	});
});

test("rendered text keeps its rows and colours", () => {
	assert.equal(visibleText("a\n\x1b[31mred\x1b[39m\x1b[2J\x07"), "a\n\x1b[31mred\x1b[39m\\x1b[2J\\x07");
});
