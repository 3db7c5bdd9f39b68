import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProfileBuilder } from "../formats/pprof/builder.ts";
import { defaultOptions } from "../profile/options.ts";
import { optionsText, readPromptLine } from "./profile-prompt-line.ts";

const profile = new ProfileBuilder([
	{ type: "alloc_space", unit: "bytes" },
	{ type: "inuse_space", unit: "bytes" },
]).finish();
const verbs = {
	all: ["top", "peek", "list", "tags", "tree"],
	withRegexp: new Set(["peek", "list"]),
	refused: new Map([["disasm", "gomem has no disasm"]]),
};
const read = (line: string) => readPromptLine(line, profile, verbs);
const run = (verb: string, more = {}) => ({
	kind: "run",
	command: { verb, regexp: undefined, options: {}, file: undefined, ...more },
});
const set = (options: object) => ({ kind: "set", options });

describe("a line of the prompt", () => {
	const cases: readonly (readonly [line: string, expected: object])[] = [
		["", { kind: "nothing" }],
		["  top  ", run("top")],
		["top10", run("top", { options: { nodecount: 10 } })],
		["top 10 -cum", run("top", { options: { nodecount: 10, sort: "cum" } })],
		["top json http -net", run("top", { options: { focus: "json|http", ignore: "net" } })],
		["tags key -other", run("tags", { options: { tagfocus: "key", tagignore: "other" } })],
		["top >out.txt", run("top", { file: "out.txt" })],
		["top > out.txt", run("top", { file: "out.txt" })],
		["peek main 5", run("peek", { regexp: "main", options: { nodecount: 5 } })],
		["focus=main.*", set({ focus: "main.*" })],
		["focus = main //: a comment", set({ focus: "main" })],
		['focus=""', set({ focus: "" })],
		["sample_index=0", set({ sample_index: "alloc_space" })],
		["inuse_space", set({ sample_index: "inuse_space" })],
		["mean_alloc_space", set({ mean: true, sample_index: "alloc_space" })],
		["cum", set({ sort: "cum" })],
		["lines", set({ granularity: "lines" })],
		["noinlines", set({ noinlines: true })],
		["trim=false", set({ trim: false })],
		[":", set({ focus: "", ignore: "", hide: "", tagfocus: "", tagignore: "" })],
		["style=pprof", { kind: "style", style: "pprof" }],
		["output=a b.txt", { kind: "output", file: "a b.txt" }],
		["output=", { kind: "output", file: undefined }],
		["o", { kind: "options" }],
		["quit", { kind: "quit" }],
		["help top", { kind: "help", about: "top" }],
	];
	for (const [line, expected] of cases) test(JSON.stringify(line), () => assert.deepEqual(read(line), expected));

	const errors: readonly (readonly [line: string, message: RegExp])[] = [
		["bogus", /unrecognized command: "bogus"/],
		["focus", /please specify a value/],
		["focus10", /did you mean: focus=/],
		["output", /please specify a value, e.g. output=<val>/],
		["peek", /command peek requires an argument/],
		["top >", /unexpected end of line/],
		["top | less", /not piped/],
		["top >| less", /not piped/],
		["sample_index=delay", /must be one of/],
		["nodecount=many", /takes a number/],
		["disasm main", /no disasm/],
	];
	for (const [line, message] of errors) {
		test(`${line} is an error`, () => {
			const found = read(line);
			assert.equal(found.kind, "error");
			assert.match((found as { message: string }).message, message);
		});
	}
});

test("what options prints can be typed again", () => {
	const options = { ...defaultOptions, focus: "main", nodecount: 7, mean: true, sample_index: "alloc_space" };
	let again = { ...defaultOptions };
	const outputs: (string | undefined)[] = [];
	for (const line of [optionsText(options, profile), optionsText(options, profile, "x.txt")].join("\n").split("\n")) {
		const found = read(line);
		if (found.kind === "set") again = { ...again, ...found.options };
		else if (found.kind === "output") outputs.push(found.file);
		else assert.match(line, /granularity/, JSON.stringify(found)); // "(default)" is none of its words, as in pprof
	}
	assert.deepEqual(again, options);
	assert.deepEqual(outputs, [undefined, "x.txt"]);
});
