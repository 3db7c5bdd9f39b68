import { FixedInt64, type Uint64Column } from "./columns.ts";
import { lineTag, type RowCounts } from "./decode-count.ts";
import { fieldNumber, type Message, messages } from "./fields.ts";
import type { IdRows } from "./id-rows.ts";
import type { Functions, Lines, Locations, Mappings, ValueType } from "./model.ts";
import { StringInterner } from "./strings.ts";
import { tagOf, type Wire, wireType } from "./wire.ts";

/** The table and, where the file repeats a string, the index in it by index in the file. */
export interface DecodedStrings {
	readonly table: StringInterner;
	readonly count: number;
	/** undefined where the indexes of the file are those of the table */
	readonly indexes: Uint32Array | undefined;
}

/** profile.proto: "string_table[0] must always be ''" */
export function decodeStrings(wire: Wire, counts: RowCounts): DecodedStrings {
	const positions = counts.strings;
	const table = new StringInterner(positions.length, counts.stringBytes);
	const indexes = new Uint32Array(positions.length);
	let same = true;
	for (const [i, position] of positions.entries()) {
		wire.at = position;
		const end = wire.length("Profile", 6, wire.bytes.length);
		if (i === 0 && end !== wire.at) throw wire.error("Profile", 6, "an empty first string", "another", position);
		const index = table.internBytes(wire.bytes, wire.at, end);
		indexes[i] = index;
		same &&= index === i;
	}
	return { table, count: positions.length, indexes: same ? undefined : indexes };
}

/** The index in the table of a string index in the file. Throws ParseError where the file has no such string. */
export function stringIndex(
	wire: Wire,
	strings: DecodedStrings,
	index: number,
	message: Message,
	field: number,
): number {
	if (!(index >= 0 && index < strings.count)) {
		throw wire.error(message, field, `a string index below ${strings.count}`, String(index));
	}
	return strings.indexes?.[index] ?? index;
}

/** The figures of a message by field, as 64-bit halves: 0 where it has none, the last where it has several. */
class FlatMessage {
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

	number(field: number): number {
		return ((this.high[field] ?? 0) | 0) * 2 ** 32 + (this.low[field] ?? 0);
	}

	set64(field: number, column: Uint64Column, row: number): void {
		column.low[row] = this.low[field] ?? 0;
		column.high[row] = this.high[field] ?? 0;
	}
}

function column64(count: number): Uint64Column {
	return { low: new Uint32Array(count), high: new Uint32Array(count) };
}

/** Reads a ValueType that ends at `end`. */
export function decodeValueType(wire: Wire, end: number, strings: DecodedStrings): ValueType {
	const flat = new FlatMessage("ValueType");
	flat.read(wire, end);
	const text = (field: number) =>
		strings.table.text(stringIndex(wire, strings, flat.number(field), "ValueType", field));
	return { type: text(1), unit: text(2) };
}

export function decodeMappings(wire: Wire, counts: RowCounts, strings: DecodedStrings): Mappings {
	const count = counts.mappings.length;
	const flat = new FlatMessage("Mapping");
	const mappings = {
		count,
		id: column64(count),
		start: column64(count),
		limit: column64(count),
		offset: column64(count),
		filename: new Uint32Array(count),
		buildId: new Uint32Array(count),
		symbolized: new Uint8Array(count),
	};
	for (const [row, position] of counts.mappings.entries()) {
		wire.at = position;
		flat.read(wire, wire.length("Profile", 3, wire.bytes.length));
		for (const [i, column] of [mappings.id, mappings.start, mappings.limit, mappings.offset].entries()) {
			flat.set64(i + 1, column, row);
		}
		mappings.filename[row] = stringIndex(wire, strings, flat.number(5), "Mapping", 5);
		mappings.buildId[row] = stringIndex(wire, strings, flat.number(6), "Mapping", 6);
		// has_functions … has_inline_frames are fields 7 to 10, and bits 0 to 3 of `symbolized`
		for (let bit = 0; bit < 4; bit++) {
			if (flat.number(7 + bit) !== 0) mappings.symbolized[row] = (mappings.symbolized[row] ?? 0) | (1 << bit);
		}
	}
	return mappings;
}

export function decodeFunctions(wire: Wire, counts: RowCounts, strings: DecodedStrings): Functions {
	const count = counts.functions.length;
	const flat = new FlatMessage("Function");
	const id = column64(count);
	const [name, systemName, filename] = [new Uint32Array(count), new Uint32Array(count), new Uint32Array(count)];
	const startLine = new FixedInt64(count);
	const startField = fieldNumber("Function", "start_line");
	for (let row = 0; row < count; row++) {
		wire.at = counts.functions[row] ?? 0;
		flat.read(wire, wire.length("Profile", 5, wire.bytes.length));
		flat.set64(1, id, row);
		name[row] = stringIndex(wire, strings, flat.number(2), "Function", 2);
		systemName[row] = stringIndex(wire, strings, flat.number(3), "Function", 3);
		filename[row] = stringIndex(wire, strings, flat.number(4), "Function", 4);
		startLine.set(row, flat.low[startField] ?? 0, flat.high[startField] ?? 0);
	}
	return { count, id, name, systemName, filename, startLine: startLine.finish() };
}

interface LocationReferences {
	readonly mappingRows: IdRows;
	readonly functionRows: IdRows;
}

const locationTags = {
	id: tagOf(fieldNumber("Location", "id"), wireType.varint),
	mapping: tagOf(fieldNumber("Location", "mapping_id"), wireType.varint),
	address: tagOf(fieldNumber("Location", "address"), wireType.varint),
	folded: tagOf(fieldNumber("Location", "is_folded"), wireType.varint),
} as const;

export function decodeLocations(
	wire: Wire,
	counts: RowCounts,
	rows: LocationReferences,
): { readonly locations: Locations; readonly lines: Lines } {
	const count = counts.locations.length;
	const id = column64(count);
	const address = column64(count);
	const mapping = new Int32Array(count).fill(-1);
	const lineStart = new Uint32Array(count + 1);
	const folded = new Uint8Array(count);
	const lines = new LineReader(wire, counts.lines, rows.functionRows);
	for (let row = 0; row < count; row++) {
		wire.at = counts.locations[row] ?? 0;
		const end = wire.length("Profile", 4, wire.bytes.length);
		while (wire.at < end) {
			const tag = wire.tag("Location");
			if (tag === lineTag) {
				lines.read(wire.length("Location", tag >> 3, end));
				continue;
			}
			if (tag % 8 !== wireType.varint) {
				wire.skip("Location", tag, end);
				continue;
			}
			wire.varint("Location", Math.floor(tag / 8));
			if (tag === locationTags.id) {
				id.low[row] = wire.low;
				id.high[row] = wire.high;
			} else if (tag === locationTags.address) {
				address.low[row] = wire.low;
				address.high[row] = wire.high;
			} else if (tag === locationTags.mapping) mapping[row] = rows.mappingRows.row(wire.low, wire.high);
			else if (tag === locationTags.folded) folded[row] = wire.low !== 0 || wire.high !== 0 ? 1 : 0;
			else if (tag === lineTag - wireType.bytes) throw wire.error("Location", tag >> 3, "a message", "a number");
		}
		wire.close("Location", end);
		lineStart[row + 1] = lines.count;
	}
	return { locations: { count, id, mapping, address, lineStart, folded }, lines: lines.finish() };
}

/** Lines take most of a location's bytes: read without a call per field. */
class LineReader {
	readonly #wire: Wire;
	readonly #functionRows: IdRows;
	readonly #function: Uint32Array;
	readonly #line: FixedInt64;
	readonly #column: FixedInt64;
	count = 0;

	constructor(wire: Wire, count: number, functionRows: IdRows) {
		this.#wire = wire;
		this.#functionRows = functionRows;
		this.#function = new Uint32Array(count);
		this.#line = new FixedInt64(count);
		this.#column = new FixedInt64(count);
	}

	read(end: number): void {
		const wire = this.#wire;
		const start = wire.at;
		const row = this.count++;
		let found = -1;
		while (wire.at < end) {
			const tag = wire.tag("Line");
			if (tag % 8 !== wireType.varint) {
				wire.skip("Line", tag, end);
				continue;
			}
			wire.varint("Line", Math.floor(tag / 8));
			if (tag === 8) found = this.#functionRows.row(wire.low, wire.high);
			else if (tag === 16) this.#line.set(row, wire.low, wire.high);
			else if (tag === 24) this.#column.set(row, wire.low, wire.high);
		}
		wire.close("Line", end);
		if (found < 0) throw wire.error("Line", 1, "the id of a function", "another or none", start);
		this.#function[row] = found;
	}

	finish(): Lines {
		return {
			count: this.count,
			function: this.#function,
			line: this.#line.finish(),
			column: this.#column.finish(),
		};
	}
}
