import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inflateSync, zstdDecompressSync } from "node:zlib";
import { ParseError } from "../../bytes/parse-error.ts";
import type { Inflate } from "../elf/compressed.ts";
import { buildGo, openElf, run, seeded } from "../elf/testdata/go-binary.ts";
import { type DwarfIndex, indexDwarf } from "./index.ts";
import { type DwarfSections, dwarfBytes, hasDwarf, readDwarfSections } from "./sections.ts";

const inflate: Inflate = (stream, compression, size) => {
	try {
		return (compression === "zlib" ? inflateSync : zstdDecompressSync)(stream, { maxOutputLength: Math.max(1, size) });
	} catch {
		return undefined;
	}
};

const SOURCE = join(import.meta.dirname, "../pclntab/testdata/frames/main.go");
const DUMP = buildGo({ source: join(import.meta.dirname, "testdata/dump.go"), toolchain: "go1.26.8" });

function sectionsOf(path: string): DwarfSections {
	const sections = readDwarfSections(openElf(path), inflate);
	assert.ok(sections);
	return sections;
}

/** The index as the truth program prints it. */
function* printed({ units, types, variables, constants }: DwarfIndex): Generator<string> {
	const reference = (id: number) => (id < 0 ? "-" : String(types.offset(id)));
	for (const unit of units) yield `unit ${unit.name}`;
	for (let id = 0; id < types.count; id++) {
		const ownElement = types.kind(id) === "array" ? "?" : reference(types.element(id));
		yield [
			"type",
			types.offset(id),
			types.kind(id),
			reference(types.target(id)),
			types.goKind(id) || "-",
			reference(types.key(id)),
			ownElement,
			types.runtimeType(id) ?? "-",
			types.name(id),
		].join(" ");
		const count = types.arrayCount(id);
		if (count !== undefined) yield `count ${count}`;
		for (let member = types.memberStart(id); member < types.memberEnd(id); member++) {
			const type = reference(types.memberType(member));
			const embedded = types.memberEmbedded(member);
			yield `member ${types.memberOffset(member)} ${type} ${embedded} ${types.memberName(member)}`;
		}
	}
	for (let i = 0; i < variables.count; i++) yield `variable ${reference(variables.type(i))} ${variables.name(i)}`;
	for (let i = 0; i < constants.count; i++) {
		const value = constants.value[i] ?? Number.NaN;
		// beyond 2^53 a number is not exact: nothing is said of it
		yield `constant ${Number.isSafeInteger(value) ? value : "large"} ${constants.name(i)}`;
	}
}

/** The truth in the same words; sizes are compared apart, since ours follow types. */
function truth(text: string): { lines: string[]; sizes: Map<number, number>; addresses: Map<string, number> } {
	const lines: string[] = [];
	const sizes = new Map<number, number>();
	const addresses = new Map<string, number>();
	for (const line of text.trimEnd().split("\n")) {
		const [word = "", ...f] = line.split(" ");
		if (word === "type") {
			const [
				offset = "",
				kind = "",
				size = "",
				target = "",
				goKind = "",
				key = "",
				element = "",
				runtime = "",
				...name
			] = f;
			if (size !== "-") sizes.set(Number(offset), Number(size));
			const own = kind === "array" ? "?" : element;
			const goKindText = goKind === "0" ? "-" : goKind;
			lines.push(["type", offset, kind, target, goKindText, key, own, runtime, name.join(" ")].join(" "));
		} else if (word === "variable") {
			const [address = "", type = "", ...name] = f;
			if (/^\d+$/.test(address)) addresses.set(name.join(" "), Number(address));
			lines.push(`variable ${type} ${name.join(" ")}`);
		} else if (word === "constant") {
			const value = Number(f[0]);
			lines.push(`constant ${Number.isSafeInteger(value) ? value : "large"} ${f.slice(1).join(" ")}`);
		} else lines.push(line);
	}
	return { lines, sizes, addresses };
}

interface Case {
	readonly go: string;
	readonly cgo?: boolean;
	readonly flags?: readonly string[];
}
const cases: readonly Case[] = [
	{ go: "go1.21.13" },
	{ go: "go1.24.13" },
	{ go: "go1.26.8" },
	{ go: "go1.27.3" },
	{ go: "go1.26.8", flags: ["-buildmode=pie"] },
	{ go: "go1.26.8", flags: ["-ldflags=-compressdwarf=false"] },
];
const GROUPS = ["unit", "type", "member", "count", "variable", "constant"];

describe("the same as Go's debug/dwarf", () => {
	for (const { go, flags = [] } of cases) {
		const built = buildGo({ source: SOURCE, toolchain: go, flags });
		const why = [built, DUMP].map((one) => ("unavailable" in one ? one.unavailable : "")).join("");
		test(`${go} ${flags.join(" ")}`, { skip: why || false }, () => {
			assert.ok("path" in built && "path" in DUMP);
			const index = indexDwarf(sectionsOf(built.path));
			const { lines, sizes, addresses } = truth(run(DUMP.path, [built.path]));
			const ours = [...printed(index)];
			for (const group of GROUPS) {
				const of = (all: readonly string[]) => all.filter((line) => line.startsWith(`${group} `));
				assert.ok(of(lines).length > 20, group);
				assert.deepEqual(of(ours), of(lines), group);
			}
			// members belong to their types: types and members in one sequence
			const ordered = (all: readonly string[]) => all.filter((line) => /^(type|member|count) /.test(line));
			assert.deepEqual(ordered(ours), ordered(lines));
			for (const [offset, size] of sizes) assert.equal(index.types.size(index.types.idAt(offset)), size);
			assertAddresses(index, built.path, addresses);
		});
	}
});

/** Variables stand where the symbol table has them. */
function assertAddresses(index: DwarfIndex, path: string, truth: ReadonlyMap<string, number>): void {
	const symbols = new Map<string, number>();
	for (const line of run("go", ["tool", "nm", path]).split("\n")) {
		const [address = "", kind = "", ...name] = line.trim().split(/\s+/);
		if (/^[BbDdRr]$/.test(kind)) symbols.set(name.join(" "), Number.parseInt(address, 16));
	}
	let compared = 0;
	for (let i = 0; i < index.variables.count; i++) {
		const name = index.variables.name(i);
		const expected = symbols.get(name) ?? truth.get(name);
		if (expected === undefined) continue;
		assert.equal(index.variables.address[i], expected, name);
		compared++;
	}
	assert.ok(compared > 200, String(compared));
	assert.ok(symbols.has("runtime.mheap_"));
}

const small = buildGo({ source: SOURCE, toolchain: "go1.26.8" });
const skip = "unavailable" in small ? small.unavailable : false;
const path = "path" in small ? small.path : "";

describe("units, names, sizes", { skip }, () => {
	test("types are found by name, and have the sizes that the compiler gave them", () => {
		const { types, units } = indexDwarf(sectionsOf(path), { units: (name) => name === "runtime" });
		// one for the package, and one for each of its assembly files
		assert.ok(units.length > 1 && units.every((unit) => unit.name === "runtime" && unit.version === 5));
		assert.ok(units.some((unit) => unit.producer.startsWith("Go cmd/compile go1.26.8")));
		for (const [name, size] of [
			["runtime.mspan", 160],
			["string", 16],
			["[]string", 24],
			["int", 8],
			["*runtime.g", 8],
		] as const) {
			assert.equal(types.size(types.find(name)), size, name);
		}
		assert.equal(types.find("runtime.nosuch"), -1);
		assert.equal(types.find(""), -1);
		assert.equal(types.name(types.element(types.find("[]string"))), "string");
	});

	test("a file without DWARF has none", () => {
		const stripped = buildGo({ source: SOURCE, toolchain: "go1.26.8", flags: ["-ldflags=-s -w"] });
		assert.ok("path" in stripped);
		const elf = openElf(stripped.path);
		assert.equal(hasDwarf(elf), false);
		assert.equal(dwarfBytes(elf), 0);
		assert.equal(readDwarfSections(elf, inflate), undefined);
	});

	test("more than the limit is refused before it is inflated", () => {
		const elf = openElf(path);
		const bytes = dwarfBytes(elf);
		assert.ok(bytes > 500_000);
		const never: Inflate = () => assert.fail("inflated");
		assert.throws(() => readDwarfSections(elf, never, bytes - 1), ParseError);
		assert.throws(() => readDwarfSections(elf, () => undefined), ParseError);
		assert.throws(() => readDwarfSections(elf, (_, __, size) => new Uint8Array(size - 1)), ParseError);
	});
});

const cgo = buildGo({ source: join(import.meta.dirname, "testdata/cgo.go"), toolchain: "go1.26.8", cgo: true });
test("C units beside Go's are passed", { skip: "unavailable" in cgo ? cgo.unavailable : false }, () => {
	assert.ok("path" in cgo);
	const sections = sectionsOf(cgo.path);
	assert.ok(sections.str.length > 0 || sections.lineStr.length > 0, "the C compiler wrote no debug information");
	const { types, variables, units } = indexDwarf(sections);
	assert.ok(units.some((unit) => unit.name === "main"));
	assert.ok(units.every((unit) => unit.producer.startsWith("Go ")));
	assert.equal(types.size(types.find("main._Ctype_struct_pair")), 24);
	const names = Array.from({ length: variables.count }, (_, i) => variables.name(i));
	assert.ok(names.includes("main.kept") && !names.includes("only_in_c"));
});

describe("damage lets only ParseError out, in bounded time", { skip }, () => {
	const whole = skip === false ? sectionsOf(path) : undefined;
	const attempt = (sections: DwarfSections): boolean => {
		const started = performance.now();
		try {
			const { types } = indexDwarf(sections, { units: (name) => name !== "main" });
			types.find("runtime.mspan");
			for (let id = 0; id < types.count; id += 97) types.size(id);
			return true;
		} catch (error) {
			assert.ok(error instanceof ParseError, String(error));
			return false;
		} finally {
			assert.ok(performance.now() - started < 10_000);
		}
	};

	test("truncation", () => {
		assert.ok(whole);
		const { info, abbrev } = whole;
		for (let i = 0; i < 60; i++) {
			assert.equal(attempt({ ...whole, info: info.subarray(0, Math.floor((info.length * i) / 60) + 5) }), false);
		}
		for (let length = 0; length < abbrev.length; length += 3) attempt({ ...whole, abbrev: abbrev.subarray(0, length) });
		attempt({ ...whole, addr: whole.addr.subarray(0, 9) });
	});

	test("byte flips", () => {
		assert.ok(whole);
		const random = seeded(7);
		let failed = 0;
		for (let round = 0; round < 120; round++) {
			const key = round % 2 === 0 ? "info" : "abbrev";
			const bytes = whole[key].slice();
			for (let n = 0; n < 1 + (round % 5); n++) bytes[random() % bytes.length] = random() & 0xff;
			if (!attempt({ ...whole, [key]: bytes })) failed++;
		}
		assert.ok(failed > 10, "no flip did any harm: they cannot have been where it counts");
	});
});
