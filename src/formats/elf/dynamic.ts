import { decodeUtf8, word } from "../../bytes/cursor.ts";
import {
	DF_1_PIE,
	DT_FLAGS_1,
	DT_NEEDED,
	DT_NULL,
	DT_RELA,
	DT_RELASZ,
	DT_SONAME,
	DT_STRSZ,
	DT_STRTAB,
	ET_DYN,
	PT_DYNAMIC,
} from "./constants.ts";
import type { ElfFile } from "./model.ts";
import { readAtAddress, tryReadAt } from "./read.ts";

/** Elf64_Dyn: d_tag, d_un */
const DYN_SIZE = 16;
const MAX_DYNAMIC_BYTES = 64 << 10;
const MAX_LIBRARY_NAME = 4096;
const MAX_LIBRARIES = 1024;

/** What the dynamic section says (PT_DYNAMIC; works without section headers). */
export interface Dynamic {
	/** DT_NEEDED: the libraries that are loaded with it, in the file's order */
	readonly needed: readonly string[];
	/** DT_SONAME: set for libraries */
	readonly soname: string | undefined;
	/** DT_FLAGS_1, 0 where absent */
	readonly flags1: number;
	/** DT_RELA, DT_RELASZ: link-time address and bytes of the relocations with addend */
	readonly rela: { readonly address: number; readonly size: number } | undefined;
}

/** The dynamic section, or undefined where there is none (a static executable) or it cannot be read. */
export function readDynamic(elf: ElfFile): Dynamic | undefined {
	const segment = elf.segments.find((s) => s.type === PT_DYNAMIC);
	if (segment === undefined || segment.filesz > MAX_DYNAMIC_BYTES) return undefined;
	const bytes = tryReadAt(elf.source, segment.offset, segment.filesz);
	if (bytes === undefined) return undefined;
	const view = new DataView(bytes.buffer);

	const values = new Map<number, number>();
	const neededOffsets: number[] = [];
	for (let at = 0; at + DYN_SIZE <= bytes.length; at += DYN_SIZE) {
		const tag = word(view, at);
		if (tag === DT_NULL) break;
		const value = word(view, at + 8);
		if (tag === DT_NEEDED && neededOffsets.length < MAX_LIBRARIES) neededOffsets.push(value);
		else values.set(tag, value);
	}

	const strings = values.get(DT_STRTAB);
	const stringsSize = values.get(DT_STRSZ) ?? 0;
	const text = (offset: number | undefined): string | undefined => {
		if (strings === undefined || offset === undefined || offset >= stringsSize) return undefined;
		const part = readAtAddress(elf, strings + offset, Math.min(MAX_LIBRARY_NAME, stringsSize - offset));
		const end = part?.indexOf(0) ?? -1;
		return part === undefined || end < 0 ? undefined : decodeUtf8(part.subarray(0, end));
	};
	const rela = values.get(DT_RELA);
	return {
		needed: neededOffsets.map(text).filter((name) => name !== undefined),
		soname: text(values.get(DT_SONAME)),
		flags1: values.get(DT_FLAGS_1) ?? 0,
		rela: rela === undefined ? undefined : { address: rela, size: values.get(DT_RELASZ) ?? 0 },
	};
}

/** The libraries that the file needs (DT_NEEDED); empty for a static executable. */
export function neededLibraries(elf: ElfFile): readonly string[] {
	return readDynamic(elf)?.needed ?? [];
}

/**
 * True for a position-independent executable, static ones included. ET_DYN alone is also a library. GNU ld and lld mark an
 * executable by DF_1_PIE; Go's own linker does not, but names an interpreter and no DT_SONAME, while a library that names
 * an interpreter (libc.so.6) has a DT_SONAME.
 */
export function isPie(elf: ElfFile): boolean {
	if (elf.type !== ET_DYN) return false;
	const dynamic = readDynamic(elf);
	if (dynamic !== undefined && (dynamic.flags1 & DF_1_PIE) !== 0) return true;
	return elf.interpreter !== undefined && dynamic?.soname === undefined;
}
