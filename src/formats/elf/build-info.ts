import { decodeUtf8, word } from "../../bytes/cursor.ts";
import { type BuildInfoText, parseBuildInfoText } from "./build-info-text.ts";
import { PF_W, PF_X, SHT_NOBITS } from "./constants.ts";
import type { ElfFile, ElfSegment } from "./model.ts";
import { findSection, loadSegments, readAtAddress, scanPieces, tryReadAt } from "./read.ts";

/** "\xff Go buildinf:", at a multiple of 16 (debug/buildinfo/buildinfo.go, Go 1.27) */
const MAGIC = Uint8Array.of(0xff, 0x20, 0x47, 0x6f, 0x20, 0x62, 0x75, 0x69, 0x6c, 0x64, 0x69, 0x6e, 0x66, 0x3a);
const ALIGN = 16;
const HEADER_SIZE = 32;
const FLAG_BIG_ENDIAN = 1;
const FLAG_INLINE = 2;
/** Monorepo binaries list some thousand modules: hundreds of KiB. */
const MAX_TEXT = 16 << 20;
const MAX_VERSION = 1024;
const MAX_SEARCH = 512 << 20;
/** The sentinels around the module text (cmd/go/internal/modload: infoStart, infoEnd). */
const FRAME = 16;

/** What the go command recorded about the build; survives strip and `-ldflags="-s -w"`. */
export interface BuildInfo extends BuildInfoText {
	/** "go1.26.8", with experiments as "go1.26.8-X:name" or "go1.25.9 X:name", or "devel go1.28-…" */
	readonly goVersion: string;
}

/**
 * The build info that Go's linker leaves in a binary, or undefined where there is none (not Go, or stripped of it).
 * Found by its section, else by its magic in the data segments, as debug/buildinfo does. Both forms are read: inline strings
 * (Go 1.18 and later) and pointers (before; in a position-independent file those may lack their relocation).
 */
export function readBuildInfo(elf: ElfFile): BuildInfo | undefined {
	const at = locateBuildInfo(elf);
	if (at === undefined) return undefined;
	const header = tryReadAt(elf.source, at, HEADER_SIZE);
	if (header === undefined) return undefined;
	const flags = header[15]!; // 32 bytes were read
	const strings =
		(flags & FLAG_INLINE) !== 0 ? inlineStrings(elf, at + HEADER_SIZE) : pointedStrings(elf, header, flags);
	if (strings === undefined || strings.version === "") return undefined;
	return { goVersion: strings.version, ...parseBuildInfoText(unframe(strings.modules)) };
}

/** File offset of the build info's header. */
function locateBuildInfo(elf: ElfFile): number | undefined {
	const section = findSection(elf, ".go.buildinfo");
	if (section !== undefined && section.type !== SHT_NOBITS) {
		const found = searchMagic(elf, section.offset, section.size);
		if (found !== undefined) return found;
	}
	// The linker puts it near the start of the first writable segment; a linker script may have moved it to a read-only one.
	const rank = (s: ElfSegment): number => ((s.flags & PF_W) !== 0 ? 0 : 1);
	const candidates = loadSegments(elf).filter((s) => (s.flags & PF_X) === 0);
	let budget = MAX_SEARCH;
	for (const segment of candidates.toSorted((a, b) => rank(a) - rank(b))) {
		const found = searchMagic(elf, segment.offset, Math.min(segment.filesz, budget));
		if (found !== undefined) return found;
		budget -= Math.min(segment.filesz, budget);
	}
	return undefined;
}

function searchMagic(elf: ElfFile, offset: number, size: number): number | undefined {
	let found: number | undefined;
	scanPieces(elf.source, offset, size, ALIGN, (bytes, at) => {
		// File offset and address are congruent modulo the page size, so file offsets serve for the alignment.
		for (let i = (ALIGN - (at % ALIGN)) % ALIGN; i + MAGIC.length <= bytes.length; i += ALIGN) {
			if (bytes[i] === 0xff && MAGIC.every((byte, k) => bytes[i + k] === byte)) {
				found = at + i;
				return true;
			}
		}
		return undefined;
	});
	return found;
}

interface RawStrings {
	readonly version: string;
	/** still between its sentinels */
	readonly modules: Uint8Array;
}

function inlineStrings(elf: ElfFile, offset: number): RawStrings | undefined {
	const version = lengthPrefixed(elf, offset, MAX_VERSION);
	if (version === undefined) return undefined;
	const modules = lengthPrefixed(elf, version.end, MAX_TEXT);
	return { version: decodeUtf8(version.bytes), modules: modules?.bytes ?? new Uint8Array() };
}

/** A uvarint length and that many bytes. */
function lengthPrefixed(elf: ElfFile, offset: number, limit: number): { bytes: Uint8Array; end: number } | undefined {
	let length = 0;
	for (let i = 0, scale = 1; i < 5; i++, scale *= 128) {
		const byte = tryReadAt(elf.source, offset + i, 1)?.[0];
		if (byte === undefined) return undefined;
		length += (byte & 0x7f) * scale;
		if (byte >= 0x80) continue;
		const start = offset + i + 1;
		const bytes = length > limit ? undefined : tryReadAt(elf.source, start, length);
		return bytes === undefined ? undefined : { bytes, end: start + length };
	}
	return undefined;
}

/** Before Go 1.18 the header holds the addresses of two Go strings (address, length). */
function pointedStrings(elf: ElfFile, header: Uint8Array, flags: number): RawStrings | undefined {
	if (header[14] !== 8 || (flags & FLAG_BIG_ENDIAN) !== 0) return undefined;
	const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
	const version = goString(elf, word(view, 16), MAX_VERSION);
	if (version === undefined) return undefined;
	return { version: decodeUtf8(version), modules: goString(elf, word(view, 24), MAX_TEXT) ?? new Uint8Array() };
}

/** The bytes of the Go string whose header (address, length) is at a link-time address. */
export function goString(elf: ElfFile, address: number, limit: number): Uint8Array | undefined {
	const header = readAtAddress(elf, address, 16);
	if (header === undefined) return undefined;
	const view = new DataView(header.buffer);
	const length = word(view, 8);
	return length > limit ? undefined : readAtAddress(elf, word(view, 0), length);
}

function unframe(modules: Uint8Array): string {
	const framed = modules.length >= 2 * FRAME + 1 && modules[modules.length - FRAME - 1] === 0x0a;
	return framed ? decodeUtf8(modules.subarray(FRAME, modules.length - FRAME)) : "";
}
