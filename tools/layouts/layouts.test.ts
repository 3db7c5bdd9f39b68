import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { LayoutFile } from "../../src/goruntime/layouts/layout-file.ts";
import { canonical, formatLayoutFile, keyOf, mergeDumps, nameDump } from "./merge.ts";
import { splitLayoutFile } from "./split.ts";
import type { Dump } from "./toolchains.ts";
import { readNaming } from "./toolchains.ts";

const DATA = join(import.meta.dirname, "../../src/goruntime/layouts/data");
const LARGEST = 80_000;
const readFile = (name: string, folder = DATA) => readFileSync(join(folder, name), "utf8");

test("splitting a data file and merging it again gives the same file, to the byte", () => {
	const names = readdirSync(DATA);
	assert.ok(names.length > 0);
	for (const name of names) {
		const text = readFile(name);
		const file = JSON.parse(text) as LayoutFile;
		const parts = splitLayoutFile(file);
		const merged = mergeDumps(
			parts.map(({ build }) => build),
			parts.map(({ dump }) => dump),
			file.inert,
		);
		assert.ok(formatLayoutFile(merged) === text, name); // not equal(): the difference would be 50 KB of text
		assert.ok(text.length < LARGEST, `${name} has ${text.length} bytes: every command that reads a process loads it`);
	}
});

const DUMP: Dump = {
	structs: { "runtime.m": { size: 8, fields: { g0: [0, 8] } } },
	globals: {},
	constants: { "internal/runtime/gc.PageShift": 13, "runtime._Gdead": 6, "internal/abi.FuncIDWrapper": 23 },
	tables: { "runtime.class_to_size": [0, 8] },
	rules: {
		"runtime.gcUsesSpanInlineMarkBits": ["heapBitsInSpan(size) && size >= 16"],
		"runtime.heapBitsInSpan": ["userSize <= gc.MinSizeForMallocHeader"],
	},
};

test("names that hold across releases", async () => {
	const naming = await readNaming();
	const named = nameDump(DUMP, naming);
	assert.deepEqual(named.constants, {
		"abi.FuncIDWrapper": 23,
		pageShift: 13,
		_Gdead: 6,
		spanInlineMarkBitsMinSize: 16,
	});
	assert.deepEqual(named.tables, { sizeClassSizes: [0, 8] });
	const off = nameDump({ ...DUMP, rules: { "runtime.gcUsesSpanInlineMarkBits": ["false"] } }, naming);
	assert.equal(off.constants["spanInlineMarkBitsMinSize"], undefined);
});

test("a runtime that changed its rules stops the generator", async () => {
	const naming = await readNaming();
	const rules = ["runtime.gcUsesSpanInlineMarkBits", "runtime.heapBitsInSpan"];
	for (const rule of rules) {
		assert.throws(() => nameDump({ ...DUMP, rules: { ...DUMP.rules, [rule]: ["size < 8"] } }, naming), /rule/);
	}
	const clash = { ...DUMP.constants, "runtime._PageShift": 14 };
	assert.throws(() => nameDump({ ...DUMP, constants: clash }, naming), /pageShift/);
});

const RELEASE = "1.26.8";
const skip = process.env["CI"]
	? false
	: "builds a probe with several experiments, a minute or more: set CI=1 to run it";

test(`Go ${RELEASE} still gives the layouts that are checked in`, { skip }, () => {
	const out = mkdtempSync(join(tmpdir(), "layouts-test-"));
	try {
		const generator = join(import.meta.dirname, "generate.ts");
		execFileSync(process.execPath, [generator, "--go", RELEASE, "--out", out], { stdio: "ignore" });
		const made = splitLayoutFile(JSON.parse(readFile("go1.26-amd64.json", out)) as LayoutFile);
		const kept = splitLayoutFile(JSON.parse(readFile("go1.26-amd64.json")) as LayoutFile);
		assert.ok(made.length > 0);
		for (const { build, dump } of made) {
			const same = kept.find((one) => keyOf(one.build) === keyOf(build));
			assert.ok(same !== undefined && canonical(same.dump) === canonical(dump), keyOf(build));
		}
	} finally {
		rmSync(out, { recursive: true, force: true });
	}
});
