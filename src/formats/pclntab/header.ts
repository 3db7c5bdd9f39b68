import type { ByteSource } from "../../bytes/byte-source.ts";
import { readExactly } from "../../bytes/byte-source.ts";
import { word } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";

/** First word of the table (internal/abi/symtab.go, Go 1.27). */
export const MAGIC_GO12 = 0xfffffffb;
export const MAGIC_GO116 = 0xfffffffa;
export const MAGIC_GO118 = 0xfffffff0;
export const MAGIC_GO120 = 0xfffffff1;

/** runtime.pcHeader: magic u32, pad u8 × 2, minLC u8, ptrSize u8, then eight words (runtime/symtab.go). */
export const HEADER_SIZE = 72;

/** Several times what the largest known Go programs have (about 10^6). */
const MAX_FUNCTIONS = 1 << 22;

/** A part of the table: offset from its start, and bytes. */
export interface Region {
	readonly offset: number;
	readonly size: number;
}

export interface PclntabHeader {
	readonly magic: number;
	/** smallest instruction in bytes; pc deltas are multiples of it: 1 on amd64, 4 on arm64 */
	readonly quantum: number;
	readonly functionCount: number;
	readonly fileCount: number;
	/** address of the first function before Go 1.26; 0 since, and in position-independent files without relocation */
	readonly textStart: number;
	readonly names: Region;
	readonly compilationUnits: Region;
	readonly files: Region;
	readonly tables: Region;
	readonly functions: Region;
}

/** True for a header of Go 1.18 or later on a little-endian 64-bit machine. */
export function looksLikeHeader(bytes: Uint8Array, at: number): boolean {
	const magic = bytes[at];
	if (magic !== 0xf0 && magic !== 0xf1) return false;
	for (let i = 1; i < 4; i++) if (bytes[at + i] !== 0xff) return false;
	const quantum = bytes[at + 6];
	return (
		bytes[at + 4] === 0 &&
		bytes[at + 5] === 0 &&
		(quantum === 1 || quantum === 2 || quantum === 4) &&
		bytes[at + 7] === 8
	);
}

/**
 * Reads the header at `offset` of the source; `size` is how many bytes the table can have at most. Throws ParseError where
 * it is not a table of Go 1.18 or later, or its parts do not lie within `size` in the order that the linker writes them.
 */
export function readHeader(source: ByteSource, offset: number, size: number): PclntabHeader {
	const fail = (at: number, field: string, expected: string, actual: string): never => {
		throw new ParseError({ format: "pclntab", offset: offset + at, field, expected, actual });
	};
	if (!Number.isSafeInteger(offset + size)) fail(0, "size", "a possible size", String(size));
	const bytes = readExactly(source, offset, HEADER_SIZE, { format: "pclntab", field: "header" });
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const magic = view.getUint32(0, true);
	if (magic === MAGIC_GO12 || magic === MAGIC_GO116) {
		fail(0, "magic", "a table of Go 1.18 or later", magic === MAGIC_GO116 ? "one of Go 1.16 or 1.17" : "an older one");
	}
	if (!looksLikeHeader(bytes, 0)) fail(0, "magic", "a pclntab header", `0x${magic.toString(16)}`);

	const functionCount = word(view, 8);
	if (functionCount > MAX_FUNCTIONS) fail(8, "nfunc", `at most ${MAX_FUNCTIONS}`, String(functionCount));
	const starts = [32, 40, 48, 56, 64].map((at) => word(view, at));
	let last = HEADER_SIZE;
	for (const [i, start] of starts.entries()) {
		if (start < last || start > size) fail(32 + 8 * i, "offset", `${last}..${size}`, String(start));
		last = start;
	}
	const region = (i: number): Region => {
		const start = starts[i]!; // i is 0..4
		return { offset: start, size: (starts[i + 1] ?? size) - start };
	};
	const functions = region(4);
	const functab = functionCount * 8 + 4;
	if (functab > functions.size) fail(8, "nfunc", `at most ${functions.size} bytes of functab`, String(functab));
	return {
		magic,
		quantum: bytes[6]!, // 72 bytes were read
		functionCount,
		fileCount: word(view, 16),
		textStart: word(view, 24),
		names: region(0),
		compilationUnits: region(1),
		files: region(2),
		tables: region(3),
		functions,
	};
}
