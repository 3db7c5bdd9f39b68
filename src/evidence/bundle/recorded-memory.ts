import type { ByteSource } from "../../bytes/byte-source.ts";
import { ByteWriter } from "../../bytes/byte-writer.ts";
import { Cursor } from "../../bytes/cursor.ts";

/**
 * Memory as it was recorded: ranges in ascending order that neither overlap nor touch, and their bytes one after another.
 * Reads outside of the ranges are short.
 *
 * Serial form: "GMRM", version 1 (one byte), then varints: the number of ranges, and for each the gap from the end of the
 * range before (for the first: its address) and its length; then the bytes of all ranges.
 */
export class RecordedMemory implements ByteSource {
	/** address of each range */
	readonly starts: Float64Array;
	/** one past the last address of each range */
	readonly ends: Float64Array;
	readonly bytes: Uint8Array;
	/** position of each range's first byte in `bytes` */
	readonly #positions: Float64Array;

	/** Throws RangeError where the ranges are not as described above, or their lengths are not those of the bytes. */
	constructor(starts: Float64Array, ends: Float64Array, bytes: Uint8Array) {
		const positions = new Float64Array(starts.length);
		let position = 0;
		let before = -1;
		for (let i = 0; i < starts.length; i++) {
			const start = starts[i]!; // i < length
			const end = ends[i] ?? Number.NaN;
			if (!(start > before && end > start)) throw new RangeError(`range ${i} is not in order`);
			positions[i] = position;
			position += end - start;
			before = end;
		}
		if (ends.length !== starts.length || position !== bytes.length)
			throw new RangeError("ranges and bytes do not match");
		this.starts = starts;
		this.ends = ends;
		this.bytes = bytes;
		this.#positions = positions;
	}

	readInto(offset: number, into: Uint8Array): number {
		const i = this.firstEndingAfter(offset);
		const start = this.starts[i];
		const end = this.ends[i];
		const position = this.#positions[i];
		// past the last range all three are undefined
		if (start === undefined || end === undefined || position === undefined || offset < start) return 0;
		const count = Math.min(into.length, end - offset);
		const at = position + offset - start;
		into.set(this.bytes.subarray(at, at + count));
		return count;
	}

	serialise(): Uint8Array {
		const head = recordedMemoryHead(this.starts, this.ends);
		const out = new Uint8Array(head.length + this.bytes.length);
		out.set(head);
		out.set(this.bytes, head.length);
		return out;
	}

	/** Reads the serial form; the bytes are not copied. Throws ParseError where it is not one. */
	static parse(data: Uint8Array): RecordedMemory {
		const cursor = new Cursor(data, "recorded memory");
		for (const byte of MAGIC) {
			if (cursor.u8("magic") !== byte) throw cursor.error("magic", "GMRM and version 1", "something else");
		}
		const count = cursor.uvarint("range count");
		// each range takes two bytes in the list and at least one of contents
		if (count * 3 > cursor.remaining)
			throw cursor.error("range count", `ranges in ${cursor.remaining} bytes`, String(count));
		const starts = new Float64Array(count);
		const ends = new Float64Array(count);
		let end = 0;
		let total = 0;
		for (let i = 0; i < count; i++) {
			const gap = cursor.uvarint("gap");
			const length = cursor.uvarint("length");
			const start = end + gap;
			end = start + length;
			total += length;
			if (i > 0 && gap === 0) throw cursor.error("gap", "a gap between ranges", "0");
			if (length === 0) throw cursor.error("length", "a range that is not empty", "0");
			if (end > Number.MAX_SAFE_INTEGER || total > data.length)
				throw cursor.error("length", "a range within the data", String(length));
			starts[i] = start;
			ends[i] = end;
		}
		if (total !== cursor.remaining) throw cursor.error("contents", `${total} bytes`, `${cursor.remaining}`);
		return new RecordedMemory(starts, ends, cursor.take(total, "contents"));
	}

	/** Position in `bytes` of the first byte of range `i`. */
	positionOf(i: number): number {
		return this.#positions[i] ?? this.bytes.length;
	}

	/** Index of the first range whose end is above the address; the number of ranges where there is none. */
	firstEndingAfter(address: number): number {
		let low = 0;
		let high = this.ends.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.ends[middle]! > address)
				high = middle; // middle < high <= length
			else low = middle + 1;
		}
		return low;
	}
}

/** The serial form without the contents. The ranges are as RecordedMemory wants them. */
export function recordedMemoryHead(starts: ArrayLike<number>, ends: ArrayLike<number>): Uint8Array {
	const head = new ByteWriter(16 + starts.length * 4);
	head.raw(MAGIC);
	head.uvarint(starts.length);
	let end = 0;
	for (let i = 0; i < starts.length; i++) {
		const start = starts[i]!; // i < length, and ends is as long
		head.uvarint(start - end);
		end = ends[i]!;
		head.uvarint(end - start);
	}
	return head.finish();
}

const MAGIC: Uint8Array = Uint8Array.of(0x47, 0x4d, 0x52, 0x4d, 1);
