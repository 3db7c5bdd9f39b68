import { word } from "../../bytes/cursor.ts";
import { SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB } from "./constants.ts";
import type { ElfFile, ElfSection } from "./model.ts";
import { hasBytes, scanPieces } from "./read.ts";
import { findInStringTable } from "./string-table.ts";

/** Elf64_Sym */
const SYMBOL_SIZE = 24;
/** Time, not memory, is what these bound: the largest Go binaries known have about 10^6 symbols and 100 MB of names. */
const MAX_SYMBOL_BYTES = 4_000_000 * SYMBOL_SIZE;
const MAX_NAME_BYTES = 256 << 20;

export interface ElfSymbol {
	/** link-time address (st_value) */
	readonly address: number;
	/** bytes; 0 where the linker did not say */
	readonly size: number;
	/** st_shndx: index of the section that holds it */
	readonly section: number;
}

/** True if the file has a symbol table of its own (.symtab), which `go build -ldflags=-s` and strip remove. */
export function hasSymbols(elf: ElfFile): boolean {
	const table = symbolTable(elf, SHT_SYMTAB);
	return table !== undefined && table.size > SYMBOL_SIZE;
}

/**
 * The wanted symbols that are defined in the file. Searches the names first and then looks only at the symbols that carry
 * one of them, so its cost is a pass over the bytes, without an object per symbol. Where several symbols have one name, a
 * global one wins over local ones, else the first. Missing or broken tables give an empty map.
 *
 * @param table .symtab by default; "dynsym" asks the dynamic symbols, which survive strip
 */
export function findSymbols(
	elf: ElfFile,
	names: ReadonlySet<string>,
	table: "symtab" | "dynsym" = "symtab",
): Map<string, ElfSymbol> {
	const found = new Map<string, ElfSymbol>();
	const symbols = symbolTable(elf, table === "symtab" ? SHT_SYMTAB : SHT_DYNSYM);
	const strings = elf.sections.find((s) => s.index === symbols?.link);
	if (symbols === undefined || strings === undefined || !hasBytes(strings)) return found;

	const nameSize = Math.min(strings.size, MAX_NAME_BYTES);
	const nameOffsets = findInStringTable(elf.source, strings.offset, nameSize, names);
	if (nameOffsets.size === 0) return found;

	const globals = new Set<string>();
	const size = Math.min(symbols.size, MAX_SYMBOL_BYTES);
	// An entry may straddle two pieces: the overlap brings it whole, and `next` keeps the entries aligned to the table.
	let next = symbols.offset;
	scanPieces(elf.source, symbols.offset, size - (size % SYMBOL_SIZE), SYMBOL_SIZE, (bytes, offset) => {
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		let at = next - offset;
		for (; at + SYMBOL_SIZE <= bytes.length; at += SYMBOL_SIZE) {
			const name = nameOffsets.get(view.getUint32(at, true));
			if (name === undefined) continue;
			const section = view.getUint16(at + 6, true);
			if (section === SHN_UNDEF || globals.has(name)) continue;
			const global = bytes[at + 4]! >> 4 !== 0; // within bytes: checked above; ELF64_ST_BIND, 0 = STB_LOCAL
			if (!global && found.has(name)) continue;
			if (global) globals.add(name);
			found.set(name, { address: word(view, at + 8), size: word(view, at + 16), section });
		}
		next = offset + at;
		return undefined;
	});
	return found;
}

function symbolTable(elf: ElfFile, type: number): ElfSection | undefined {
	return elf.sections.find((s) => s.type === type);
}
