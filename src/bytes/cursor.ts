import { ParseError } from "./parse-error.ts";

/**
 * The one bounds-checked reader of little-endian binary data. `base` is the absolute offset of the first byte, so that
 * errors name the place in the file or the address space, not in the buffer. Every read past the end throws ParseError.
 */
export class Cursor {
	readonly bytes: Uint8Array;
	readonly view: DataView;
	readonly base: number;
	readonly format: string;
	/** position in `bytes` of the next read */
	at = 0;

	constructor(bytes: Uint8Array, format: string, base = 0) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.format = format;
		this.base = base;
	}

	get remaining(): number {
		return this.bytes.length - this.at;
	}

	/** Moves to a position in the buffer; `field` names what sent us there. */
	seek(position: number, field: string): void {
		if (!(position >= 0 && position <= this.bytes.length)) {
			throw this.error(field, `position in 0..${this.bytes.length}`, String(position));
		}
		this.at = position;
	}

	skip(count: number, field: string): void {
		this.seek(this.at + count, field);
	}

	/** The bytes themselves (a view, not a copy). */
	take(count: number, field: string): Uint8Array {
		const start = this.#advance(count, field);
		return this.bytes.subarray(start, start + count);
	}

	u8(field: string): number {
		return this.view.getUint8(this.#advance(1, field));
	}

	u16(field: string): number {
		return this.view.getUint16(this.#advance(2, field), true);
	}

	u32(field: string): number {
		return this.view.getUint32(this.#advance(4, field), true);
	}

	i32(field: string): number {
		return this.view.getInt32(this.#advance(4, field), true);
	}

	/** A 64-bit unsigned value that must be below 2^53 (an address, an offset, a size). */
	u64(field: string): number {
		const start = this.#advance(8, field);
		const value = this.view.getUint32(start, true) + this.view.getUint32(start + 4, true) * 2 ** 32;
		if (value > Number.MAX_SAFE_INTEGER) {
			this.at = start;
			throw this.error(field, "a value below 2^53", `0x${this.view.getBigUint64(start, true).toString(16)}`);
		}
		return value;
	}

	/** Unsigned LEB128 (protobuf and Go varints) that must be below 2^53. */
	uvarint(field: string): number {
		const start = this.at;
		let value = 0;
		let scale = 1;
		for (let i = 0; i < 10; i++) {
			const byte = this.u8(field);
			value += (byte & 0x7f) * scale;
			if (value > Number.MAX_SAFE_INTEGER) break;
			if (byte < 0x80) return value;
			scale *= 128;
		}
		this.at = start;
		throw this.error(field, "a varint below 2^53", "a longer one");
	}

	/** A NUL-terminated string (UTF-8). Throws where the NUL is missing. */
	cstring(field: string): string {
		const end = this.bytes.indexOf(0, this.at);
		if (end < 0) throw this.error(field, "a NUL-terminated string", "the end of the data");
		const text = decodeUtf8(this.bytes.subarray(this.at, end));
		this.at = end + 1;
		return text;
	}

	error(field: string, expected: string, actual: string): ParseError {
		return new ParseError({ format: this.format, offset: this.base + this.at, field, expected, actual });
	}

	#advance(count: number, field: string): number {
		const start = this.at;
		if (!(count >= 0) || count > this.bytes.length - start) {
			throw this.error(field, `${count} bytes`, `${this.bytes.length - start} left`);
		}
		this.at = start + count;
		return start;
	}
}

const utf8 = new TextDecoder("utf-8");

export function decodeUtf8(bytes: Uint8Array): string {
	return utf8.decode(bytes);
}

/** Reads a little-endian 64-bit word as a number; exact below 2^53, which every user-space address is. */
export function word(view: DataView, offset: number): number {
	return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** Reads a little-endian signed 64-bit word as a number; exact within ±2^53. */
export function signedWord(view: DataView, offset: number): number {
	return view.getUint32(offset, true) + view.getInt32(offset + 4, true) * 2 ** 32;
}
