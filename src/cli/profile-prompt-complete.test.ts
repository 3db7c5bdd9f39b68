import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileRegexp } from "../profile/regexp/go-regexp.ts";
import { completions } from "./profile-prompt-complete.ts";

const generic = "main.(*Tree[go.shape.struct { X int }]).Add";
const names = ["main.leaf", "main.loop", "runtime.mallocgc", generic, "main.(*Tree[int]).Del"];
const complete = (line: string, functions: readonly string[] = names) =>
	completions(line, {
		verbs: ["top", "peek", "list", "tags", "tree"],
		sampleTypes: ["alloc_objects", "alloc_space", "inuse_space"],
		functions: () => functions,
	});

test("of commands and options", () => {
	assert.deepEqual(complete("tr"), [["tree", "trim=", "trim_path="], "tr"]);
	assert.deepEqual(complete("outp"), [["output="], "outp"]);
	assert.deepEqual(complete("help pee"), [["peek"], "pee"]);
	assert.deepEqual(complete("help foc"), [["focus"], "foc"]);
});

test("of values, where an option takes one of a few words", () => {
	assert.deepEqual(complete("sample_index=a"), [["alloc_objects", "alloc_space"], "a"]);
	assert.deepEqual(complete("sample_index = in"), [["inuse_space"], "in"]);
	assert.deepEqual(complete("granularity=l"), [["lines"], "l"]);
	assert.deepEqual(complete("sort="), [["cum", "flat"], ""]);
	assert.deepEqual(complete("trim=f"), [["false"], "f"]);
	assert.deepEqual(complete("style=p"), [["pprof"], "p"]);
	assert.deepEqual(complete("focus=ma"), [[], "ma"]);
});

describe("of functions", () => {
	test("by their beginning, by their middle, also to be ignored", () => {
		assert.deepEqual(complete("peek main.l"), [["main.leaf", "main.loop"], "main.l"]);
		assert.deepEqual(complete("top10 malloc"), [["runtime.mallocgc"], "malloc"]);
		assert.deepEqual(complete("top -mall"), [["-runtime.mallocgc"], "-mall"]);
	});

	test("as one word and an expression that matches the name, however it was typed", () => {
		const whole = String.raw`main.\(\*Tree\[go.shape.struct\s\{\sX\sint\s\}\]\).Add`;
		for (const typed of ["main.(*Tree[go", String.raw`main.\(\*Tree\[go`, "Add", whole]) {
			assert.deepEqual(complete(`list ${typed}`), [[whole], typed]);
		}
		const matcher = compileRegexp(whole);
		assert.ok("matches" in matcher && matcher.matches(generic), JSON.stringify(matcher));
		const both = [whole, String.raw`main.\(\*Tree\[int\]\).Del`];
		assert.deepEqual(complete("list main.("), [both, "main.("]);
		// where names go on differently readline inserts what they share, which may end in half of an escape
		assert.deepEqual(complete("list main.\\", ["main.(a)", "main.[b]"])[0], [
			String.raw`main.\(a\)`,
			String.raw`main.\[b\]`,
		]);
	});

	test("not where there are none", () => {
		assert.deepEqual(complete("tags main"), [[], "main"]);
		assert.deepEqual(complete("focus main"), [[], "main"]);
	});
});
