import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inflateSync } from "node:zlib";
import { buildSubject, goVersions, skipReason } from "../../../testing/subjects.ts";
import { readDwarfSections } from "../../formats/dwarf/sections.ts";
import { openElf, seeded } from "../../formats/elf/testdata/go-binary.ts";
import { completeLayout, layoutFromDwarf, type ProgramDwarf } from "./from-dwarf.ts";
import { layoutOfDwarf } from "./from-dwarf-choice.ts";
import { compareLayouts, differencesText } from "./from-dwarf-compare.ts";
import { type LayoutRecord, layoutOfRecord } from "./layout-record.ts";
import { chooseLayouts, nearestRecord, recordOfLayout } from "./layouts.ts";
import { loadWanted } from "./wanted.ts";

async function program(go: string, mode: "plain" | "pie" = "plain"): Promise<ProgramDwarf> {
	const elf = openElf(await buildSubject("livemap", { go, mode }));
	const sections = readDwarfSections(elf, (stream, _, size) => inflateSync(stream, { maxOutputLength: size }));
	assert.ok(sections);
	return { elf, sections, goVersion: `go${go}`, arch: "amd64" };
}

async function tableOf(goVersion: string): Promise<LayoutRecord> {
	const choice = await chooseLayouts(goVersion, "amd64");
	assert.equal(choice.kind, "exact");
	const record = "layout" in choice ? recordOfLayout(choice.layout) : undefined;
	assert.ok(record);
	return record;
}

const skip = await skipReason("livemap");
const wanted = await loadWanted();

const modes = ["plain", "pie"] as const;
const cases = await Promise.all(
	goVersions.flatMap((go) =>
		modes.map(async (mode) => ({ go, mode, skip: await skipReason("livemap", { go, mode }) })),
	),
);

describe("the table and a real program's DWARF say the same", () => {
	for (const { go, mode, skip } of cases) {
		test(`go${go} ${mode}`, { skip }, async () => {
			const own = layoutFromDwarf(await program(go, mode), wanted);
			assert.ok(own);
			const table = await tableOf(`go${go}`);
			assert.deepEqual(compareLayouts(own, table), []);
			// and that is said of nearly all of it
			const compared = Object.keys(own.structs).filter((name) => name in table.structs);
			assert.ok(compared.length > 0.9 * Object.keys(table.structs).length);
			const constants = Object.keys(own.constants).filter((name) => name in table.constants);
			assert.ok(constants.length > 0.85 * Object.keys(table.constants).length);
			for (const name of ["waitReasons", "sizeClassSizes", "goroutineStatusNames", "sizeClassPages"]) {
				assert.ok((own.tables[name]?.length ?? 0) > 8, name);
			}
		});
	}
});

describe("a release that the table does not have", { skip }, () => {
	test("is read from DWARF, with what that lacks from the nearest minor", async () => {
		const newest = await program("1.27.3");
		const unknown = { ...newest, goVersion: "go1.99.1" };
		const choice = await chooseLayouts("go1.99.1", "amd64");
		assert.equal(choice.kind, "unknown");
		const found = await layoutOfDwarf(unknown, choice);
		assert.ok(typeof found !== "string");
		assert.equal(found.sameMinor, false);
		assert.equal(found.against, (await nearestRecord("go1.99.1", "amd64"))?.goVersion);
		assert.equal(found.layout.release, "1.99.1");
		const table = await tableOf("go1.27.3");
		assert.deepEqual(compareLayouts(found.record, table), []);
		// what readers cannot do without is there, and integers of an older source are not taken over
		const { constants } = found.layout;
		assert.equal(constants.number("arenaBaseOffset"), -(2 ** 47));
		assert.deepEqual(constants.inlineMarkBits, { minSize: 16, maxSize: 512 });
		assert.ok(found.taken.includes("arenaBaseOffset") && !found.taken.includes("pageSize"));
		assert.equal(found.layout.struct("mspan").offset("elemsize"), 104);
		assert.equal(constants.waitReasons[constants.waitReasons.indexOf("select")], "select");
	});

	test("structs that the linker left out are taken from the same minor only", async () => {
		const own = layoutFromDwarf(await program("1.26.8"), wanted);
		assert.ok(own);
		const record = await tableOf("go1.26.8");
		const { "runtime.mcentral": _, ...structs } = own.structs;
		const lacking = { ...own, structs };
		const same = completeLayout(lacking, { record, sameMinor: true });
		assert.deepEqual(same.record.structs["runtime.mcentral"], record.structs["runtime.mcentral"]);
		assert.ok(same.taken.includes("runtime.mcentral"));
		const other = completeLayout(lacking, { record, sameMinor: false });
		assert.equal(other.record.structs["runtime.mcentral"], undefined);
		assert.ok(layoutOfRecord(other.record, "x").hasStruct("mspan"));
	});

	test("an integer that the source no longer has is not made up", async () => {
		const own = layoutFromDwarf(await program("1.26.8"), wanted);
		const record = await tableOf("go1.26.8");
		assert.ok(own);
		const { pageSize: _, ...constants } = own.constants;
		const completed = completeLayout({ ...own, constants }, { record, sameMinor: true });
		assert.equal(completed.record.constants["pageSize"], undefined);
	});
});

test("a damaged DWARF gives a layout within bounds, or says why not", { skip }, async () => {
	const whole = await program("1.26.8");
	const choice = await chooseLayouts("go1.98.0", "amd64");
	const random = seeded(11);
	let damaged = 0;
	for (let round = 0; round < 60; round++) {
		const key = round % 3 === 0 ? "abbrev" : "info";
		const bytes = whole.sections[key].slice();
		// the types are in the unit of the runtime, which is the largest: a flip among them is what can do harm
		for (let n = 0; n < 3; n++) bytes[random() % bytes.length] = random() & 0xff;
		const found = await layoutOfDwarf({ ...whole, sections: { ...whole.sections, [key]: bytes } }, choice);
		if (typeof found === "string") damaged++;
		else for (const struct of Object.values(found.record.structs)) assert.ok(struct.size <= 64 << 20);
	}
	assert.ok(damaged > 5);
});

describe("differences", { skip }, () => {
	test("are found in structs, fields, variables, constants and tables, and nowhere else", async () => {
		const table = await tableOf("go1.26.8");
		const mspan = table.structs["runtime.mspan"];
		assert.ok(mspan);
		const { limit: _, ...fields } = mspan.fields;
		const other: LayoutRecord = {
			...table,
			structs: { ...table.structs, "runtime.mspan": { size: 168, fields: { ...fields, elemsize: [112, 8] } } },
			globals: { ...table.globals, "runtime.allgs": [0, 32, "[]"] },
			constants: { ...table.constants, pageSize: 16384 },
			tables: { ...table.tables, spanStateNames: ["mSpanDead"] },
		};
		assert.deepEqual(compareLayouts(table, table), []);
		const differences = compareLayouts(other, table);
		assert.deepEqual(
			differences.map((d) => d.what),
			[
				"runtime.mspan",
				"runtime.mspan.elemsize",
				"runtime.mspan.limit",
				"runtime.allgs",
				"constant pageSize",
				"table spanStateNames",
			],
		);
		assert.deepEqual(differences[1], {
			what: "runtime.mspan.elemsize",
			dwarf: "at 112, 8 bytes",
			table: "at 104, 8 bytes",
		});
		assert.match(differencesText(differences), /^runtime\.mspan 168 bytes, not 160 bytes; .*; and 3 more$/);
	});

	test("a type that the linker left out is none, and neither is a hole in a table", async () => {
		const table = await tableOf("go1.26.8");
		const { "runtime.mspan": _, ...structs } = table.structs;
		const { waitReasons: __, ...tables } = table.tables;
		const names = (table.tables["goroutineStatusNames"] ?? []).map((name) => name ?? "");
		assert.ok((table.tables["goroutineStatusNames"] ?? []).includes(null));
		assert.deepEqual(
			compareLayouts({ ...table, structs, tables: { ...tables, goroutineStatusNames: names } }, table),
			[],
		);
	});
});
