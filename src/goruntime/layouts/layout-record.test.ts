import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ParseError } from "../../bytes/parse-error.ts";
import { type LayoutRecord, layoutOfRecord, parseLayoutRecord } from "./layout-record.ts";
import { chooseLayouts, type Layout, recordOfLayout, recordToKeep } from "./layouts.ts";

async function known(goVersion: string): Promise<{ layout: Layout; record: LayoutRecord }> {
	const choice = await chooseLayouts(goVersion, "amd64");
	assert.equal(choice.kind, "exact");
	assert.ok("layout" in choice);
	const record = recordOfLayout(choice.layout);
	assert.ok(record);
	return { layout: choice.layout, record };
}

describe("a layout as JSON", () => {
	for (const version of ["go1.24.13", "go1.26.8", "go1.26.8-X:nogreenteagc", "go1.27.3"]) {
		test(`${version} comes back as it was`, async () => {
			const { layout, record } = await known(version);
			const back = layoutOfRecord(parseLayoutRecord(JSON.parse(JSON.stringify(record))), "back");
			for (const name of Object.keys(record.structs)) {
				const [is, was] = [back.struct(name), layout.struct(name)];
				assert.equal(is.size, was.size);
				for (const field of was.fieldNames) assert.deepEqual(is.field(field), was.field(field));
			}
			assert.deepEqual(back.global("mheap_"), layout.global("mheap_"));
			assert.deepEqual(back.constants.names.toSorted(), layout.constants.names.toSorted());
			assert.deepEqual(back.constants.waitReasons, layout.constants.waitReasons);
			assert.deepEqual(back.constants.inlineMarkBits, layout.constants.inlineMarkBits);
			assert.deepEqual(back.constants.specialKinds, layout.constants.specialKinds);
			assert.equal(
				back.struct("mheap").offset("pages.inUse.totalBytes"),
				layout.struct("mheap").offset("pages.inUse.totalBytes"),
			);
		});
	}

	test("release and experiments are those of the version", async () => {
		const { record } = await known("go1.26.8");
		const of = (goVersion: string) => layoutOfRecord({ ...record, goVersion }, "x");
		assert.equal(of("go1.28rc1").release, "1.28.0");
		assert.equal(of("devel go1.28-0fb8d2ae Tue").release, "1.28.0");
		assert.equal(of("go1.27.3").release, "1.27.3");
		assert.deepEqual(of("go1.26.8-X:nogreenteagc").experiments, ["nogreenteagc"]);
	});
});

describe("JSON that is not one", () => {
	const broken: readonly (readonly [string, (r: LayoutRecord) => unknown])[] = [
		["nothing", () => undefined],
		["a list", () => []],
		["another schema", (r) => ({ ...r, schema: "gomem.layout/2" })],
		["another architecture", (r) => ({ ...r, arch: "386" })],
		["a struct as large as memory", (r) => ({ ...r, structs: { "runtime.mheap": { size: 2 ** 40, fields: {} } } })],
		["a negative offset", (r) => ({ ...r, structs: { "runtime.mheap": { size: 8, fields: { a: [-8, 8] } } } })],
		["a field beyond its struct", (r) => ({ ...r, structs: { "runtime.mheap": { size: 8, fields: { a: [8, 8] } } } })],
		["a field without a size", (r) => ({ ...r, globals: { "runtime.mheap_": [0] } })],
		["an array beyond its field", (r) => ({ ...r, globals: { "runtime.allgs": [0, 8, 1000, 8] } })],
		["pages of no bytes", (r) => ({ ...r, constants: { ...r.constants, pageSize: 0 } })],
		["arenas without end", (r) => ({ ...r, constants: { ...r.constants, heapArenaBytes: 2 ** 50 } })],
		["a constant in words", (r) => ({ ...r, constants: { pageSize: "8192" } })],
		["a table of tables", (r) => ({ ...r, tables: { waitReasons: [[]] } })],
		["a table without end", (r) => ({ ...r, tables: { waitReasons: new Array(20_000).fill("") } })],
	];
	for (const [name, change] of broken) {
		test(name, async () => {
			const { record } = await known("go1.26.8");
			assert.throws(() => parseLayoutRecord(change(record)), ParseError);
		});
	}

	test("anything else", () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				assert.throws(() => parseLayoutRecord(value), ParseError);
			}),
		);
	});
});

describe("added layouts", () => {
	test("win for their very version, with the table behind them", async () => {
		const { record } = await known("go1.26.8");
		const choice = await chooseLayouts("go1.26.8", "amd64", [{ ...record, from: "here" }]);
		assert.ok(choice.kind === "exact" && choice.instead?.kind === "exact");
		assert.equal(choice.layout.label, "go1.26.8 amd64, added");
		assert.ok(recordToKeep(choice.layout));
		assert.equal(recordToKeep(choice.instead.layout), undefined);
		const other = await chooseLayouts("go1.26.8", "arm64", [record]);
		assert.ok(!("layout" in other) || other.layout.label !== choice.layout.label);
	});

	test("of an unknown minor are candidates for its other releases", async () => {
		const { record } = await known("go1.27.3");
		const added = [{ ...record, goVersion: "go1.98rc1" }];
		const choice = await chooseLayouts("go1.98.2", "amd64", added);
		assert.ok(choice.kind === "candidates");
		assert.deepEqual(
			choice.layouts.map((l) => l.label),
			["go1.98rc1 amd64, added"],
		);
		assert.equal((await chooseLayouts("go1.98.2", "amd64")).kind, "unknown");
		assert.equal((await chooseLayouts("go1.98rc1", "amd64", added)).kind, "exact");
		assert.equal((await chooseLayouts("go1.97.0", "amd64", added)).kind, "unknown");
	});
});
