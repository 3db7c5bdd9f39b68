import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type LayoutFile, onBase, onlyBuilds } from "../../src/goruntime/layouts/layout-file.ts";
import { deltaOf } from "./delta.ts";
import { readLayoutFile } from "./files.ts";
import { canonical, formatLayoutFile, keyOf, mergeDumps, nameDump } from "./merge.ts";
import { splitLayoutFile } from "./split.ts";
import type { Dump } from "./toolchains.ts";
import { readNaming } from "./toolchains.ts";

const DATA = join(import.meta.dirname, "../../src/goruntime/layouts/data");
const LARGEST = 80_000;
const readFile = (name: string, folder = DATA) => readFileSync(join(folder, name), "utf8");

test("splitting a data file and merging it again gives the same file, to the byte", async () => {
	const names = readdirSync(DATA);
	assert.ok(names.length > 0);
	for (const name of names) {
		const text = readFile(name);
		const { base } = JSON.parse(text) as { base?: string };
		const file = await readLayoutFile(DATA, name);
		assert.ok(file !== undefined);
		const parts = splitLayoutFile(file);
		const merged = mergeDumps(
			parts.map(({ build }) => build),
			parts.map(({ dump }) => dump),
			file.inert,
		);
		const whole = base === undefined ? undefined : await readLayoutFile(DATA, base);
		const again = whole === undefined ? merged : deltaOf(whole, base ?? "", merged);
		// not equal(): the difference would be 50 KB of text
		assert.ok(again !== undefined && formatLayoutFile(again) === text, name);
		assert.ok(text.length < LARGEST, `${name} has ${text.length} bytes: every command that reads a process loads it`);
	}
});

test("a file that is based on another says what differs, and what the base has and it has not", () => {
	const base: LayoutFile = {
		minor: "1.99",
		arch: "amd64",
		keys: ["1.99.0", "1.99.1"],
		inert: [],
		structs: { a: [{ size: 8, fields: { x: [0, 8] } }], b: [{ size: 8, fields: {} }], d: [{ size: 1, fields: {} }] },
		globals: { g: [{ field: [0, 8] }] },
		constants: [{ values: { one: 1, two: 2, gone: 3 } }, { keys: "1", values: { four: 4 } }],
		tables: { t: [{ values: ["x"] }] },
	};
	const file: LayoutFile = {
		...base,
		arch: "arm64",
		structs: { a: base.structs["a"] ?? [], b: [{ size: 16, fields: {} }], c: [{ keys: "0", size: 1, fields: {} }] },
		constants: [{ values: { one: 1, two: 3 } }, { keys: "0", values: { four: 4 } }],
	};
	const delta = deltaOf(base, "base.json", file);
	assert.ok(delta !== undefined);
	assert.deepEqual(Object.keys(delta.structs), ["b", "c", "d"]);
	assert.deepEqual(delta.absent, ["gone"]);
	const whole = onBase(base, delta);
	assert.deepEqual(Object.keys(whole.structs), ["a", "b", "c"]);
	const dumps = (one: LayoutFile) => splitLayoutFile(one).map(({ dump }) => canonical(dump));
	assert.deepEqual(dumps(whole), dumps(file));
	assert.equal(deltaOf({ ...base, keys: ["1.99.0"] }, "base.json", file), undefined);
	const one = onlyBuilds(file, ["1.99.1"]);
	assert.deepEqual(dumps(one), dumps(file).slice(1));
	const small = deltaOf(base, "base.json", one);
	assert.ok(small !== undefined);
	assert.deepEqual(dumps(onBase(base, small)), dumps(file).slice(1));
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
