import { word } from "../../bytes/cursor.ts";
import { RELATIVE_RELOCATION } from "./constants.ts";
import { readDynamic } from "./dynamic.ts";
import type { ElfFile } from "./model.ts";
import { ElfImage, scanPieces } from "./read.ts";

/** Elf64_Rela: r_offset, r_info, r_addend */
const RELA_SIZE = 24;
const MAX_RELA_BYTES = 512 << 20;

/**
 * The pointers in a range of a position-independent file that only its relocations know ("base + addend", gABI): where it
 * stands → the address that it will be, both link-time. Linkers differ in whether the data holds the addend, too. Empty
 * for a file without relocations.
 */
export function relocatedPointers(elf: ElfFile, start: number, end: number): Map<number, number> {
	const found = new Map<number, number>();
	const relative = RELATIVE_RELOCATION.get(elf.machine);
	const rela = readDynamic(elf)?.rela;
	if (rela === undefined || relative === undefined) return found;
	let next = rela.address;
	scanPieces(new ElfImage(elf), rela.address, Math.min(rela.size, MAX_RELA_BYTES), RELA_SIZE, (bytes, at) => {
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		let i = next - at;
		for (; i + RELA_SIZE <= bytes.length; i += RELA_SIZE) {
			const place = word(view, i);
			if (place < start || place >= end || view.getUint32(i + 8, true) !== relative) continue;
			found.set(place, word(view, i + 16));
		}
		next = at + i;
		return undefined;
	});
	return found;
}
