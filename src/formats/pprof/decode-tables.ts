import { ParseError } from "../../bytes/parse-error.ts";
import { GrowingUint32, GrowingUint64, Int64Rows } from "./columns.ts";
import { type StringReader, stringIndex } from "./decode-strings.ts";
import { fieldName, fieldNumber, type Message, messages } from "./fields.ts";
import type { IdRows } from "./id-rows.ts";
import type { Functions, Lines, Locations, Mappings } from "./model.ts";
import { FORMAT, tagOf, type Wire, wireType } from "./wire.ts";

/*
 * Readers of the tables, a message at a time as they come. Ids of other tables and indexes of strings are kept as they
 * stand, and become rows in `finish`, when all is there.
 */

/** The figures of a message by field, as 64-bit halves: 0 where it has none, the last where it has several. */
export class FlatMessage {
	readonly low: Uint32Array;
	readonly high: Uint32Array;
	readonly #message: Message;

	constructor(message: Message) {
		this.#message = message;
		this.low = new Uint32Array(messages[message].length);
		this.high = new Uint32Array(messages[message].length);
	}

	read(wire: Wire, end: number): void {
		this.low.fill(0);
		this.high.fill(0);
		while (wire.at < end) {
			const tag = wire.tag(this.#message);
			const field = Math.floor(tag / 8);
			if (tag % 8 === wireType.varint && field > 0 && field < this.low.length) {
				wire.varint(this.#message, field);
				this.low[field] = wire.low;
				this.high[field] = wire.high;
			} else wire.skip(this.#message, tag, end);
		}
		wire.close(this.#message, end);
	}

	isSet(field: number): boolean {
		return this.low[field] !== 0 || this.high[field] !== 0;
	}

	push64(field: number, column: GrowingUint64): void {
		column.pushHalves(this.low[field] ?? 0, this.high[field] ?? 0);
	}

	/** an index of a string, for `resolve` */
	pushIndex(field: number, column: GrowingUint32): void {
		column.push(this.index(field));
	}

	index(field: number): number {
		return stringIndex({ low: this.low[field] ?? 0, high: this.high[field] ?? 0 });
	}
}

export class MappingReader {
	readonly #flat = new FlatMessage("Mapping");
	readonly #columns64 = [new GrowingUint64(), new GrowingUint64(), new GrowingUint64(), new GrowingUint64()] as const;
	readonly #filename = new GrowingUint32();
	readonly #buildId = new GrowingUint32();
	readonly #symbolized = new GrowingUint32();

	read(wire: Wire, end: number): void {
		const flat = this.#flat;
		flat.read(wire, end);
		for (const [i, column] of this.#columns64.entries()) flat.push64(i + 1, column);
		flat.pushIndex(5, this.#filename);
		flat.pushIndex(6, this.#buildId);
		// has_functions … has_inline_frames are fields 7 to 10, and bits 0 to 3 of `symbolized`
		let bits = 0;
		for (let bit = 0; bit < 4; bit++) if (flat.isSet(7 + bit)) bits |= 1 << bit;
		this.#symbolized.push(bits);
	}

	finish(strings: StringReader): Mappings {
		const [id, start, limit, offset] = this.#columns64;
		return {
			count: id.length,
			id: id.finish(),
			start: start.finish(),
			limit: limit.finish(),
			offset: offset.finish(),
			filename: strings.resolve(this.#filename.finish(), "Mapping", 5),
			buildId: strings.resolve(this.#buildId.finish(), "Mapping", 6),
			symbolized: Uint8Array.from(this.#symbolized.finish()),
		};
	}
}

export class FunctionReader {
	readonly #flat = new FlatMessage("Function");
	readonly #id = new GrowingUint64(1024);
	readonly #name = new GrowingUint32(1024);
	readonly #systemName = new GrowingUint32(1024);
	readonly #filename = new GrowingUint32(1024);
	readonly #startLine = new Int64Rows(1024);

	read(wire: Wire, end: number): void {
		const flat = this.#flat;
		flat.read(wire, end);
		this.#startLine.set(this.#id.length, flat.low[5] ?? 0, flat.high[5] ?? 0);
		flat.push64(1, this.#id);
		flat.pushIndex(2, this.#name);
		flat.pushIndex(3, this.#systemName);
		flat.pushIndex(4, this.#filename);
	}

	finish(strings: StringReader): Functions {
		const count = this.#id.length;
		return {
			count,
			id: this.#id.finish(),
			name: strings.resolve(this.#name.finish(), "Function", 2),
			systemName: strings.resolve(this.#systemName.finish(), "Function", 3),
			filename: strings.resolve(this.#filename.finish(), "Function", 4),
			startLine: this.#startLine.finish(count),
		};
	}
}

const locationTags = {
	id: tagOf(fieldNumber("Location", "id"), wireType.varint),
	mapping: tagOf(fieldNumber("Location", "mapping_id"), wireType.varint),
	address: tagOf(fieldNumber("Location", "address"), wireType.varint),
	folded: tagOf(fieldNumber("Location", "is_folded"), wireType.varint),
	line: tagOf(fieldNumber("Location", "line"), wireType.bytes),
} as const;

export class LocationReader {
	readonly #id = new GrowingUint64(1024);
	readonly #mapping = new GrowingUint64(1024);
	readonly #address = new GrowingUint64(1024);
	readonly #folded = new GrowingUint32(1024);
	readonly #lineStart = new GrowingUint32(1024);
	readonly #lines = new LineReader();

	constructor() {
		this.#lineStart.push(0);
	}

	read(wire: Wire, end: number): void {
		let idLow = 0;
		let idHigh = 0;
		let mappingLow = 0;
		let mappingHigh = 0;
		let addressLow = 0;
		let addressHigh = 0;
		let folded = 0;
		while (wire.at < end) {
			const tag = wire.tag("Location");
			if (tag === locationTags.line) {
				this.#lines.read(wire, wire.length("Location", tag >> 3, end));
				continue;
			}
			if (tag % 8 !== wireType.varint) {
				wire.skip("Location", tag, end);
				continue;
			}
			wire.varint("Location", Math.floor(tag / 8));
			if (tag === locationTags.id) {
				idLow = wire.low;
				idHigh = wire.high;
			} else if (tag === locationTags.address) {
				addressLow = wire.low;
				addressHigh = wire.high;
			} else if (tag === locationTags.mapping) {
				mappingLow = wire.low;
				mappingHigh = wire.high;
			} else if (tag === locationTags.folded) folded = wire.low !== 0 || wire.high !== 0 ? 1 : 0;
			else if (tag === locationTags.line - wireType.bytes) {
				throw wire.error("Location", tag >> 3, "a message", "a number");
			}
		}
		wire.close("Location", end);
		this.#id.pushHalves(idLow, idHigh);
		this.#mapping.pushHalves(mappingLow, mappingHigh);
		this.#address.pushHalves(addressLow, addressHigh);
		this.#folded.push(folded);
		this.#lineStart.push(this.#lines.count);
	}

	/** A mapping_id that is in no table is no mapping. */
	finish(mappings: IdRows, functions: IdRows): { readonly locations: Locations; readonly lines: Lines } {
		const count = this.#id.length;
		const ids = this.#mapping.finish();
		const mapping = new Int32Array(count);
		for (let row = 0; row < count; row++) mapping[row] = mappings.row(ids.low[row]!, ids.high[row]!); // a row each
		return {
			locations: {
				count,
				id: this.#id.finish(),
				mapping,
				address: this.#address.finish(),
				lineStart: this.#lineStart.finish(),
				folded: Uint8Array.from(this.#folded.finish()),
			},
			lines: this.#lines.finish(functions),
		};
	}
}

/** Lines take most of a location's bytes. */
class LineReader {
	readonly #function = new GrowingUint64(1024);
	readonly #line = new Int64Rows(1024);
	readonly #column = new Int64Rows(1024);

	get count(): number {
		return this.#function.length;
	}

	read(wire: Wire, end: number): void {
		const row = this.count;
		let functionLow = 0;
		let functionHigh = 0;
		// fields that are absent are 0
		this.#line.set(row, 0, 0);
		this.#column.set(row, 0, 0);
		while (wire.at < end) {
			const tag = wire.tag("Line");
			if (tag % 8 !== wireType.varint) {
				wire.skip("Line", tag, end);
				continue;
			}
			wire.varint("Line", Math.floor(tag / 8));
			if (tag === 8) {
				functionLow = wire.low;
				functionHigh = wire.high;
			} else if (tag === 16) this.#line.set(row, wire.low, wire.high);
			else if (tag === 24) this.#column.set(row, wire.low, wire.high);
		}
		wire.close("Line", end);
		this.#function.pushHalves(functionLow, functionHigh);
	}

	finish(functions: IdRows): Lines {
		const { count } = this;
		const ids = this.#function.finish();
		const rows = new Uint32Array(count);
		for (let i = 0; i < count; i++) {
			const row = functions.row(ids.low[i]!, ids.high[i]!); // a row each
			if (row < 0) throw notFound("Line", 1, "the id of a function", `another or none, in line ${i}`);
			rows[i] = row;
		}
		return { count, function: rows, line: this.#line.finish(count), column: this.#column.finish(count) };
	}
}

/** What refers to nothing is found when all has been read, so that it is told by its row and not by its offset. */
export function notFound(message: Message, field: number, expected: string, actual: string): ParseError {
	return new ParseError({ format: FORMAT, field: fieldName(message, field), expected, actual });
}
