import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";

/**
 * The string table: row 0 is "", and equal strings have equal indexes (also where the file repeats one), so that indexes
 * compare as the strings do. The bytes are kept and a string is made of them when it is first asked for: a profile has
 * tens of thousands, a report shows a hundred.
 */
export interface StringTable {
	readonly count: number;
	/** Throws RangeError past the end: indexes that come from input are checked by whoever reads them. */
	text(index: number): string;
	/** The bytes as the file has them: what is no UTF-8 is kept here, and is U+FFFD in `text`. A view, not to be written to. */
	bytes(index: number): Uint8Array;
	/** The index of this string, or undefined where the table does not hold it. */
	find(text: string): number | undefined;
}

const encoder = new TextEncoder();
const NONE = 0xffff_ffff;
/** Strings that are not made to collide need some dozens at most; those that are may not take quadratic time. */
const MAX_PROBES = 1024;

/** Interns byte strings into one growing buffer; open addressing, no object per string. It is itself a StringTable. */
export class StringInterner implements StringTable {
	#bytes: Uint8Array<ArrayBuffer>;
	#used = 0;
	/** start of string i; one more entry than strings */
	#starts: Uint32Array;
	#hashes: Uint32Array;
	#slots: Uint32Array;
	readonly #texts: (string | undefined)[] = [];
	count = 0;

	constructor(strings = 64, bytes = 2048) {
		this.#bytes = new Uint8Array(Math.max(bytes, 16));
		// the first string, "", comes besides
		this.#hashes = new Uint32Array(strings + 1);
		this.#starts = new Uint32Array(strings + 2);
		this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2((strings + 1) * 2))).fill(NONE);
		this.internBytes(this.#bytes, 0, 0);
	}

	intern(text: string): number {
		const bytes = encoder.encode(text);
		return this.internBytes(bytes, 0, bytes.length);
	}

	/** The index of the string that stands in bytes[from] to bytes[to - 1]. */
	internBytes(bytes: Uint8Array, from: number, to: number): number {
		const hash = hashOf(bytes, from, to);
		const slot = this.#slotOf(hash, bytes, from, to);
		const found = this.#slots[slot] ?? NONE;
		if (found !== NONE) return found;
		const index = this.count++;
		this.#slots[slot] = index;
		this.#append(index, hash, bytes, from, to);
		if (this.count * 2 > this.#slots.length) this.#rehash();
		return index;
	}

	text(index: number): string {
		const known = this.#texts[index];
		if (known !== undefined) return known;
		const text = decodeUtf8(this.bytes(index));
		this.#texts[index] = text;
		return text;
	}

	bytes(index: number): Uint8Array {
		if (!(index >= 0 && index < this.count)) throw new RangeError(`string ${index} of ${this.count}`);
		return this.#bytes.subarray(this.#starts[index], this.#starts[index + 1]);
	}

	find(text: string): number | undefined {
		const bytes = encoder.encode(text);
		const hash = hashOf(bytes, 0, bytes.length);
		const found = this.#slots[this.#slotOf(hash, bytes, 0, bytes.length)] ?? NONE;
		return found === NONE ? undefined : found;
	}

	/** the slot that holds this string, or the empty one where it belongs */
	#slotOf(hash: number, bytes: Uint8Array, from: number, to: number): number {
		const mask = this.#slots.length - 1;
		let slot = hash & mask;
		for (let probes = 0; probes < MAX_PROBES; probes++) {
			const index = this.#slots[slot] ?? NONE;
			if (index === NONE) return slot;
			if (this.#hashes[index] === hash && this.#equals(index, bytes, from, to)) return slot;
			slot = (slot + 1) & mask;
		}
		throw new ParseError({
			format: "pprof",
			field: "string_table",
			expected: "strings that spread",
			actual: "collisions",
		});
	}

	#equals(index: number, bytes: Uint8Array, from: number, to: number): boolean {
		const start = this.#starts[index] ?? 0;
		if ((this.#starts[index + 1] ?? 0) - start !== to - from) return false;
		for (let i = 0; i < to - from; i++) {
			if (this.#bytes[start + i] !== bytes[from + i]) return false;
		}
		return true;
	}

	#append(index: number, hash: number, bytes: Uint8Array, from: number, to: number): void {
		const end = this.#used + (to - from);
		if (end > this.#bytes.length) {
			const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
			larger.set(this.#bytes.subarray(0, this.#used));
			this.#bytes = larger;
		}
		if (index === this.#hashes.length) {
			this.#hashes = widened(this.#hashes, index * 2);
			this.#starts = widened(this.#starts, index * 2 + 1);
		}
		this.#bytes.set(bytes.subarray(from, to), this.#used);
		this.#hashes[index] = hash;
		this.#used = end;
		this.#starts[index + 1] = end;
	}

	#rehash(): void {
		const mask = this.#slots.length * 2 - 1;
		const slots = new Uint32Array(mask + 1).fill(NONE);
		for (let index = 0; index < this.count; index++) {
			let slot = (this.#hashes[index] ?? 0) & mask;
			while (slots[slot] !== NONE) slot = (slot + 1) & mask;
			slots[slot] = index;
		}
		this.#slots = slots;
	}
}

function widened(array: Uint32Array, size: number): Uint32Array {
	const larger = new Uint32Array(size);
	larger.set(array);
	return larger;
}

/** FNV-1a, with a final mix: neighbours in a table differ in their last bytes. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
	let hash = 0x811c9dc5;
	for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
	hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
	return (hash ^ (hash >>> 13)) >>> 0;
}
