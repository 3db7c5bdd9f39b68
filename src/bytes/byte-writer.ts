/** A growing buffer of bytes and unsigned LEB128 numbers; the counterpart of Cursor.uvarint. */
export class ByteWriter {
	#bytes: Uint8Array<ArrayBuffer>;
	#length = 0;

	constructor(capacity = 1024) {
		this.#bytes = new Uint8Array(capacity);
	}

	get length(): number {
		return this.#length;
	}

	/** `value` is a whole number in 0..2^53-1. */
	uvarint(value: number): void {
		this.#reserve(10);
		let rest = value;
		while (rest >= 0x80) {
			this.#bytes[this.#length++] = (rest % 0x80) + 0x80;
			rest = Math.floor(rest / 0x80);
		}
		this.#bytes[this.#length++] = rest;
	}

	/** Little-endian. */
	u32(value: number): void {
		this.#reserve(4);
		for (let i = 0; i < 4; i++) this.#bytes[this.#length++] = value >>> (8 * i);
	}

	raw(bytes: Uint8Array): void {
		this.#reserve(bytes.length);
		this.#bytes.set(bytes, this.#length);
		this.#length += bytes.length;
	}

	/** The bytes written so far: a view, which is that until more is written. */
	written(): Uint8Array<ArrayBuffer> {
		return this.#bytes.subarray(0, this.#length);
	}

	/** Forgets so many of the bytes that were written first; the rest moves to their place. */
	dropFirst(count: number): void {
		this.#bytes.copyWithin(0, count, this.#length);
		this.#length -= count;
	}

	/** The bytes written so far (a copy). */
	finish(): Uint8Array<ArrayBuffer> {
		return this.#bytes.slice(0, this.#length);
	}

	#reserve(count: number): void {
		const needed = this.#length + count;
		if (needed <= this.#bytes.length) return;
		const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
		larger.set(this.#bytes);
		this.#bytes = larger;
	}
}
