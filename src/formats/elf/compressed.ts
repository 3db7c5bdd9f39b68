import { word } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import type { ElfFile, ElfSection } from "./model.ts";
import { findSection, hasBytes, isCompressed, readAt, sectionBytes } from "./read.ts";

/** Elf64_Chdr: ch_type, ch_reserved, ch_size, ch_addralign */
const CHDR_SIZE = 24;
/** "ZLIB" and the size, big-endian: what the GNU tools wrote as .zdebug_* before SHF_COMPRESSED, and Go up to 1.18 */
const ZDEBUG_SIZE = 12;

export type Compression = "zlib" | "zstd";

/**
 * Inflates a stream that must come out as `size` bytes; undefined where it does not, without ever holding more than that.
 * Given from outside, since formats do no I/O and a browser has other means than Node.
 */
export type Inflate = (stream: Uint8Array, compression: Compression, size: number) => Uint8Array | undefined;

/** How a section's bytes are stored. */
export interface StoredSection {
	readonly section: ElfSection;
	/** undefined: as they are */
	readonly compression: Compression | undefined;
	/** bytes, once inflated */
	readonly size: number;
	/** where the stored bytes (without a compression header) begin in the file, and how many they are */
	readonly offset: number;
	readonly stored: number;
}

/**
 * A debug section by its name (".debug_info"), however it is stored: plain, SHF_COMPRESSED (gABI, "Section Compression";
 * ELFCOMPRESS_ZLIB 1, ELFCOMPRESS_ZSTD 2) or as .zdebug_info. Undefined where the file has none of them, or no bytes of it.
 * Throws ParseError for a compression header that is cut off or unknown.
 */
export function storedSection(elf: ElfFile, name: string): StoredSection | undefined {
	const plain = findSection(elf, name);
	const section = plain ?? findSection(elf, name.replace(".debug_", ".zdebug_"));
	if (section === undefined || !hasBytes(section)) return undefined;
	if (plain === undefined) return zdebug(elf, section);
	if (!isCompressed(section)) {
		return { section, compression: undefined, size: section.size, offset: section.offset, stored: section.size };
	}
	const header = new DataView(readAt(elf.source, section.offset, CHDR_SIZE, name).buffer);
	const type = header.getUint32(0, true);
	const compression = type === 1 ? "zlib" : type === 2 ? "zstd" : undefined;
	if (compression === undefined) throw error(section, "zlib (1) or zstd (2)", `compression ${type}`);
	return { section, compression, size: word(header, 8), ...after(section, CHDR_SIZE) };
}

function zdebug(elf: ElfFile, section: ElfSection): StoredSection {
	const header = readAt(elf.source, section.offset, ZDEBUG_SIZE, section.name);
	const view = new DataView(header.buffer);
	if (view.getUint32(0) !== 0x5a4c4942) throw error(section, "the magic ZLIB", view.getUint32(0).toString(16));
	const size = view.getUint32(4) * 2 ** 32 + view.getUint32(8);
	return { section, compression: "zlib", size, ...after(section, ZDEBUG_SIZE) };
}

function after(section: ElfSection, header: number): { offset: number; stored: number } {
	return { offset: section.offset + header, stored: section.size - header };
}

/**
 * The bytes of a section, inflated. Throws ParseError where it is larger than `limit` bytes once inflated, cut off, or
 * does not inflate to the size it claims.
 */
export function readStored(elf: ElfFile, stored: StoredSection, inflate: Inflate, limit: number): Uint8Array {
	const { section, compression, size } = stored;
	if (compression === undefined) return sectionBytes(elf, section, limit);
	if (!(size <= limit)) throw error(section, `at most ${limit} bytes`, String(size));
	const stream = readAt(elf.source, stored.offset, stored.stored, section.name);
	const bytes = inflate(stream, compression, size);
	if (bytes?.length !== size) throw error(section, `a ${compression} stream of ${size} bytes`, "one that is not");
	// a Buffer of Node is a Uint8Array whose slice() does not copy
	return new Uint8Array(bytes.buffer, bytes.byteOffset, size);
}

function error(section: ElfSection, expected: string, actual: string): ParseError {
	return new ParseError({ format: "elf", offset: section.offset, field: section.name, expected, actual });
}
