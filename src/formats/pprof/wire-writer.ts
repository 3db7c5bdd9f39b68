import type { Int64Column, Uint64Column } from "./columns.ts";

/** Writes the protocol buffer encoding; the counterpart of Wire. Figures are given by 64-bit halves. */
export class WireWriter {
	#bytes: Uint8Array<ArrayBuffer>;
	#length = 0;

	constructor(capacity = 1 << 16) {
		this.#bytes = new Uint8Array(capacity);
	}

	get length(): number {
		return this.#length;
	}

	/** A varint of the 64 bits `high` × 2^32 + `low`. */
	varint(low: number, high = 0): void {
		this.#reserve(10);
		const bytes = this.#bytes;
		let at = this.#length;
		let [rest, upper] = [low >>> 0, high >>> 0];
		while (upper !== 0 || rest >= 0x80) {
			bytes[at++] = (rest & 0x7f) | 0x80;
			rest = ((rest >>> 7) | (upper << 25)) >>> 0;
			upper >>>= 7;
		}
		bytes[at++] = rest;
		this.#length = at;
	}

	/** A field that is a number; where it is 0, none. */
	figure(field: number, low: number, high = 0): void {
		if (low === 0 && high === 0) return;
		this.varint(field << 3);
		this.varint(low, high);
	}

	column64(field: number, column: Uint64Column, row: number): void {
		this.figure(field, column.low[row] ?? 0, column.high[row] ?? 0);
	}

	signed(field: number, column: Int64Column, row: number): void {
		this.figure(field, lowHalf(column, row), highHalf(column, row));
	}

	/** The tag and length before a message, a string or packed figures. */
	begin(field: number, length: number): void {
		this.varint((field << 3) | 2);
		this.varint(length);
	}

	/** The figures in these rows of a column, packed where they are more than two, as Go's encoder has them. */
	repeated64(field: number, column: Uint64Column, rows: Uint32Array, from: number, to: number): void {
		const { low, high } = column;
		let size = 0;
		for (let i = from; i < to; i++) {
			const row = rows[i] ?? 0;
			size += varintSize(low[row] ?? 0, high[row]);
		}
		const packed = to - from > 2;
		if (packed) this.begin(field, size);
		// 10 more: `varint` asks for as many, and must not move the buffer
		this.#reserve(size + 10);
		const bytes = this.#bytes;
		for (let i = from; i < to; i++) {
			const row = rows[i] ?? 0;
			let rest = low[row] ?? 0;
			if (!packed || high[row] !== 0) {
				if (!packed) this.varint(field << 3);
				this.varint(rest, high[row]);
				continue;
			}
			let at = this.#length;
			while (rest >= 0x80) {
				bytes[at++] = (rest & 0x7f) | 0x80;
				rest >>>= 7;
			}
			bytes[at++] = rest;
			this.#length = at;
		}
	}

	raw(bytes: Uint8Array): void {
		this.#reserve(bytes.length);
		this.#bytes.set(bytes, this.#length);
		this.#length += bytes.length;
	}

	/** Forgets what was written, keeps the room. */
	clear(): void {
		this.#length = 0;
	}

	/** What was written: a view that is good until the next write. */
	view(): Uint8Array {
		return this.#bytes.subarray(0, this.#length);
	}

	finish(): Uint8Array<ArrayBuffer> {
		return this.#bytes.slice(0, this.#length);
	}

	#reserve(count: number): void {
		if (this.#length + count <= this.#bytes.length) return;
		const larger = new Uint8Array(Math.max(this.#length + count, this.#bytes.length * 2));
		larger.set(this.view());
		this.#bytes = larger;
	}
}

/** how many bytes a varint of these 64 bits takes */
export function varintSize(low: number, high = 0): number {
	if (high !== 0) return Math.ceil((64 - Math.clz32(high)) / 7);
	return low < 0x80 ? 1 : Math.ceil((32 - Math.clz32(low)) / 7);
}

/** the halves of a row as two's complement */
export function lowHalf(column: Int64Column, row: number): number {
	const exact = column.exact?.[row];
	return exact === undefined ? ((column.numbers[row] ?? 0) % 2 ** 32) >>> 0 : Number(exact & 0xffff_ffffn);
}

export function highHalf(column: Int64Column, row: number): number {
	const exact = column.exact?.[row];
	if (exact !== undefined) return Number((exact >> 32n) & 0xffff_ffffn);
	return Math.floor((column.numbers[row] ?? 0) / 2 ** 32) >>> 0;
}
