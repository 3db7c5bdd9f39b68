import { decodeUtf8, word } from "../../bytes/cursor.ts";
import { GO_KIND } from "../../formats/dwarf/constants.ts";
import type { DwarfIndex } from "../../formats/dwarf/index.ts";
import type { ElfFile } from "../../formats/elf/model.ts";
import { readAtAddress } from "../../formats/elf/read.ts";
import { relocatedPointers } from "../../formats/elf/relocations.ts";
import type { TableValue } from "./layout-file.ts";
import type { LayoutRecord } from "./layout-record.ts";
import { renames, type Wanted } from "./wanted.ts";

/** The largest table has some 70 elements. */
const MAX_ELEMENTS = 1024;
const MAX_TEXT = 256;

/**
 * Tables of the runtime's source that are variables of package level (class_to_size, waitReasonStrings …), out of the
 * program's data as the linker laid it out. A table that is not there, or that the program does not use, is left out.
 */
export function tablesFromProgram(
	elf: ElfFile,
	dwarf: DwarfIndex,
	wanted: Wanted,
): Record<string, readonly TableValue[]> {
	const out: Record<string, readonly TableValue[]> = {};
	const names = renames(wanted.tableNames);
	const { variables } = dwarf;
	for (let i = 0; i < variables.count; i++) {
		const name = names.get(variables.name(i));
		const address = variables.address[i] ?? Number.NaN;
		if (name === undefined || Number.isNaN(address)) continue;
		const values = readTable(elf, dwarf, variables.type(i), address);
		if (values !== undefined) out[name] = values;
	}
	return out;
}

function readTable(
	elf: ElfFile,
	dwarf: DwarfIndex,
	type: number,
	address: number,
): LayoutRecord["tables"][string] | undefined {
	const { types } = dwarf;
	const array = types.underlying(type);
	const count = types.kind(array) === "array" ? types.arrayCount(array) : undefined;
	if (count === undefined || !(count > 0 && count <= MAX_ELEMENTS)) return undefined;
	const element = types.underlying(types.target(array));
	const size = types.size(element) ?? 0;
	const isText = types.goKind(element) === GO_KIND.string;
	if (![1, 2, 4, 8].includes(size) && !isText) return undefined;
	const bytes = readAtAddress(elf, address, count * size);
	if (bytes === undefined) return undefined;
	const view = new DataView(bytes.buffer);
	if (!isText) return Array.from({ length: count }, (_, i) => numberAt(view, i * size, size));
	// a position-independent program's pointers may be in its relocations only
	const pointers = relocatedPointers(elf, address, address + count * size);
	const texts = Array.from({ length: count }, (_, i) => {
		const at = i * size;
		return textAt(elf, pointers.get(address + at) ?? word(view, at), word(view, at + 8));
	});
	return texts.includes(undefined) ? undefined : (texts as string[]);
}

function textAt(elf: ElfFile, address: number, length: number): string | undefined {
	if (length === 0) return "";
	if (length > MAX_TEXT) return undefined;
	const bytes = readAtAddress(elf, address, length);
	return bytes === undefined ? undefined : decodeUtf8(bytes);
}

function numberAt(view: DataView, at: number, size: number): number {
	if (size === 1) return view.getUint8(at);
	if (size === 2) return view.getUint16(at, true);
	return size === 4 ? view.getUint32(at, true) : word(view, at);
}
