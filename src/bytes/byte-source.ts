import { ParseError } from "./parse-error.ts";

/**
 * Random access to bytes: a file, a buffer, a recording, or another process's memory (offset = virtual address).
 * Offsets are plain numbers below 2^53; user-space addresses of Linux are below 2^47 (2^52 on arm64 with LVA).
 */
export interface ByteSource {
	/**
	 * Copies bytes that start at `offset` into `into`. Returns how many of them were there: `into.length`, or fewer where
	 * the source ends or the ground is not mapped, 0 where nothing is there. Never throws because of what is (not) there.
	 */
	readInto(offset: number, into: Uint8Array): number;
	/** One past the last byte, where that is known (files and buffers). */
	readonly size?: number;
}

/** A ByteSource over bytes at hand; `base` is the offset of the first of them. */
export class BufferSource implements ByteSource {
	readonly #bytes: Uint8Array;
	readonly #base: number;
	readonly size: number;

	constructor(bytes: Uint8Array, base = 0) {
		this.#bytes = bytes;
		this.#base = base;
		this.size = base + bytes.length;
	}

	readInto(offset: number, into: Uint8Array): number {
		const start = offset - this.#base;
		if (start < 0 || start >= this.#bytes.length) return 0;
		const part = this.#bytes.subarray(start, start + into.length);
		into.set(part);
		return part.length;
	}
}

/** Reads exactly `length` bytes, or returns undefined where they are not all there. */
export function tryRead(source: ByteSource, offset: number, length: number): Uint8Array | undefined {
	const bytes = new Uint8Array(length);
	return source.readInto(offset, bytes) === length ? bytes : undefined;
}

/**
 * Reads exactly `length` bytes. Throws ParseError where they are not all there.
 * The caller checks `length` against a limit of its own before: this allocates it.
 */
export function readExactly(
	source: ByteSource,
	offset: number,
	length: number,
	what: { format: string; field: string },
): Uint8Array {
	const bytes = new Uint8Array(length);
	const got = source.readInto(offset, bytes);
	if (got !== length) {
		throw new ParseError({ ...what, offset, expected: `${length} bytes`, actual: `${got} bytes` });
	}
	return bytes;
}
