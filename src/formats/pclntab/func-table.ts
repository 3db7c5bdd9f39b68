import type { ByteSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { scanPieces } from "../elf/read.ts";
import type { PclntabHeader } from "./header.ts";
import type { PagedBytes } from "./paged-bytes.ts";

/**
 * The functions of the table in the order of their code: where each starts, and where its record is. Held whole (8 bytes
 * per function), since every look-up of a pc begins here; the fields of the records are read from the pages.
 */
export class FuncTable {
	readonly count: number;
	/** entry of function i, from the start of the code; one more for the end of the last */
	readonly #entries: Uint32Array;
	/** record of function i, from the start of the table */
	readonly #records: Uint32Array;
	readonly #bytes: PagedBytes;

	/**
	 * Reads the functab: (entry, record) pairs of u32 and the end of the last function (cmd/link/internal/ld/pcln.go, Go 1.27).
	 * Throws ParseError where entries fall or a record of `recordSize` bytes would not lie in the table.
	 */
	constructor(source: ByteSource, base: number, bytes: PagedBytes, header: PclntabHeader, recordSize: number) {
		const count = header.functionCount;
		this.count = count;
		this.#bytes = bytes;
		this.#entries = new Uint32Array(count + 1);
		this.#records = new Uint32Array(count);
		const { offset, size } = header.functions;
		const start = base + offset;
		const field = { format: "pclntab", field: "functab" };
		let done = 0;
		let last = 0;
		scanPieces(source, start, count * 8 + 4, 8, (piece, at) => {
			const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
			let i = start + done * 8 - at;
			for (; done <= count && i + (done < count ? 8 : 4) <= piece.length; i += 8, done++) {
				const entry = view.getUint32(i, true);
				const record = done < count ? view.getUint32(i + 4, true) : 0;
				if (entry < last || record + recordSize > size) {
					const actual = `${entry} after ${last}, record at ${record} of ${size}`;
					throw new ParseError({ ...field, offset: at + i, expected: "rising entries, records in the table", actual });
				}
				last = entry;
				this.#entries[done] = entry;
				if (done < count) this.#records[done] = offset + record;
			}
			return undefined;
		});
		if (done !== count + 1) {
			throw new ParseError({
				...field,
				offset: start,
				expected: `${count} functions and an end`,
				actual: String(done),
			});
		}
	}

	/** Index of the function that holds an offset from the start of the code, or -1. */
	find(offset: number): number {
		const entries = this.#entries;
		let low = 0;
		let high = this.count;
		// Elements 0 and count exist: there are count + 1.
		if (!(offset >= entries[0]! && offset < entries[high]!)) return -1;
		while (high - low > 1) {
			const middle = (low + high) >>> 1;
			if (entries[middle]! <= offset)
				low = middle; // low < middle < high
			else high = middle;
		}
		return low;
	}

	/** Offset of function i from the start of the code; i = count gives the end. A wrong index is a bug of the caller. */
	entry(i: number): number {
		const offset = this.#entries[i];
		if (offset === undefined) throw new RangeError(`function ${i} of ${this.count}`);
		return offset;
	}

	/** A field of the record of function i. */
	u32(i: number, field: number): number {
		return this.#bytes.u32(this.#record(i) + field);
	}

	u8(i: number, field: number): number {
		return this.#bytes.u8(this.#record(i) + field);
	}

	#record(i: number): number {
		const record = this.#records[i];
		if (record === undefined) throw new RangeError(`function ${i} of ${this.count}`);
		return record;
	}
}
