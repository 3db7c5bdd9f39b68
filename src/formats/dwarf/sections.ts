import { ParseError } from "../../bytes/parse-error.ts";
import { type Inflate, readStored, type StoredSection, storedSection } from "../elf/compressed.ts";
import type { ElfFile } from "../elf/model.ts";

/** The sections that types and variables rest on; the others are about lines, frames and ranges. */
export interface DwarfSections {
	readonly info: Uint8Array;
	readonly abbrev: Uint8Array;
	readonly str: Uint8Array;
	readonly lineStr: Uint8Array;
	readonly strOffsets: Uint8Array;
	readonly addr: Uint8Array;
}

const NAMES: readonly (readonly [keyof DwarfSections, string])[] = [
	["info", ".debug_info"],
	["abbrev", ".debug_abbrev"],
	["str", ".debug_str"],
	["lineStr", ".debug_line_str"],
	["strOffsets", ".debug_str_offsets"],
	["addr", ".debug_addr"],
];

/** All sections together, inflated. The largest Go binaries known (kubelet, cockroach) have 60 to 150 MB. */
export const MAX_DWARF_BYTES = 512 << 20;

const NOTHING = new Uint8Array(0);

/** True where the file has DWARF at all, which `-ldflags=-w` (since Go 1.22 also `-s`) and strip remove. */
export function hasDwarf(elf: ElfFile): boolean {
	return elf.sections.some((s) => (s.name === ".debug_info" || s.name === ".zdebug_info") && s.size > 0);
}

/** Bytes of memory that reading the DWARF takes: the sections inflated. Throws ParseError as readSections does. */
export function dwarfBytes(elf: ElfFile): number {
	return stored(elf).reduce((sum, [, section]) => sum + section.size, 0);
}

/**
 * Reads the sections; undefined where the file has no DWARF. Throws ParseError where they are damaged, or larger than
 * `limit` bytes in all.
 */
export function readDwarfSections(elf: ElfFile, inflate: Inflate, limit = MAX_DWARF_BYTES): DwarfSections | undefined {
	if (!hasDwarf(elf)) return undefined;
	const found = stored(elf);
	const total = found.reduce((sum, [, section]) => sum + section.size, 0);
	if (!(total <= limit)) {
		throw new ParseError({
			format: "dwarf",
			field: "sections",
			expected: `at most ${limit} bytes`,
			actual: `${total}`,
		});
	}
	const bytes = new Map(found.map(([key, section]) => [key, readStored(elf, section, inflate, limit)]));
	const get = (key: keyof DwarfSections) => bytes.get(key) ?? NOTHING;
	return {
		info: get("info"),
		abbrev: get("abbrev"),
		str: get("str"),
		lineStr: get("lineStr"),
		strOffsets: get("strOffsets"),
		addr: get("addr"),
	};
}

function stored(elf: ElfFile): (readonly [keyof DwarfSections, StoredSection])[] {
	return NAMES.flatMap(([key, name]) => {
		const section = storedSection(elf, name);
		return section === undefined ? [] : [[key, section] as const];
	});
}
