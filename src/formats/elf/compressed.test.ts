import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BufferSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { type Inflate, readStored, storedSection } from "./compressed.ts";
import type { ElfFile, ElfSection } from "./model.ts";

const CONTENT = new Uint8Array(5000).map((_, i) => (i * i) >> 3);
const inflate: Inflate = (stream, compression, size) => {
	try {
		return (compression === "zlib" ? inflateSync : zstdDecompressSync)(stream, { maxOutputLength: size });
	} catch {
		return undefined;
	}
};

function fileOf(name: string, flags: number, bytes: Uint8Array): ElfFile {
	const section: ElfSection = {
		...{ index: 1, name, type: 1, flags, addr: 0, offset: 100, size: bytes.length },
		...{ link: 0, info: 0, align: 1, entsize: 0 },
	};
	const file = new Uint8Array(100 + bytes.length);
	file.set(bytes, 100);
	const head = { type: 2, machine: 62, entry: 0, segments: [], sectionsProblem: undefined, interpreter: undefined };
	return { ...head, sections: [section], source: new BufferSource(file) };
}

function withHeader(type: number, size: number, stream: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(24 + stream.length);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, type, true);
	view.setBigUint64(8, BigInt(size), true);
	bytes.set(stream, 24);
	return bytes;
}

function zdebug(size: number, stream: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(12 + stream.length);
	bytes.set([0x5a, 0x4c, 0x49, 0x42]);
	new DataView(bytes.buffer).setBigUint64(4, BigInt(size), false);
	bytes.set(stream, 12);
	return bytes;
}

const forms: readonly (readonly [string, ElfFile])[] = [
	["as it is", fileOf(".debug_info", 0, CONTENT)],
	["SHF_COMPRESSED zlib", fileOf(".debug_info", 0x800, withHeader(1, CONTENT.length, deflateSync(CONTENT)))],
	["SHF_COMPRESSED zstd", fileOf(".debug_info", 0x800, withHeader(2, CONTENT.length, zstdCompressSync(CONTENT)))],
	[".zdebug_info", fileOf(".zdebug_info", 0, zdebug(CONTENT.length, deflateSync(CONTENT)))],
];

describe("a debug section, however it is stored", () => {
	for (const [name, elf] of forms) {
		test(name, () => {
			const stored = storedSection(elf, ".debug_info");
			assert.ok(stored);
			assert.equal(stored.size, CONTENT.length);
			assert.deepEqual(new Uint8Array(readStored(elf, stored, inflate, CONTENT.length)), CONTENT);
			assert.throws(() => readStored(elf, stored, inflate, CONTENT.length - 1), ParseError);
			assert.equal(storedSection(elf, ".debug_abbrev"), undefined);
		});
	}

	test("what lies is an error, and is not inflated beyond what it said", () => {
		const small = storedSection(fileOf(".debug_info", 0x800, withHeader(1, 100, deflateSync(CONTENT))), ".debug_info");
		const elf = fileOf(".debug_info", 0x800, withHeader(1, 100, deflateSync(CONTENT)));
		assert.ok(small);
		assert.throws(() => readStored(elf, small, inflate, 1 << 20), ParseError);
		const large = fileOf(".debug_info", 0x800, withHeader(1, 2 ** 50, deflateSync(CONTENT)));
		const stored = storedSection(large, ".debug_info");
		assert.ok(stored);
		const never: Inflate = () => assert.fail("inflated");
		assert.throws(() => readStored(large, stored, never, 1 << 20), ParseError);
		assert.throws(
			() => storedSection(fileOf(".debug_info", 0x800, withHeader(9, 5, CONTENT)), ".debug_info"),
			ParseError,
		);
		assert.throws(() => storedSection(fileOf(".debug_info", 0x800, CONTENT.subarray(0, 7)), ".debug_info"), ParseError);
		assert.throws(() => storedSection(fileOf(".zdebug_info", 0, CONTENT), ".debug_info"), ParseError);
		const torn = fileOf(".debug_info", 0x800, withHeader(1, CONTENT.length, deflateSync(CONTENT).subarray(0, 50)));
		const cut = storedSection(torn, ".debug_info");
		assert.ok(cut);
		assert.throws(() => readStored(torn, cut, inflate, 1 << 20), ParseError);
	});
});
