import type { ByteSource } from "../../bytes/byte-source.ts";
import { decodeUtf8 } from "../../bytes/cursor.ts";

/** Threads have some two to four notes each; a core of 100,000 threads is not known. */
const MAX_NOTES = 1 << 20;
/** Bytes read at once. Vector registers, the largest part of a thread's notes, are stepped over. */
const WINDOW = 1 << 16;
const HEADER = 12;
/** Longest owner that is read; "CORE" and "LINUX" are. */
const MAX_NAME = 64;

/** One note; `content` is a copy of its bytes, or undefined where it is longer than asked for, or cut off. */
export interface CoreNote {
	readonly name: string;
	readonly type: number;
	readonly size: number;
	content(limit: number): Uint8Array | undefined;
}

/**
 * Walks the notes in [offset, offset + size) of a core without reading what nobody asks for. Notes of cores are padded to
 * 4 bytes whatever p_align says (fs/binfmt_elf.c: writenote; bfd/elf.c: elfcore_write_note). Returns what is wrong with
 * them, undefined where nothing is.
 */
export function eachCoreNote(
	source: ByteSource,
	offset: number,
	size: number,
	visit: (note: CoreNote) => void,
): string | undefined {
	const window = new Window(source);
	const end = offset + size;
	if (!Number.isSafeInteger(end)) return "the notes stand at an impossible place";
	let at = offset;
	for (let count = 0; at + HEADER <= end; count++) {
		if (count === MAX_NOTES) return `more than ${MAX_NOTES} notes`;
		const header = window.view(at, HEADER);
		if (header === undefined) return "the notes are cut off";
		const nameSize = header.getUint32(0, true);
		const contentSize = header.getUint32(4, true);
		const type = header.getUint32(8, true);
		const content = at + HEADER + padded(nameSize);
		const next = content + padded(contentSize);
		if (content + contentSize > end) return "a note is longer than the space for notes";
		const name = nameSize > MAX_NAME ? undefined : window.bytes(at + HEADER, nameSize);
		if (nameSize <= MAX_NAME && name === undefined) return "the notes are cut off";
		visit({
			name: name === undefined ? "" : decodeUtf8(name).replace(/\0+$/, ""),
			type,
			size: contentSize,
			content: (limit) => (contentSize > limit ? undefined : window.bytes(content, contentSize)?.slice()),
		});
		at = next;
	}
	return undefined;
}

function padded(bytes: number): number {
	return Math.ceil(bytes / 4) * 4;
}

/** Bytes of the file through one buffer that moves on. */
class Window {
	readonly #source: ByteSource;
	#bytes = new Uint8Array(0);
	#start = 0;

	constructor(source: ByteSource) {
		this.#source = source;
	}

	/** A view that holds until the next call; undefined where the bytes are not all there. */
	bytes(offset: number, length: number): Uint8Array | undefined {
		if (offset < this.#start || offset + length > this.#start + this.#bytes.length) this.#fill(offset, length);
		const from = offset - this.#start;
		return from + length <= this.#bytes.length ? this.#bytes.subarray(from, from + length) : undefined;
	}

	view(offset: number, length: number): DataView | undefined {
		const bytes = this.bytes(offset, length);
		return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	#fill(offset: number, length: number): void {
		const { size } = this.#source;
		this.#start = offset;
		// what a note claims is allocated only where the file has it
		const there = size === undefined ? length : Math.max(0, size - offset);
		if (there < length) {
			this.#bytes = new Uint8Array(0);
			return;
		}
		const buffer = new Uint8Array(Math.max(length, Math.min(WINDOW, there)));
		this.#bytes = buffer.subarray(0, this.#source.readInto(offset, buffer));
	}
}
