import assert from "node:assert/strict";
import { test } from "node:test";
import { helpText } from "./profile-prompt-help.ts";

const verbs = {
	all: ["list", "top"],
	withRegexp: new Set(["list"]),
	refused: new Map([["disasm", "gomem has no disasm"]]),
};
const help = (about: string) => helpText(about, verbs);

test("help of what there is", () => {
	const cases: readonly (readonly [about: string, text: RegExp])[] = [
		["", /Commands:[\s\S]*list top[\s\S]*\n {4}output +the file[\s\S]*\n {4}style/],
		["top", /^ {2}top \[n\]/],
		["list", /^ {2}list REGEXP/],
		["focus", /^ {2}focus: .*\(focus=VALUE\)$/],
		["output", /^ {2}output: .*> FILE is for one report/],
		["lines", /^ {2}lines: the same as granularity=lines$/],
		["mean_delay", /the same as sample_index=delay and mean=true$/],
		["o", /^ {2}o\/options/],
	];
	for (const [about, text] of cases) {
		const found = help(about);
		assert.match("text" in found ? found.text : "", text, about);
		assert.doesNotMatch("text" in found ? found.text : "", / --/, about);
	}
});

test("help of what there is not is one line, with what is near", () => {
	assert.deepEqual(help("nosuch"), { error: "nothing is called nosuch: help lists what there is" });
	assert.deepEqual(help("fokus"), { error: "nothing is called fokus: did you mean focus?" });
	assert.deepEqual(help("outptu"), { error: "nothing is called outptu: did you mean output?" });
	assert.deepEqual(help("constructor"), { error: "nothing is called constructor: help lists what there is" });
	assert.deepEqual(help("disasm"), { error: "gomem has no disasm" });
});
