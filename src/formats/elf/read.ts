import { type ByteSource, readExactly, tryRead } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { PT_LOAD, SHF_COMPRESSED, SHT_NOBITS } from "./constants.ts";
import type { ElfFile, ElfSection, ElfSegment } from "./model.ts";

/**
 * True where a read makes sense at all: what a header claims is checked against the source before anything is allocated,
 * and offsets that a file system call would refuse (2^53 and above) never reach the source.
 */
function plausible(source: ByteSource, offset: number, length: number): boolean {
	const end = offset + length;
	return offset >= 0 && length >= 0 && Number.isSafeInteger(end) && (source.size === undefined || end <= source.size);
}

/** `length` bytes at a file offset that a header names, or undefined where they are not all there. */
export function tryReadAt(source: ByteSource, offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
	if (!plausible(source, offset, length)) return undefined;
	return tryRead(source, offset, length) as Uint8Array<ArrayBuffer> | undefined;
}

/** `length` bytes at a file offset that a header names. Throws ParseError where they are not all there. */
export function readAt(source: ByteSource, offset: number, length: number, field: string): Uint8Array<ArrayBuffer> {
	if (!plausible(source, offset, length)) {
		const actual = source.size === undefined ? "an impossible place" : `the end at ${source.size}`;
		throw new ParseError({ format: "elf", offset, field, expected: `${length} bytes`, actual });
	}
	return readExactly(source, offset, length, { format: "elf", field }) as Uint8Array<ArrayBuffer>;
}

/** The section of that name, if there is one. */
export function findSection(elf: ElfFile, name: string): ElfSection | undefined {
	return elf.sections.find((s) => s.name === name);
}

/** True where the bytes in the file are a compression header (Elf64_Chdr) and a compressed stream. */
export function isCompressed(section: ElfSection): boolean {
	return (section.flags & SHF_COMPRESSED) !== 0;
}

/** True where the section has bytes in this file (not .bss, not the stub that `objcopy --only-keep-debug` leaves). */
export function hasBytes(section: ElfSection): boolean {
	return section.type !== SHT_NOBITS && section.size > 0;
}

/**
 * The bytes of a section as they are in the file. Throws ParseError where it is larger than `limit` bytes, has none
 * (SHT_NOBITS), or is cut off. Compressed sections come as they are: ask isCompressed first.
 */
export function sectionBytes(elf: ElfFile, section: ElfSection, limit: number): Uint8Array<ArrayBuffer> {
	const field = section.name === "" ? `section ${section.index}` : section.name;
	const fail = (expected: string, actual: string): never => {
		throw new ParseError({ format: "elf", offset: section.offset, field, expected, actual });
	};
	if (section.type === SHT_NOBITS) fail("bytes in the file", "SHT_NOBITS");
	if (section.size > limit) fail(`at most ${limit} bytes`, String(section.size));
	return readAt(elf.source, section.offset, section.size, field);
}

/** The PT_LOAD segments, by link-time address. */
export function loadSegments(elf: ElfFile): readonly ElfSegment[] {
	return elf.segments.filter((s) => s.type === PT_LOAD).sort((a, b) => a.vaddr - b.vaddr);
}

/**
 * The image that the file describes, before anything ran: offset = link-time address, read through the PT_LOAD segments;
 * the part of a segment beyond its file bytes reads as zeros. Pointers in a position-independent file may still lack their
 * relocation: those belong read from the memory of the process.
 */
export class ElfImage implements ByteSource {
	readonly #source: ByteSource;
	readonly #segments: readonly ElfSegment[];

	constructor(elf: ElfFile) {
		this.#source = elf.source;
		this.#segments = loadSegments(elf);
	}

	readInto(offset: number, into: Uint8Array): number {
		let done = 0;
		while (done < into.length) {
			const address = offset + done;
			const segment = this.#segmentAt(address);
			if (segment === undefined) return done;
			const within = address - segment.vaddr;
			// A file size above the memory size is broken (gABI); the kernel refuses it, we believe the smaller one.
			const inFile = Math.min(segment.filesz, segment.memsz) - within;
			if (inFile > 0) {
				const part = into.subarray(done, done + Math.min(inFile, into.length - done));
				if (!plausible(this.#source, segment.offset + within, 0)) return done;
				const got = this.#source.readInto(segment.offset + within, part);
				done += got;
				if (got < part.length) return done;
			} else {
				const zeros = Math.min(segment.memsz - within, into.length - done);
				into.fill(0, done, done + zeros);
				done += zeros;
			}
		}
		return done;
	}

	/** Binary search: a core has a segment per mapping. Segments do not overlap; if they do, the later start counts. */
	#segmentAt(address: number): ElfSegment | undefined {
		const segments = this.#segments;
		let low = 0;
		let high = segments.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (segments[middle]!.vaddr <= address)
				low = middle + 1; // low <= middle < high
			else high = middle;
		}
		const segment = segments[low - 1];
		return segment !== undefined && address < segment.vaddr + segment.memsz ? segment : undefined;
	}
}

const images = new WeakMap<ElfFile, ElfImage>();

/** `length` bytes at a link-time address (see ElfImage), or undefined where they are not all there. */
export function readAtAddress(elf: ElfFile, vaddr: number, length: number): Uint8Array<ArrayBuffer> | undefined {
	let image = images.get(elf);
	if (image === undefined) {
		image = new ElfImage(elf);
		images.set(elf, image);
	}
	return tryRead(image, vaddr, length) as Uint8Array<ArrayBuffer> | undefined;
}

/** The file offset of a link-time address, or undefined where no file bytes stand behind it. */
export function fileOffsetOf(elf: ElfFile, vaddr: number): number | undefined {
	for (const s of elf.segments) {
		if (s.type === PT_LOAD && vaddr >= s.vaddr && vaddr < s.vaddr + s.filesz) return s.offset + (vaddr - s.vaddr);
	}
	return undefined;
}

/**
 * Walks `size` bytes from `offset` in pieces, so that a search needs one buffer whatever the size of the file.
 * Each piece starts with the last `overlap` bytes of the one before (none for the first), so that what straddles a border
 * is seen whole. Ends early where the source ends or `visit` returns true.
 *
 * `visit(bytes, offset, fresh)`: the bytes (reused: copy what you keep), the source offset of bytes[0], and the index of
 * the first byte not seen before.
 */
export function scanPieces(
	source: ByteSource,
	offset: number,
	size: number,
	overlap: number,
	visit: (bytes: Uint8Array, offset: number, fresh: number) => boolean | undefined,
): void {
	if (!Number.isSafeInteger(offset + size)) return;
	const available = source.size === undefined ? size : Math.min(size, source.size - offset);
	if (!(available > 0)) return;
	const buffer = new Uint8Array(overlap + Math.min(PIECE, available));
	let kept = 0;
	for (let done = 0; done < available; ) {
		const want = Math.min(buffer.length - kept, available - done, PIECE);
		const got = source.readInto(offset + done, buffer.subarray(kept, kept + want));
		if (got === 0) return;
		const bytes = buffer.subarray(0, kept + got);
		if (visit(bytes, offset + done - kept, kept) === true || got < want) return;
		done += got;
		const keep = Math.min(overlap, bytes.length);
		buffer.copyWithin(0, bytes.length - keep, bytes.length);
		kept = keep;
	}
}

const PIECE = 1 << 20;
