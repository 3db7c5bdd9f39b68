import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BufferSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { buildGo, elfOf, fileBytes, openElf, tscBinary, withoutSectionHeaders } from "../elf/testdata/go-binary.ts";
import { locatePclntab } from "./locate.ts";
import { PagedBytes } from "./paged-bytes.ts";
import { PcCache, PcTables } from "./pc-tables.ts";
import { printName } from "./print-name.ts";

const SOURCE = join(import.meta.dirname, "testdata/frames/main.go");

describe("locating", () => {
	const builds = ["go1.24.13", "go1.26.8", "go1.27.3"].flatMap((toolchain) =>
		[[], ["-buildmode=pie"], ["-ldflags=-s -w"]].map((flags) => buildGo({ source: SOURCE, toolchain, flags })),
	);
	const paths = builds.filter((b) => "path" in b).map((b) => b.path);
	const tsc = tscBinary();
	if (tsc !== undefined) paths.push(tsc);

	test("the table is at the same place with and without section headers", () => {
		assert(paths.length >= 3);
		for (const path of paths) {
			const bySection = locatePclntab(openElf(path));
			const byMagic = locatePclntab(elfOf(withoutSectionHeaders(fileBytes(path))));
			assert(bySection !== undefined && byMagic !== undefined, path);
			assert.equal(byMagic.address, bySection.address);
			assert.equal(byMagic.offset, bySection.offset);
			assert.equal(byMagic.magic, bySection.magic);
			assert(byMagic.size >= bySection.size);
		}
	});

	test("what is not Go has none", () => {
		assert.equal(locatePclntab(openElf("/bin/ls")), undefined);
	});
});

describe("pages", () => {
	const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i % 251) + 1);
	bytes[70_000] = 0;
	bytes[199_999] = 0;
	const paged = new PagedBytes(new BufferSource(bytes, 1000), 1000, bytes.length, "test");

	test("words and strings are read across pages, and nothing beyond the end", () => {
		const view = new DataView(bytes.buffer);
		for (const at of [0, 65_533, 65_535, 65_536, 131_070, 3, 199_996]) {
			assert.equal(paged.u32(at), view.getUint32(at, true));
			assert.equal(paged.u8(at), bytes[at]);
		}
		assert.equal(paged.cstring(65_530, 10_000, "name"), new TextDecoder().decode(bytes.subarray(65_530, 70_000)));
		assert.equal(paged.cstring(70_000, 10, "name"), "");
		assert.throws(
			() => paged.cstring(70_001, 100_000, "name"),
			/test at .* name: expected a string of at most 100000 bytes/,
		);
		assert.throws(() => paged.cstring(65_530, 4469, "name"), ParseError);
		assert.equal(paged.cstring(65_530, 4470, "name").length > 0, true);
		for (const at of [-1, 199_997, 200_000, 2 ** 40, Number.NaN]) assert.throws(() => paged.u32(at), ParseError);
	});

	test("pages that gave way to others are read again", () => {
		const large = Uint8Array.from({ length: 10 << 20 }, (_, i) => (i * 31) >>> 3);
		const pages = new PagedBytes(new BufferSource(large), 0, large.length, "test");
		for (let round = 0; round < 2; round++) {
			for (let at = 0; at < large.length; at += 4099) assert.equal(pages.u8(at), large[at]);
		}
		for (let i = 0; i < 5000; i++) {
			const at = (i * 7_368_787) % large.length;
			assert.equal(pages.u8(at), large[at]);
		}
	});

	test("a hole in the source is an error, not zeros", () => {
		const short = new PagedBytes(new BufferSource(bytes.subarray(0, 70_000)), 0, 200_000, "test");
		assert.equal(short.u8(69_999), bytes[69_999]);
		assert.throws(() => short.u8(70_000), ParseError);
	});
});

describe("pc-value tables", () => {
	const decode = (bytes: readonly number[], quantum = 1): ((target: number) => number) => {
		const all = Uint8Array.from([0xaa, ...bytes]);
		const tables = new PcTables(
			new PagedBytes(new BufferSource(all), 0, all.length, "test"),
			{ offset: 0, size: all.length },
			quantum,
		);
		return (target) => tables.value(1, target);
	};

	test("values hold from their pc on, up to the end", () => {
		// go.dev/s/go12symtab: values start at -1; +1 for 5 bytes, +24 for 0x81 = 129, -24 for 2; end.
		const value = decode([2, 5, 48, 0x81, 0x01, 47, 2, 0]);
		assert.deepEqual([0, 4, 5, 133, 134, 135, 136, 9999].map(value), [0, 0, 24, 24, 0, 0, -1, -1]);
		const scaled = decode([2, 5, 48, 1, 0], 4);
		assert.deepEqual([19, 20, 23, 24].map(scaled), [0, 24, 24, -1]);
	});

	test("a first difference of 0 is a value, not the end", () => {
		assert.deepEqual([0, 2, 3].map(decode([0, 3, 0])), [-1, -1, -1]);
		assert.equal(decode([0, 3, 4, 2, 0])(3), 1);
	});

	test("tables without an end and endless varints are refused", () => {
		assert.throws(() => decode([2, 5])(7), ParseError);
		assert.throws(() => decode([2, 0x80, 0x80, 0x80, 0x80, 0x80, 0])(7), ParseError);
	});
});

test("the cache forgets nothing below its limit, and answers right beyond it", () => {
	const cache = new PcCache();
	for (let i = 0; i < 20_000; i++) cache.add(i * 16, i - 7);
	for (let i = 0; i < 20_000; i++) {
		assert.equal(cache.find(i * 16), true);
		assert.equal(cache.value, i - 7);
		assert.equal(cache.find(i * 16 + 1), false);
	}
	for (let i = 20_000; i < 300_000; i++) if (!cache.find(i)) cache.add(i, i);
	let known = 0;
	for (let i = 20_000; i < 300_000; i++) {
		if (!cache.find(i)) continue;
		known++;
		assert.equal(cache.value, i % 16 === 0 && i / 16 < 20_000 && cache.value !== i ? i / 16 - 7 : i);
	}
	assert(known > 0 && known < 70_000);
});

test("names are printed as the runtime of the release prints them", () => {
	const cases: [string, string, string][] = [
		// symbol, up to Go 1.26, Go 1.27
		["main.main", "main.main", "main.main"],
		["main.Map[go.shape.int]", "main.Map[...]", "main.Map[...]"],
		["main.(*T[go.shape.int]).M.func1", "main.(*T[...]).M.func1", "main.(*T[...]).M.func1"],
		["main.Map[main.P[int],[]string].f", "main.Map[...].f", "main.Map[...].f"],
		["main.T[int].M[string]", "main.T[...]", "main.T[...].M[...]"],
		["main.T[int][]", "main.T[...]", "main.T[...][...]"],
		["type:.eq.[2]sync/atomic.Pointer[go.shape.x]", "type:.eq.[...]", "type:.eq.[...]sync/atomic.Pointer[...]"],
		["main.odd]name[", "main.odd]name[", "main.odd]name["],
		["main.a[b]]c]", "main.a[...]", "main.a[...]"],
		["main.a[b[]]]c]", "main.a[...]", "main.a[b[]]]c]"],
		["main.a[[b]", "main.a[...]", "main.a[[b]"],
	];
	for (const [symbol, old, current] of cases) {
		assert.equal(printName(symbol, 26), old);
		assert.equal(printName(symbol, 27), current);
	}
});
