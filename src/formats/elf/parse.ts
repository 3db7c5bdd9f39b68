import type { ByteSource } from "../../bytes/byte-source.ts";
import { Cursor, decodeUtf8, word } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { PN_XNUM, PT_INTERP, SHN_XINDEX, SHT_NOBITS, SHT_NULL } from "./constants.ts";
import { isElf } from "./magic.ts";
import type { ElfFile, ElfSection, ElfSegment } from "./model.ts";
import { readAt, tryReadAt } from "./read.ts";

const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const SHDR_SIZE = 64;

/** A core has one program header per mapping; hosts raise vm.max_map_count to 262144 and above. */
const MAX_SEGMENTS = 1 << 19;
const MAX_SECTIONS = 1 << 17;
const MAX_SECTION_NAMES = 4 << 20;
/** PATH_MAX */
const MAX_INTERPRETER = 4096;

/**
 * Reads the headers of an ELF64 little-endian file (executable, library or core): header, program headers, section headers
 * and their names. Reads no contents. Section headers that are missing or broken are no error (`sectionsProblem` says why),
 * since everything that the kernel needs is in the program headers.
 *
 * Throws ParseError for what is not ELF, for 32-bit and big-endian files, and for broken program headers.
 */
export function parseElf(source: ByteSource): ElfFile {
	const header = new Cursor(readAt(source, 0, EHDR_SIZE, "ELF header"), "elf");
	checkIdent(header.bytes);
	const view = header.view;
	const shoff = word(view, 40);
	const counts = {
		phnum: view.getUint16(56, true),
		shnum: view.getUint16(60, true),
		shstrndx: view.getUint16(62, true),
	};
	if (shoff !== 0) extendCounts(source, shoff, counts);

	const segments = parseSegments(source, word(view, 32), view.getUint16(54, true), counts.phnum);
	let sections: ElfSection[] = [];
	let sectionsProblem: string | undefined;
	if (shoff !== 0 && counts.shnum !== 0) {
		try {
			({ sections, sectionsProblem } = parseSections(source, shoff, view.getUint16(58, true), counts));
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			sectionsProblem = error.message;
		}
	}
	return {
		type: view.getUint16(16, true),
		machine: view.getUint16(18, true),
		entry: word(view, 24),
		segments,
		sections,
		sectionsProblem,
		interpreter: readInterpreter(source, segments),
		source,
	};
}

function checkIdent(bytes: Uint8Array): void {
	if (!isElf(bytes)) {
		const actual = [...bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
		throw new ParseError({ format: "elf", offset: 0, field: "magic", expected: "7f 45 4c 46", actual });
	}
	const fail = (offset: number, field: string, expected: string, actual: string): never => {
		throw new ParseError({ format: "elf", offset, field, expected, actual });
	};
	if (bytes[4] !== 2) {
		fail(4, "EI_CLASS", "a 64-bit ELF file", bytes[4] === 1 ? "a 32-bit one" : `class ${bytes[4]}`);
	}
	if (bytes[5] !== 1) {
		fail(5, "EI_DATA", "a little-endian ELF file", bytes[5] === 2 ? "a big-endian one" : `encoding ${bytes[5]}`);
	}
}

/** Counts that do not fit in 16 bits are in section 0 (gABI, "ELF Header": e_phnum, e_shnum, e_shstrndx). */
function extendCounts(
	source: ByteSource,
	shoff: number,
	counts: { phnum: number; shnum: number; shstrndx: number },
): void {
	if (counts.phnum !== PN_XNUM && counts.shnum !== 0 && counts.shstrndx !== SHN_XINDEX) return;
	const first = tryReadAt(source, shoff, SHDR_SIZE);
	if (first === undefined) return;
	const view = new DataView(first.buffer);
	if (counts.shnum === 0) counts.shnum = word(view, 32);
	if (counts.shstrndx === SHN_XINDEX) counts.shstrndx = view.getUint32(40, true);
	if (counts.phnum === PN_XNUM) counts.phnum = view.getUint32(44, true);
}

function parseSegments(source: ByteSource, phoff: number, phentsize: number, phnum: number): ElfSegment[] {
	if (phnum === 0) return [];
	const view = readTable(source, phoff, phentsize, PHDR_SIZE, phnum, MAX_SEGMENTS, "program headers");
	const segments: ElfSegment[] = [];
	for (let i = 0; i < phnum; i++) {
		const at = i * PHDR_SIZE;
		segments.push({
			type: view.getUint32(at, true),
			flags: view.getUint32(at + 4, true),
			offset: word(view, at + 8),
			vaddr: word(view, at + 16),
			filesz: word(view, at + 32),
			memsz: word(view, at + 40),
			align: word(view, at + 48),
		});
	}
	return segments;
}

function parseSections(
	source: ByteSource,
	shoff: number,
	shentsize: number,
	counts: { shnum: number; shstrndx: number },
): { sections: ElfSection[]; sectionsProblem: string | undefined } {
	const view = readTable(source, shoff, shentsize, SHDR_SIZE, counts.shnum, MAX_SECTIONS, "section headers");
	const names = readSectionNames(source, view, counts);
	const sections: ElfSection[] = [];
	for (let i = 0; i < counts.shnum; i++) {
		const at = i * SHDR_SIZE;
		const type = view.getUint32(at + 4, true);
		if (type === SHT_NULL) continue;
		sections.push({
			index: i,
			name: typeof names === "string" ? "" : nameAt(names, view.getUint32(at, true)),
			type,
			flags: word(view, at + 8),
			addr: word(view, at + 16),
			offset: word(view, at + 24),
			size: word(view, at + 32),
			link: view.getUint32(at + 40, true),
			info: view.getUint32(at + 44, true),
			align: word(view, at + 48),
			entsize: word(view, at + 56),
		});
	}
	return { sections, sectionsProblem: typeof names === "string" ? names : undefined };
}

/** The bytes of the section name table, or why they are not to be had. */
function readSectionNames(
	source: ByteSource,
	view: DataView,
	counts: { shnum: number; shstrndx: number },
): Uint8Array | string {
	if (counts.shstrndx >= counts.shnum) return `section names: index ${counts.shstrndx} of ${counts.shnum} sections`;
	const at = counts.shstrndx * SHDR_SIZE;
	const size = word(view, at + 32);
	if (view.getUint32(at + 4, true) === SHT_NOBITS) return "section names: not in this file";
	if (size > MAX_SECTION_NAMES) return `section names: ${size} bytes, more than ${MAX_SECTION_NAMES}`;
	return tryReadAt(source, word(view, at + 24), size) ?? "section names: past the end of the file";
}

/** Longest section name believed; the longest real ones (.rela.text.<mangled C++ name>) stay below it. */
const MAX_SECTION_NAME = 4096;

function nameAt(names: Uint8Array, offset: number): string {
	if (offset >= names.length) return "";
	const end = names.indexOf(0, offset);
	// Bounded, since hostile headers can point thousands of sections at one long string.
	return decodeUtf8(names.subarray(offset, Math.min(end < 0 ? names.length : end, offset + MAX_SECTION_NAME)));
}

function readTable(
	source: ByteSource,
	offset: number,
	entrySize: number,
	expectedSize: number,
	count: number,
	limit: number,
	field: string,
): DataView {
	if (entrySize !== expectedSize) {
		throw new ParseError({
			format: "elf",
			offset,
			field,
			expected: `entries of ${expectedSize} bytes`,
			actual: `${entrySize} bytes`,
		});
	}
	if (count > limit) {
		throw new ParseError({ format: "elf", offset, field, expected: `at most ${limit} entries`, actual: String(count) });
	}
	return new DataView(readAt(source, offset, count * entrySize, field).buffer);
}

function readInterpreter(source: ByteSource, segments: readonly ElfSegment[]): string | undefined {
	const segment = segments.find((s) => s.type === PT_INTERP);
	if (segment === undefined || segment.filesz === 0 || segment.filesz > MAX_INTERPRETER) return undefined;
	const bytes = tryReadAt(source, segment.offset, segment.filesz);
	if (bytes === undefined) return undefined;
	const end = bytes.indexOf(0);
	return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end));
}
