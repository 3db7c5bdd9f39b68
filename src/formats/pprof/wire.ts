import { ParseError } from "../../bytes/parse-error.ts";
import { fieldName, type Message, messages } from "./fields.ts";

export const FORMAT = "pprof";

/** Wire types of the protocol buffer encoding (protobuf.dev/programming-guides/encoding); groups are not used. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** field << 3 | wire type, as it stands before a field */
export function tagOf(field: number, type: number): number {
	return field * 8 + type;
}

/**
 * Reads the protocol buffer encoding from a buffer, without an object per field. What was read last stands in `low` and
 * `high` (a varint as 64 bits by halves). No read goes past the end of the buffer; the readers of messages check their own
 * end by `close`.
 */
export class Wire {
	bytes: Uint8Array;
	/** offset of the first of these bytes in the file */
	base = 0;
	/** position of the next read */
	at = 0;
	low = 0;
	high = 0;

	constructor(bytes: Uint8Array = new Uint8Array(0)) {
		this.bytes = bytes;
	}

	/** Reads a varint of up to 10 bytes into `low` and `high`; bits above the 64th are dropped, as Go's decoder drops them. */
	varint(message: Message, field: number): void {
		const bytes = this.bytes;
		const start = this.at;
		let at = start;
		let byte = bytes[at++] ?? 0;
		let low = byte & 0x7f;
		let high = 0;
		for (let shift = 7; byte >= 0x80 && shift < 70; shift += 7) {
			byte = bytes[at++] ?? 0;
			const bits = byte & 0x7f;
			if (shift < 28) low |= bits << shift;
			else if (shift === 28) {
				low |= bits << 28;
				high = bits >>> 4;
			} else high |= bits << (shift - 32);
		}
		if (byte >= 0x80) throw this.error(message, field, "a varint of at most 10 bytes", "a longer one", start);
		if (at > bytes.length) throw this.error(message, field, "a varint", "the end of the data", start);
		this.at = at;
		this.low = low >>> 0;
		this.high = high >>> 0;
	}

	/** The varint read last as a signed number: exact within ±(2^53 - 1). */
	signed(): number {
		return (this.high | 0) * 2 ** 32 + this.low;
	}

	/** Reads the tag of a field: field × 8 + wire type. */
	tag(message: Message): number {
		const first = this.bytes[this.at] ?? 0x80;
		if (first < 0x80) {
			this.at++;
			return first;
		}
		this.varint(message, 0);
		return this.high * 2 ** 32 + this.low;
	}

	/** Reads the length of a field of bytes; returns its end, which is within `end`. */
	length(message: Message, field: number, end: number): number {
		const start = this.at;
		const first = this.bytes[start] ?? 0x80;
		let length = first;
		if (first < 0x80) this.at++;
		else {
			this.varint(message, field);
			length = this.high * 2 ** 32 + this.low;
		}
		if (!(length <= end - this.at)) {
			throw this.error(message, field, `at most ${Math.max(0, end - this.at)} bytes`, `a length of ${length}`, start);
		}
		return this.at + length;
	}

	/**
	 * Steps over a field that the reader does not know. Throws where the reader does know its number: then the wire type is
	 * not the field's own.
	 */
	skip(message: Message, tag: number, end: number): void {
		const field = Math.floor(tag / 8);
		const type = tag % 8;
		if (field > 0 && field < messages[message].length) {
			throw this.error(message, field, "its own wire type", `wire type ${type}`);
		}
		if (type === wireType.varint) this.varint(message, field);
		else if (type === wireType.bytes) this.at = this.length(message, field, end);
		else if (type === wireType.fixed64) this.at += 8;
		else if (type === wireType.fixed32) this.at += 4;
		else throw this.error(message, field, "a wire type of 0, 1, 2 or 5", `wire type ${type}`);
		if (this.at > end) throw this.error(message, field, "the whole field", "the end of the message", end);
	}

	/** After the last field of a message: a field that reached past its end is none. */
	close(message: Message, end: number): void {
		if (this.at !== end) {
			throw this.error(message, 0, "fields that end with the message", `${this.at - end} bytes more`, end);
		}
	}

	error(message: Message, field: number, expected: string, actual: string, offset: number = this.at): ParseError {
		const inFile = this.base + offset;
		return new ParseError({ format: FORMAT, offset: inFile, field: fieldName(message, field), expected, actual });
	}
}
