import type { ByteSource } from "../../bytes/byte-source.ts";
import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";

/** One read costs about as much as copying some KiB, so pages are larger than a look-up needs, yet few fill the cache. */
const PAGE = 64 << 10;
const MAX_PAGES = 128;

/**
 * Bytes of a large table, read in pages as they are asked for; at most MAX_PAGES (8 MiB) are kept, in a ring. The page of
 * the last access is at hand, which makes the runs of neighbouring bytes that decoding consists of cheap.
 * Offsets are relative to the start of the table; all reads throw ParseError beyond its end or where the source has a hole.
 */
export class PagedBytes {
	readonly size: number;
	readonly #source: ByteSource;
	readonly #base: number;
	readonly #format: string;
	readonly #pages = new Map<number, Uint8Array>();
	#page: Uint8Array = new Uint8Array();
	/** offset of #page[0] */
	#start = 0;

	constructor(source: ByteSource, base: number, size: number, format: string) {
		this.#source = source;
		this.#base = base;
		this.size = size;
		this.#format = format;
	}

	u8(at: number): number {
		const page = this.#page;
		const i = at - this.#start;
		return i >= 0 && i < page.length ? page[i]! : this.#load(at); // the index was checked
	}

	u32(at: number): number {
		const page = this.#page;
		const i = at - this.#start;
		if (i >= 0 && i + 4 <= page.length) {
			// The four bytes are within the page: checked above.
			return (page[i]! | (page[i + 1]! << 8) | (page[i + 2]! << 16) | (page[i + 3]! << 24)) >>> 0;
		}
		return (this.u8(at) | (this.u8(at + 1) << 8) | (this.u8(at + 2) << 16) | (this.u8(at + 3) << 24)) >>> 0;
	}

	/** The NUL-terminated string at `at`, at most `limit` bytes long. */
	cstring(at: number, limit: number, field: string): string {
		const parts: Uint8Array[] = [];
		let length = 0;
		while (length <= limit) {
			this.u8(at + length); // makes its page the current one
			const rest = this.#page.subarray(at + length - this.#start);
			const end = rest.indexOf(0);
			const part = end < 0 ? rest : rest.subarray(0, end);
			length += part.length;
			if (end >= 0 && length <= limit) return decodeUtf8(parts.length === 0 ? part : joined([...parts, part], length));
			if (end >= 0) break;
			parts.push(part);
		}
		throw this.error(at, field, `a string of at most ${limit} bytes`, "a longer one");
	}

	error(at: number, field: string, expected: string, actual: string): ParseError {
		return new ParseError({ format: this.#format, offset: this.#base + at, field, expected, actual });
	}

	/** Makes the page of `at` the current one and returns the byte. */
	#load(at: number): number {
		if (!(at >= 0 && at < this.size)) throw this.error(at, "offset", `0..${this.size - 1}`, String(at));
		const start = at - (at % PAGE);
		let page = this.#pages.get(start);
		if (page === undefined) {
			page = this.#read(start);
			this.#pages.set(start, page);
		}
		this.#page = page;
		this.#start = start;
		const byte = page[at - start];
		if (byte === undefined) throw this.error(at, "bytes", "more bytes", "the end of the data");
		return byte;
	}

	#read(start: number): Uint8Array {
		const length = Math.min(PAGE, this.size - start);
		let buffer: Uint8Array | undefined;
		if (this.#pages.size >= MAX_PAGES) {
			const [oldest] = this.#pages.entries();
			if (oldest !== undefined) {
				this.#pages.delete(oldest[0]);
				// Its memory is used again: garbage of this kind is freed late, and a pass over a large table makes much of it.
				if (oldest[1].length === length) buffer = oldest[1];
			}
		}
		buffer ??= new Uint8Array(length);
		return buffer.subarray(0, this.#source.readInto(this.#base + start, buffer));
	}
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
	const all = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return all;
}
