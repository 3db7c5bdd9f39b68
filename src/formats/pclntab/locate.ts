import { ParseError } from "../../bytes/parse-error.ts";
import { PF_X, SHT_NOBITS } from "../elf/constants.ts";
import type { ElfFile, ElfSegment } from "../elf/model.ts";
import { findSection, loadSegments, scanPieces, tryReadAt } from "../elf/read.ts";
import { HEADER_SIZE, looksLikeHeader, readHeader } from "./header.ts";

/** Names of the section: by Go's linker, in position-independent files, and by external linkers. */
const SECTIONS = [".gopclntab", ".data.rel.ro.gopclntab"];
const ALIGN = 8;
const MAX_SEARCH = 1 << 30;
const MAX_FALSE_HITS = 1024;

/** Where the table of functions and lines of a Go binary is. */
export interface PclntabLocation {
	/** link-time address of the table: runtime.pclntab, moduledata.pcHeader */
	readonly address: number;
	/** bytes from the start of the file */
	readonly offset: number;
	/** bytes; without section headers: to the end of the segment, so an upper bound */
	readonly size: number;
	/** MAGIC_GO118 …; a section of an older Go is located too, and refused when opened */
	readonly magic: number;
}

/**
 * Finds the pclntab by its section, else by its magic and a valid header in the loaded segments (stripped section headers,
 * external linkers that merge sections). Undefined where there is none: not a Go program, or not of Go 1.18 or later.
 */
export function locatePclntab(elf: ElfFile): PclntabLocation | undefined {
	for (const name of SECTIONS) {
		const section = findSection(elf, name);
		if (section === undefined || section.type === SHT_NOBITS) continue;
		const head = tryReadAt(elf.source, section.offset, 4);
		if (head === undefined) continue;
		const magic = new DataView(head.buffer).getUint32(0, true);
		return { address: section.addr, offset: section.offset, size: section.size, magic };
	}
	// Code last: it is large, and holds the table only where the linker did not separate read-only data from it.
	const rank = (s: ElfSegment): number => ((s.flags & PF_X) !== 0 ? 1 : 0);
	let budget = MAX_SEARCH;
	for (const segment of loadSegments(elf).toSorted((a, b) => rank(a) - rank(b))) {
		const found = searchSegment(elf, segment, Math.min(segment.filesz, budget));
		if (found !== undefined) return found;
		budget -= Math.min(segment.filesz, budget);
	}
	return undefined;
}

function searchSegment(elf: ElfFile, segment: ElfSegment, searched: number): PclntabLocation | undefined {
	let found: PclntabLocation | undefined;
	let falseHits = 0;
	scanPieces(elf.source, segment.offset, searched, HEADER_SIZE, (bytes, at) => {
		for (let i = (ALIGN - (at % ALIGN)) % ALIGN; i + 8 <= bytes.length; i += ALIGN) {
			if (bytes[i + 1] !== 0xff || !looksLikeHeader(bytes, i)) continue;
			const offset = at + i;
			const size = segment.offset + segment.filesz - offset;
			if (validates(elf, offset, size)) {
				const magic = 0xffffff00 + bytes[i]!; // looksLikeHeader read it
				found = { address: segment.vaddr + (offset - segment.offset), offset, size, magic };
				return true;
			}
			if (++falseHits > MAX_FALSE_HITS) return true;
		}
		return undefined;
	});
	return found;
}

/** The same bytes occur in the code of programs that look for them (debug/gosym): the header must make sense as well. */
function validates(elf: ElfFile, offset: number, size: number): boolean {
	try {
		const header = readHeader(elf.source, offset, size);
		if (header.functionCount === 0) return false;
		// The first function's record lies behind the functab (cmd/link/internal/ld/pcln.go).
		const first = tryReadAt(elf.source, offset + header.functions.offset, 8);
		if (first === undefined) return false;
		const record = new DataView(first.buffer).getUint32(4, true);
		return record >= header.functionCount * 8 && record < header.functions.size;
	} catch (error) {
		if (error instanceof ParseError) return false;
		throw error;
	}
}
