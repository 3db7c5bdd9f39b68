import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BufferSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { SHT_NOBITS } from "./constants.ts";
import { isPie, neededLibraries } from "./dynamic.ts";
import { readBuildIds } from "./notes.ts";
import { parseElf } from "./parse.ts";
import {
	ElfImage,
	fileOffsetOf,
	findSection,
	hasBytes,
	isCompressed,
	readAtAddress,
	scanPieces,
	sectionBytes,
} from "./read.ts";
import { findInStringTable } from "./string-table.ts";
import { findSymbols, hasSymbols } from "./symbols.ts";
import {
	buildGo,
	elfOf,
	fileBytes,
	goTool,
	openElf,
	run,
	tscBinary,
	withoutSectionHeaders,
} from "./testdata/go-binary.ts";

const SOURCE = join(import.meta.dirname, "../pclntab/testdata/frames/main.go");
const COMPILER = goTool("compile");

function built(flags: readonly string[], cgo = false): string {
	const result = buildGo({ source: SOURCE, toolchain: "go1.26.8", flags, cgo });
	if ("unavailable" in result) throw new Error(result.unavailable);
	return result.path;
}

const files = new Map<string, string>([
	["plain", built([])],
	["stripped", built(["-ldflags=-s -w"])],
	["pie", built(["-buildmode=pie"])],
	["cgo", built(["-ldflags=-linkmode=external"], true)],
	["cgo pie", built(["-buildmode=pie", "-ldflags=-linkmode=external"], true)],
	["Go compiler", COMPILER],
	["node", process.execPath],
	["ls", "/bin/ls"],
]);
const tsc = tscBinary();
if (tsc !== undefined) files.set("tsc", tsc);

const hex = (text: string | undefined): number => Number.parseInt(text ?? "", 16);

for (const [title, path] of files) {
	describe(`ELF of ${title}`, () => {
		const elf = openElf(path);

		test("segments equal those of readelf", () => {
			const rows: (string | number)[][] = [];
			const pattern = /^ {2}(\w+)\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+) 0x([0-9a-f]+) ([RWE ]{3}) /;
			for (const line of run("readelf", ["-lW", path]).split("\n")) {
				const m = pattern.exec(line);
				if (m !== null) rows.push([hex(m[2]), hex(m[3]), hex(m[4]), hex(m[5]), m[6] ?? ""]);
			}
			const flags = (f: number): string => `${f & 4 ? "R" : " "}${f & 2 ? "W" : " "}${f & 1 ? "E" : " "}`;
			assert(rows.length > 3);
			assert.deepEqual(
				elf.segments.map((s) => [s.offset, s.vaddr, s.filesz, s.memsz, flags(s.flags)]),
				rows,
			);
		});

		test("sections equal those of readelf", () => {
			const rows: (string | number)[][] = [];
			const pattern =
				/^ {2}\[ *(\d+)\] (\S*) +([A-Z_]+) +([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Za-z]*) +(\d+) +(\d+) +(\d+)$/;
			for (const line of run("readelf", ["-SW", path]).split("\n")) {
				const m = pattern.exec(line);
				if (m === null || m[3] === "NULL") continue;
				rows.push([
					Number(m[1]),
					m[2] ?? "",
					m[3] === "NOBITS" ? 1 : 0,
					hex(m[4]),
					hex(m[5]),
					hex(m[6]),
					hex(m[7]),
					(m[8] ?? "").includes("C") ? 1 : 0,
					Number(m[9]),
					Number(m[10]),
					Number(m[11]),
				]);
			}
			assert(rows.length > 8);
			assert.equal(elf.sectionsProblem, undefined);
			assert.deepEqual(
				elf.sections.map((s) => [
					s.index,
					s.name,
					s.type === SHT_NOBITS ? 1 : 0,
					s.addr,
					s.offset,
					s.size,
					s.entsize,
					isCompressed(s) ? 1 : 0,
					s.link,
					s.info,
					s.align,
				]),
				rows,
			);
		});

		test("interpreter, libraries, kind and build id equal those of readelf", () => {
			const text = run("readelf", ["-hldnW", path]);
			assert.equal(elf.interpreter, /Requesting program interpreter: (.*)\]/.exec(text)?.[1]);
			assert.equal(elf.entry, hex(/Entry point address: +0x([0-9a-f]+)/.exec(text)?.[1]));
			assert.deepEqual(
				neededLibraries(elf),
				[...text.matchAll(/\(NEEDED\) +Shared library: \[(.*)\]/g)].map((m) => m[1]),
			);
			assert.equal(readBuildIds(elf).gnu, /Build ID: ([0-9a-f]+)/.exec(text)?.[1]);
			// readelf of binutils knows PIE by DF_1_PIE only, which Go's linker does not set.
			const pie = /DYN \(Position-Independent Executable/.test(text) || title === "pie";
			assert.equal(isPie(elf), pie);
		});
	});
}

describe("contents", () => {
	const path = built([]);
	const elf = openElf(path);

	test("Go's build id equals go tool buildid, with and without section headers", () => {
		const truth = run("go", ["tool", "buildid", path]).trim();
		assert.equal(readBuildIds(elf).go, truth);
		assert.equal(readBuildIds(elfOf(withoutSectionHeaders(fileBytes(path)))).go, truth);
	});

	for (const title of ["plain", "cgo", "cgo pie", "Go compiler"]) {
		test(`symbols of ${title} equal those of readelf`, () => {
			const file = files.get(title) ?? "";
			const truth = new Map<string, string>();
			const defined = /^ *\d+: ([0-9a-f]{16}) +(\d+|0x[0-9a-f]+) \w+ +(GLOBAL|LOCAL|WEAK) +\w+ +(\d+|ABS) (\S+)$/;
			const repeated = new Set<string>();
			for (const line of run("readelf", ["-sW", "--sym-base=10", file])
				.split("Symbol table '.symtab'")[1]
				?.split("\n") ?? []) {
				const m = defined.exec(line);
				if (m === null || m[5] === undefined) continue;
				if (truth.has(m[5])) repeated.add(m[5]);
				truth.set(m[5], `${hex(m[1])} ${Number(m[2])}`);
			}
			assert(truth.size > 2000);
			for (const name of repeated) truth.delete(name);
			const wanted = [...truth.keys()].filter((_, i) => i % 3 === 0);
			const found = findSymbols(openElf(file), new Set([...wanted, "no.such.symbol", "", "a"]));
			assert.deepEqual(
				[...found].map(([name, s]) => [name, `${s.address} ${s.size}`]).sort(),
				wanted.map((name) => [name, truth.get(name)]).sort(),
			);
		});
	}

	test("symbols are known to be absent", () => {
		assert.equal(hasSymbols(elf), true);
		const stripped = openElf(files.get("stripped") ?? "");
		assert.equal(hasSymbols(stripped), false);
		assert.equal(findSymbols(stripped, new Set(["runtime.mheap_"])).size, 0);
	});

	test("dynamic symbols are found on demand", () => {
		const cgo = openElf(files.get("cgo") ?? "");
		const names = new Set(["_cgo_topofstack", "x_cgo_init", "malloc"]);
		// malloc is undefined there; what is defined depends on the linker, so it is only asked not to be confused with it.
		assert.equal(findSymbols(cgo, names, "dynsym").has("malloc"), false);
		const libc = run("ldd", ["/bin/ls"]).match(/libc\.so\S* => (\S+)/)?.[1] ?? "";
		const address = /^ *\d+: ([0-9a-f]{16}) +\d+ FUNC +\w+ +\w+ +\d+ malloc@@/m.exec(
			run("readelf", ["--dyn-syms", "-W", libc]),
		)?.[1];
		assert.equal(findSymbols(openElf(libc), new Set(["malloc"]), "dynsym").get("malloc")?.address, hex(address));
	});

	test("addresses read what the sections hold, and zeros in .bss", () => {
		const rodata = findSection(elf, ".rodata");
		assert(rodata !== undefined && hasBytes(rodata));
		const bytes = sectionBytes(elf, rodata, 1 << 24);
		assert.equal(bytes.length, rodata.size);
		assert.deepEqual(readAtAddress(elf, rodata.addr + 100, 1000), bytes.slice(100, 1100));
		assert.equal(fileOffsetOf(elf, rodata.addr + 100), rodata.offset + 100);

		const bss = findSection(elf, ".bss");
		assert(bss !== undefined && !hasBytes(bss));
		assert.deepEqual(readAtAddress(elf, bss.addr, 64), new Uint8Array(64));
		assert.equal(fileOffsetOf(elf, bss.addr + bss.size - 1), undefined);
		assert.equal(readAtAddress(elf, 0x10, 8), undefined);

		// From the last initialised bytes into .bss, and from the last segment into nothing.
		const last = elf.segments.filter((s) => s.type === 1).at(-1);
		assert(last !== undefined && last.memsz > last.filesz);
		const border = readAtAddress(elf, last.vaddr + last.filesz - 8, 16);
		assert.deepEqual(border?.subarray(8), new Uint8Array(8));
		assert.equal(new ElfImage(elf).readInto(last.vaddr + last.memsz - 4, new Uint8Array(16)), 4);
	});

	test("sections are refused above the limit and where the file has none of their bytes", () => {
		const rodata = findSection(elf, ".rodata");
		const bss = findSection(elf, ".bss");
		assert(rodata !== undefined && bss !== undefined);
		assert.throws(() => sectionBytes(elf, rodata, rodata.size - 1), ParseError);
		assert.throws(() => sectionBytes(elf, bss, 1 << 30), /SHT_NOBITS/);
		assert.throws(() => sectionBytes(elf, { ...rodata, offset: 2 ** 52 }, 1 << 30), ParseError);
	});
});

describe("what is not believed", () => {
	const bytes = fileBytes(files.get("plain") ?? "");
	const damaged = (change: (copy: Uint8Array, view: DataView) => void): BufferSource => {
		const copy = bytes.slice();
		change(copy, new DataView(copy.buffer));
		return new BufferSource(copy);
	};

	test("other files are named in the error", () => {
		assert.throws(() => parseElf(new BufferSource(new Uint8Array())), ParseError);
		assert.throws(
			() => parseElf(new BufferSource(new TextEncoder().encode("#!/bin/sh".padEnd(100)))),
			/expected 7f 45 4c 46, found 23 21/,
		);
		assert.throws(() => parseElf(damaged((b) => (b[4] = 1))), /expected a 64-bit ELF file, found a 32-bit one/);
		assert.throws(
			() => parseElf(damaged((b) => (b[5] = 2))),
			/expected a little-endian ELF file, found a big-endian one/,
		);
	});

	test("impossible program headers are refused before anything is allocated", () => {
		assert.throws(() => parseElf(damaged((_, v) => v.setBigUint64(32, 2n ** 63n, true))), ParseError);
		assert.throws(() => parseElf(damaged((_, v) => v.setUint16(54, 32, true))), /expected entries of 56 bytes/);
		const many = damaged((_, v) => {
			v.setUint16(56, 0xffff, true); // PN_XNUM: the count is in section 0
			v.setUint32(Number(v.getBigUint64(40, true)) + 44, 0xffffffff, true);
		});
		assert.throws(() => parseElf(many), /expected at most 524288 entries, found 4294967295/);
	});

	test("broken section headers leave the segments", () => {
		for (const source of [
			damaged((_, v) => v.setBigUint64(40, 2n ** 60n, true)),
			damaged((_, v) => v.setUint16(58, 40, true)),
			damaged((_, v) => v.setUint16(62, 0xfff0, true)),
			new BufferSource(bytes.subarray(0, 4096)),
		]) {
			const elf = parseElf(source);
			assert(elf.segments.length > 3);
			assert.notEqual(elf.sectionsProblem === undefined && elf.sections[0]?.name !== "", true);
		}
		const none = parseElf(new BufferSource(withoutSectionHeaders(bytes)));
		assert.deepEqual(none.sections, []);
		assert.equal(none.sectionsProblem, undefined);
	});

	test("counts beyond 16 bits are taken from section 0", () => {
		const plain = parseElf(new BufferSource(bytes));
		const extended = parseElf(
			damaged((_, v) => {
				const shoff = Number(v.getBigUint64(40, true));
				v.setUint32(shoff + 44, v.getUint16(56, true), true);
				v.setUint32(shoff + 32, v.getUint16(60, true), true);
				v.setUint32(shoff + 40, v.getUint16(62, true), true);
				v.setUint16(56, 0xffff, true);
				v.setUint16(60, 0, true);
				v.setUint16(62, 0xffff, true);
			}),
		);
		assert.deepEqual(extended.segments, plain.segments);
		assert.deepEqual(extended.sections, plain.sections);
	});
});

describe("searching", () => {
	test("pieces cover everything once, with the overlap in front", () => {
		const size = (1 << 20) * 2 + 12345;
		const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7919) >>> 5);
		let seen = 100;
		scanPieces(new BufferSource(bytes), 100, size, 24, (piece, offset, fresh) => {
			assert.equal(offset + fresh, seen);
			assert.equal(fresh, seen === 100 ? 0 : 24);
			assert.deepEqual(piece, bytes.subarray(offset, offset + piece.length));
			seen = offset + piece.length;
			return undefined;
		});
		assert.equal(seen, size);
	});

	test("names are found wherever a piece ends, and as tails of longer ones", () => {
		const encoder = new TextEncoder();
		for (const shift of [0, 1, 2, 3, 5, 9, 14, 20]) {
			const bytes = new Uint8Array((1 << 20) + 64).fill(0x78);
			const at = (1 << 20) - shift;
			bytes.set(encoder.encode("\0runtime.mheap_\0ab\0"), at - 1);
			const found = findInStringTable(
				new BufferSource(bytes),
				0,
				bytes.length,
				new Set(["runtime.mheap_", "mheap_", "ab", "b"]),
			);
			assert.deepEqual(
				[...found].sort((a, b) => a[0] - b[0]),
				[
					[at, "runtime.mheap_"],
					[at + 8, "mheap_"],
					[at + 15, "ab"],
					[at + 16, "b"],
				],
			);
		}
	});
});
