import type { Region } from "./header.ts";
import type { PagedBytes } from "./paged-bytes.ts";

/** The largest real table (an initialiser of some MiB of code) is well below; a hostile one ends here. */
const MAX_TABLE_BYTES = 8 << 20;

/**
 * The pc-value tables (pctab): pairs of varints, the zig-zag difference of the value and the difference of the pc in units
 * of `quantum`; a value difference of 0 that is not the first ends a table. (runtime.pcvalue and runtime.step in
 * runtime/symtab.go, Go 1.27; go.dev/s/go12symtab)
 */
export class PcTables {
	readonly #bytes: PagedBytes;
	readonly #region: Region;
	readonly #quantum: number;
	#at = 0;

	constructor(bytes: PagedBytes, region: Region, quantum: number) {
		this.#bytes = bytes;
		this.#region = region;
		this.#quantum = quantum;
	}

	/**
	 * The value at a pc, or -1 where the table has none. Throws ParseError where the table is torn.
	 *
	 * @param table offset of the table in the region; 0 means "no table"
	 * @param target the pc, in bytes from the function's entry
	 */
	value(table: number, target: number): number {
		if (table === 0) return -1;
		const { offset, size } = this.#region;
		const first = offset + table;
		const limit = Math.min(offset + size, first + MAX_TABLE_BYTES);
		this.#at = first;
		let value = -1;
		let pc = 0;
		while (this.#at < limit) {
			const isFirst = this.#at === first;
			const difference = this.#varint();
			if (difference === 0 && !isFirst) return -1;
			value = (value + ((difference >>> 1) ^ -(difference & 1))) | 0;
			pc += this.#varint() * this.#quantum;
			if (target < pc) return value;
		}
		throw this.#bytes.error(first, "pc-value table", "an end of the table", "none");
	}

	/** An unsigned varint of 32 bits. */
	#varint(): number {
		const bytes = this.#bytes;
		let byte = bytes.u8(this.#at++);
		if (byte < 0x80) return byte; // 70 % of them
		let value = byte & 0x7f;
		for (let shift = 7; shift < 35; shift += 7) {
			byte = bytes.u8(this.#at++);
			value |= (byte & 0x7f) << shift;
			if (byte < 0x80) return value >>> 0;
		}
		throw bytes.error(this.#at, "varint", "at most 5 bytes", "a longer one");
	}
}

/**
 * Remembers the value at a pc: open addressing over two typed arrays, 512 KiB when full, no object per entry. Stacks have
 * some thousand distinct pcs, so nearly all look-ups of an unwind end here (the runtime keeps such a cache, too).
 */
export class PcCache {
	#keys = new Uint32Array(1 << 10);
	#values = new Int32Array(1 << 10);
	#used = 0;
	/** result of the last successful find */
	value = 0;

	/** True if the value at this offset (below 2^32 - 1) is known; it is then in `value`. */
	find(offset: number): boolean {
		const keys = this.#keys;
		const mask = keys.length - 1;
		const key = offset + 1;
		for (let i = slot(key) & mask; ; i = (i + 1) & mask) {
			if (keys[i] === key) {
				this.value = this.#values[i]!; // parallel to keys
				return true;
			}
			if (keys[i] === 0) return false;
		}
	}

	add(offset: number, value: number): void {
		if (this.#used * 2 >= this.#keys.length) this.#grow();
		this.#put(offset + 1, value);
		this.#used++;
	}

	#put(key: number, value: number): void {
		const mask = this.#keys.length - 1;
		let i = slot(key) & mask;
		while (this.#keys[i] !== 0) i = (i + 1) & mask;
		this.#keys[i] = key;
		this.#values[i] = value;
	}

	#grow(): void {
		const keys = this.#keys;
		const values = this.#values;
		// Full: start over rather than grow for ever; what is in use comes back at once.
		const size = keys.length >= MAX_CACHE ? 1 << 10 : keys.length * 4;
		this.#keys = new Uint32Array(size);
		this.#values = new Int32Array(size);
		if (size < keys.length) {
			this.#used = 0;
			return;
		}
		for (let i = 0; i < keys.length; i++) {
			if (keys[i] !== 0) this.#put(keys[i]!, values[i]!); // i is within both
		}
	}
}

const MAX_CACHE = 1 << 16;

function slot(key: number): number {
	return Math.imul(key, 0x9e3779b1) >>> 12;
}
