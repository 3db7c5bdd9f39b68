import { decodeUtf8 } from "../../bytes/cursor.ts";
import { PT_NOTE, SHT_NOTE } from "./constants.ts";
import type { ElfFile } from "./model.ts";
import { tryReadAt } from "./read.ts";

/** Notes of executables are some hundred bytes; a core's are not build ids and are left to the reader of cores. */
const MAX_NOTE_BYTES = 64 << 10;
const MAX_NOTE_RANGES = 64;

export interface BuildIds {
	/** NT_GNU_BUILD_ID in hex, as `readelf -n` prints it */
	readonly gnu: string | undefined;
	/** Go's build id, as `go tool buildid` prints it: actionID/…/contentID */
	readonly go: string | undefined;
}

/** (name, type) of the notes that carry a build id: gABI + glibc's elf.h; cmd/link/internal/ld/elf.go (ELF_NOTE_GOBUILDID_TAG). */
const NT_GNU_BUILD_ID = 3;
const ELF_NOTE_GOBUILDID_TAG = 4;

/** The build ids of the file, from its note segments and sections. Missing or broken notes give undefined. */
export function readBuildIds(elf: ElfFile): BuildIds {
	let gnu: string | undefined;
	let go: string | undefined;
	for (const range of noteRanges(elf)) {
		const bytes = tryReadAt(elf.source, range.offset, range.size);
		if (bytes === undefined) continue;
		eachNote(bytes, range.align, (name, type, content) => {
			if (name === "GNU" && type === NT_GNU_BUILD_ID) gnu ??= hex(content);
			if (name === "Go" && type === ELF_NOTE_GOBUILDID_TAG) go ??= decodeUtf8(content);
		});
	}
	return { gnu, go };
}

function noteRanges(elf: ElfFile): { offset: number; size: number; align: number }[] {
	// Go's own linker covers only .note.go.buildid by PT_NOTE, not .note.gnu.build-id: so sections count as well.
	return [
		...elf.segments
			.filter((s) => s.type === PT_NOTE)
			.map((s) => ({ offset: s.offset, size: s.filesz, align: s.align })),
		...elf.sections.filter((s) => s.type === SHT_NOTE).map((s) => ({ offset: s.offset, size: s.size, align: s.align })),
	]
		.filter((r) => r.size <= MAX_NOTE_BYTES)
		.slice(0, MAX_NOTE_RANGES);
}

function eachNote(
	bytes: Uint8Array,
	align: number,
	visit: (name: string, type: number, content: Uint8Array) => void,
): void {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	// Notes are padded to 4 bytes, in segments aligned to 8 (.note.gnu.property) to 8.
	const pad = (n: number): number => (align === 8 ? Math.ceil(n / 8) * 8 : Math.ceil(n / 4) * 4);
	for (let at = 0; at + 12 <= bytes.length; ) {
		const nameSize = view.getUint32(at, true);
		const contentSize = view.getUint32(at + 4, true);
		const nameStart = at + 12;
		const contentStart = at + pad(12 + nameSize);
		const end = contentStart + contentSize;
		if (nameStart + nameSize > bytes.length || end > bytes.length) return;
		const name = decodeUtf8(bytes.subarray(nameStart, nameStart + nameSize)).replace(/\0+$/, "");
		visit(name, view.getUint32(at + 8, true), bytes.subarray(contentStart, end));
		at = contentStart + pad(contentSize);
	}
}

function hex(bytes: Uint8Array): string {
	let text = "";
	for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
	return text;
}
