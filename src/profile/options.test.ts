import assert from "node:assert/strict";
import { test } from "node:test";
import { isOption, isSwitch, parseOption } from "./options.ts";

test("an option is one in each of its spellings", () => {
	for (const spelled of ["sample_index", "-sample_index", "--sample_index", "--sample-index", "sample-index"]) {
		assert.deepEqual(parseOption(spelled, "alloc_space"), { options: { sample_index: "alloc_space" } });
	}
	assert.ok(isOption("--tag-focus") === false && isOption("-tagfocus"));
});

test("switches take pprof's words or none", () => {
	assert.ok(isSwitch("noinlines") && isSwitch("-cum") && isSwitch("inuse_space") && !isSwitch("focus"));
	assert.deepEqual(parseOption("noinlines", undefined), { options: { noinlines: true } });
	assert.deepEqual(parseOption("trim", "f"), { options: { trim: false } });
	assert.deepEqual(parseOption("trim", "NO"), { options: { trim: false } });
	assert.deepEqual(parseOption("trim", "maybe"), { error: 'illegal value "maybe" for bool variable trim' });
	assert.deepEqual(parseOption("-cum", undefined), { options: { sort: "cum" } });
	assert.deepEqual(parseOption("lines", "true"), { options: { granularity: "lines" } });
	assert.deepEqual(parseOption("lines", "false"), { options: {} });
	assert.deepEqual(parseOption("-mean_delay", undefined), { options: { sample_index: "delay", mean: true } });
});

test("figures and choices are checked", () => {
	assert.deepEqual(parseOption("nodefraction", "0.1"), { options: { nodefraction: 0.1 } });
	assert.deepEqual(parseOption("nodecount", "1.5"), { error: 'nodecount takes a whole number, not "1.5"' });
	assert.deepEqual(parseOption("divide_by", "x"), { error: 'divide_by takes a number, not "x"' });
	assert.deepEqual(parseOption("sort", "size"), { error: 'invalid "sort" value "size": it is one of cum, flat' });
	assert.deepEqual(parseOption("focus", undefined), { error: "please give a value, as in focus=<val>" });
	assert.deepEqual(parseOption("constructor", "x"), { error: "there is no option constructor" });
});
