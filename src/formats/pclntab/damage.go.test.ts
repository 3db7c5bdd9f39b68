import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BufferSource, type ByteSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { readBuildInfo } from "../elf/build-info.ts";
import { isPie, readDynamic } from "../elf/dynamic.ts";
import { findGoVersion } from "../elf/go-version.ts";
import { readBuildIds } from "../elf/notes.ts";
import { parseElf } from "../elf/parse.ts";
import { ElfImage } from "../elf/read.ts";
import { findSymbols } from "../elf/symbols.ts";
import { buildGo, fileBytes, seeded, withoutSectionHeaders } from "../elf/testdata/go-binary.ts";
import { locatePclntab } from "./locate.ts";
import { openPclntab, type Pclntab } from "./pclntab.ts";

const SOURCE = join(import.meta.dirname, "testdata/frames/main.go");
const built = buildGo({ source: SOURCE, toolchain: "go1.26.8", flags: ["-buildmode=pie"] });
if ("unavailable" in built) throw new Error(built.unavailable);
const original = fileBytes(built.path);
const intact = parseElf(new BufferSource(original));
const location = locatePclntab(intact);
assert(location !== undefined);
const NAMES = new Set(["runtime.text", "go:func.*"]);
const symbols = findSymbols(intact, NAMES);
const OPTIONS = { text: symbols.get("runtime.text")?.address, gofunc: symbols.get("go:func.*")?.address };
const healthy = openPclntab(intact.source, location, OPTIONS);
const pcs = Array.from({ length: healthy.functionCount }, (_, i) => healthy.entry(i) + 11).filter(
	(_, i) => i % 9 === 0,
);
const WANTED = new Set(["runtime.mallocinit", "main.main", "runtime.newproc1"]);

/** Runs `decode` and lets nothing but ParseError pass as a failure. Returns whether it failed. */
function survives(decode: () => void): boolean {
	try {
		decode();
		return false;
	} catch (error) {
		if (error instanceof ParseError) return true;
		throw error;
	}
}

/** Asks the table everything; each question may fail for itself. Returns how many failed. */
function askAll(table: Pclntab): number {
	let failed = 0;
	const ask = (question: () => void): void => {
		if (survives(question)) failed++;
	};
	ask(() => table.findByName(WANTED));
	for (const pc of pcs) {
		ask(() => table.spDelta(pc));
		ask(() => table.frames(pc));
		const i = table.find(pc);
		if (i >= 0) ask(() => table.func(i));
	}
	return failed;
}

function readAll(source: ByteSource): void {
	survives(() => {
		const elf = parseElf(source);
		readBuildInfo(elf);
		findGoVersion(elf);
		readBuildIds(elf);
		readDynamic(elf);
		isPie(elf);
		findSymbols(elf, NAMES);
		const found = locatePclntab(elf);
		if (found === undefined) return;
		askAll(openPclntab(source, found, { ...OPTIONS, rodata: new ElfImage(elf) }));
	});
}

/** No input may take longer than this, whatever it claims; a healthy one takes some 10 ms. */
const MAX_MILLISECONDS = 60_000;

function timed(title: string, run: () => void): void {
	const start = performance.now();
	run();
	const took = performance.now() - start;
	assert(took < MAX_MILLISECONDS, `${title}: ${took} ms`);
}

describe("damaged files", () => {
	test("the healthy file answers every question", () => {
		assert.equal(askAll(openPclntab(intact.source, location, { ...OPTIONS, rodata: new ElfImage(intact) })), 0);
	});

	test("truncation: only ParseError escapes", () => {
		const random = seeded(1);
		const lengths = [0, 1, 15, 16, 63, 64, 65, 120, 4095];
		for (let i = 0; i < 60; i++) lengths.push(random() % original.length);
		for (let i = 0; i < 40; i++) lengths.push(location.offset + (random() % location.size));
		for (const length of lengths)
			timed(`length ${length}`, () => readAll(new BufferSource(original.subarray(0, length))));
	});

	test("flipped bytes of headers, notes and the dynamic section: only ParseError escapes", () => {
		const tail = Math.max(...intact.sections.filter((s) => s.addr === 0).map((s) => s.offset));
		for (let seed = 0; seed < 120; seed++) {
			const random = seeded(seed);
			const bytes = seed % 4 === 0 ? withoutSectionHeaders(original) : original.slice();
			for (let i = 0; i < 12; i++) {
				// The first KiBs, the section headers, or the section names.
				const at = [random() % 4096, 0x40 + (random() % 0x700), tail + (random() % 256)][random() % 3]!; // index below 3
				bytes[at] = random();
			}
			// The class, or else most runs end there.
			bytes.set(original.subarray(0, 6));
			timed(`seed ${seed}`, () => readAll(new BufferSource(bytes)));
		}
	});

	test("flipped bytes of the pclntab: only ParseError escapes", () => {
		let failures = 0;
		for (let seed = 0; seed < 150; seed++) {
			const random = seeded(1000 + seed);
			const bytes = original.slice();
			// Spread over the whole table, or crowded into one of its parts.
			const parts = [healthy.header.tables, healthy.header.functions, healthy.header.names, { offset: 0, size: 72 }];
			const part = parts[seed % 6] ?? { offset: 0, size: location.size };
			for (let i = 0; i < (part.size === 72 ? 2 : 2000); i++) {
				bytes[location.offset + part.offset + (random() % part.size)] = random();
			}
			const source = new BufferSource(bytes);
			timed(`seed ${seed}`, () => {
				const refused = survives(() => {
					const table = openPclntab(source, location, { ...OPTIONS, rodata: new ElfImage(intact) });
					failures += askAll(table);
				});
				if (refused) failures++;
			});
		}
		assert(failures > 100, `damage was noticed ${failures} times`);
	});

	test("an inline tree that never ends is refused", () => {
		const rodata = new ElfImage(intact);
		const whole = openPclntab(intact.source, location, { ...OPTIONS, rodata });
		const pc = pcs.find((p) => whole.frames(p).length > 1);
		assert(pc !== undefined);
		// Every entry says that its caller is at this very pc (parentPc at byte 8).
		const cyclic: ByteSource = {
			readInto(offset, into) {
				const got = rodata.readInto(offset, into);
				new DataView(into.buffer, into.byteOffset).setInt32(8, pc - whole.entry(whole.find(pc)), true);
				return got;
			},
		};
		const table = openPclntab(intact.source, location, { ...OPTIONS, rodata: cyclic });
		assert.throws(() => table.frames(pc), /inline tree/);
		timed("cycles", () => askAll(table));
	});

	test("claims beyond the limits are refused without allocating them", () => {
		const claims = (change: (view: DataView) => void): (() => Pclntab) => {
			const head = original.slice(location.offset, location.offset + location.size);
			change(new DataView(head.buffer));
			return () => openPclntab(new BufferSource(head), { offset: 0, size: 2 ** 40 }, OPTIONS);
		};
		assert(claims(() => undefined)() !== undefined);
		assert.throws(
			claims((v) => v.setUint32(8, 1 << 30, true)),
			/nfunc: expected at most/,
		);
		assert.throws(
			claims((v) => v.setUint32(8, 4_000_000, true)),
			/bytes of functab/,
		);
		assert.throws(
			claims((v) => v.setUint32(32, 8, true)),
			/offset: expected 72/,
		);
		assert.throws(
			claims((v) => v.setUint32(64, 0x7fffffff, true)),
			/offset: expected/,
		);
		assert.throws(
			claims((v) => v.setUint32(0, 0xfffffffa, true)),
			/expected a table of Go 1.18 or later, found one of Go 1.16 or 1.17/,
		);
	});
});
