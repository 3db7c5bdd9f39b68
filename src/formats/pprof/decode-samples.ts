import { GrowingUint32, Int64Rows } from "./columns.ts";
import { type StringReader, stringIndex } from "./decode-strings.ts";
import { notFound } from "./decode-tables.ts";
import { fieldNumber } from "./fields.ts";
import type { IdRows } from "./id-rows.ts";
import type { Labels, Samples } from "./model.ts";
import { tagOf, type Wire, wireType } from "./wire.ts";

const sampleTags = {
	location: tagOf(fieldNumber("Sample", "location_id"), wireType.varint),
	locations: tagOf(fieldNumber("Sample", "location_id"), wireType.bytes),
	value: tagOf(fieldNumber("Sample", "value"), wireType.varint),
	values: tagOf(fieldNumber("Sample", "value"), wireType.bytes),
	label: tagOf(fieldNumber("Sample", "label"), wireType.bytes),
} as const;

/** More sample types than any profile has: bounds what a sample of very many values makes us allocate for the others. */
export const MAX_SAMPLE_TYPES = 1024;

/** What there is in a large profile, as guessed before any is read: what is set aside and not used costs nothing. */
const BYTES_PER_ID = 2;
const BYTES_PER_SAMPLE = 64;
/** What is expected is what a file says of itself: beyond this, and for more sample types than are usual, columns grow. */
const MAX_EXPECTED = 1 << 26;
const USUAL_TYPES = 16;

/**
 * Reads samples as they come up in the file, before the tables that they refer to are known: ids of locations and indexes of
 * strings are kept as they stand, and become rows in `finish`. Columns grow with what is read.
 */
export class SampleReader {
	readonly #labels: LabelReader;
	readonly #locationStart: GrowingUint32;
	readonly #labelStart: GrowingUint32;
	readonly #rowsExpected: number;
	/** the low halves of the ids, less 1 */
	#rows: Uint32Array;
	/** the largest of the low halves */
	#largest = 0;
	/** below 0 if the low half of an id is 0, or 2^31 and more */
	#least = 0;
	/** the high halves, once one is not 0 */
	#idsHigh: Uint32Array | undefined;
	#used = 0;
	readonly #values: Int64Rows[] = [];
	#count = 0;

	/** `expected`: bytes of the file, as far as is known */
	constructor(expected: number) {
		const believed = Math.min(expected, MAX_EXPECTED);
		this.#rows = new Uint32Array(Math.ceil(believed / BYTES_PER_ID) + 16);
		this.#rowsExpected = Math.ceil(believed / BYTES_PER_SAMPLE) + 16;
		this.#labels = new LabelReader(this.#rowsExpected);
		this.#locationStart = new GrowingUint32(this.#rowsExpected);
		this.#labelStart = new GrowingUint32(this.#rowsExpected);
		this.#locationStart.push(0);
		this.#labelStart.push(0);
	}

	read(wire: Wire, end: number): void {
		let values = 0;
		while (wire.at < end) {
			const tag = wire.tag("Sample");
			if (tag === sampleTags.locations) this.#packedLocations(wire, wire.length("Sample", tag >> 3, end));
			else if (tag === sampleTags.values) {
				const last = wire.length("Sample", tag >> 3, end);
				while (wire.at < last) this.#value(wire, values++);
				wire.close("Sample", last);
			} else if (tag === sampleTags.label) this.#labels.read(wire, wire.length("Sample", tag >> 3, end));
			else if (tag === sampleTags.location) {
				this.#reserve(1);
				this.#slowId(wire);
			} else if (tag === sampleTags.value) this.#value(wire, values++);
			else wire.skip("Sample", tag, end);
		}
		wire.close("Sample", end);
		if (values !== this.#values.length) throw this.#otherValues(wire, values);
		this.#count++;
		this.#locationStart.push(this.#used);
		this.#labelStart.push(this.#labels.count);
	}

	#value(wire: Wire, type: number): void {
		if (type >= this.#values.length) {
			// the first sample tells how many values each has; the sample types may come after it
			if (this.#count > 0) throw this.#otherValues(wire, type + 1);
			if (type === MAX_SAMPLE_TYPES) throw wire.error("Sample", 2, `at most ${MAX_SAMPLE_TYPES} values`, "more");
			this.#values.push(new Int64Rows(type < USUAL_TYPES ? this.#rowsExpected : 64));
		}
		wire.varint("Sample", 2);
		this.#values[type]?.set(this.#count, wire.low, wire.high);
	}

	#otherValues(wire: Wire, found: number) {
		return wire.error("Sample", 2, `${this.#values.length} values`, `${found}`);
	}

	/** Makes room for so many ids. */
	#reserve(ids: number): void {
		const needed = this.#used + ids;
		if (needed <= this.#rows.length) return;
		const size = Math.max(needed, Math.ceil(this.#rows.length * 1.5));
		this.#rows = enlarged(this.#rows, size);
		if (this.#idsHigh !== undefined) this.#idsHigh = enlarged(this.#idsHigh, size);
	}

	/**
	 * The hottest loop of the decoder: ids of up to three bytes, without a branch on their length, which nothing could foresee.
	 */
	#packedLocations(wire: Wire, end: number): void {
		const { bytes } = wire;
		let at = wire.at;
		this.#reserve(end - at);
		const rows = this.#rows;
		let used = this.#used;
		let largest = this.#largest;
		let least = this.#least;
		// three bytes are looked at, which at the end of the bytes are not there
		const last = Math.min(end, bytes.length - 2);
		while (at < last) {
			const first = bytes[at]!;
			const second = bytes[at + 1]!;
			const third = bytes[at + 2]!;
			if ((first & second & third) >= 0x80) {
				wire.at = at;
				this.#used = used;
				this.#slowId(wire);
				used = this.#used;
				at = wire.at;
				continue;
			}
			const two = first >> 7;
			const three = two & (second >> 7);
			const id = (first & 0x7f) | (((second & 0x7f) << 7) & -two) | (((third & 0x7f) << 14) & -three);
			at += 1 + two + three;
			rows[used++] = id - 1;
			if (id > largest) largest = id;
			least |= id - 1;
		}
		wire.at = at;
		this.#used = used;
		if (largest > this.#largest) this.#largest = largest;
		this.#least |= least;
		while (wire.at < end) this.#slowId(wire);
		wire.close("Sample", end);
	}

	/** Reads an id of any length; there is room for it. */
	#slowId(wire: Wire): void {
		wire.varint("Sample", 1);
		this.#rows[this.#used] = wire.low - 1;
		this.#least |= wire.low - 1;
		if (wire.low > this.#largest) this.#largest = wire.low;
		if (wire.high !== 0) {
			this.#idsHigh ??= new Uint32Array(this.#rows.length);
			this.#idsHigh[this.#used] = wire.high;
		}
		this.#used++;
	}

	/** `types`: how many sample types the file has. Throws ParseError where samples refer to what is in no table. */
	finish(types: number, strings: StringReader, rows: IdRows): Samples {
		if (this.#count > 0 && (types === 0 || this.#values.length !== types)) {
			throw notFound("Sample", 2, `a value for each of ${types} sample types`, `${this.#values.length}`);
		}
		const values = Array.from({ length: types }, (_, type) => this.#values[type] ?? new Int64Rows());
		return {
			count: this.#count,
			locationStart: this.#locationStart.finish(),
			location: this.#rowsOfIds(rows),
			values: values.map((column) => column.finish(this.#count)),
			labelStart: this.#labelStart.finish(),
			labels: this.#labels.finish(strings),
		};
	}

	/** The ids as rows, in the same memory: where the file counts its locations from 1, they are rows already. */
	#rowsOfIds(table: IdRows): Uint32Array {
		const rows = this.#rows.subarray(0, this.#used);
		const high = this.#idsHigh;
		if (table.sequential && high === undefined && this.#largest <= table.count && this.#least >= 0) return rows;
		for (let i = 0; i < rows.length; i++) {
			const row = table.row((rows[i]! + 1) >>> 0, high?.[i] ?? 0);
			if (row < 0) throw this.#noLocation(i);
			rows[i] = row;
		}
		return rows;
	}

	#noLocation(at: number) {
		let sample = 0;
		while ((this.#locationStart.array[sample + 1] ?? this.#used) <= at) sample++;
		return notFound("Sample", 1, "the id of a location", `another, in sample ${sample}`);
	}
}

function enlarged(array: Uint32Array, size: number): Uint32Array {
	const larger = new Uint32Array(size);
	larger.set(array);
	return larger;
}

class LabelReader {
	readonly #key: GrowingUint32;
	/** 0: the label is a number */
	readonly #text: GrowingUint32;
	readonly #number: Int64Rows;
	readonly #unit: GrowingUint32;
	count = 0;

	constructor(expected: number) {
		this.#key = new GrowingUint32(expected);
		this.#text = new GrowingUint32(expected);
		this.#number = new Int64Rows(expected);
		this.#unit = new GrowingUint32(expected);
	}

	/** A label with neither text, number nor unit says nothing and is left out, as profile.postDecode leaves it out. */
	read(wire: Wire, end: number): void {
		let key = 0;
		let text = 0;
		let unit = 0;
		let low = 0;
		let high = 0;
		while (wire.at < end) {
			const tag = wire.tag("Label");
			if (tag % 8 !== wireType.varint) {
				wire.skip("Label", tag, end);
				continue;
			}
			wire.varint("Label", Math.floor(tag / 8));
			if (tag === 8) key = stringIndex(wire);
			else if (tag === 16) text = stringIndex(wire);
			else if (tag === 24) {
				low = wire.low;
				high = wire.high;
			} else if (tag === 32) unit = stringIndex(wire);
		}
		wire.close("Label", end);
		const isText = text !== 0;
		if (!isText && low === 0 && high === 0 && unit === 0) return;
		this.#key.push(key);
		this.#text.push(text);
		this.#number.set(this.count++, isText ? 0 : low, isText ? 0 : high);
		this.#unit.push(isText ? 0 : unit);
	}

	finish(strings: StringReader): Labels {
		const { count } = this;
		const rows = strings.resolve(this.#text.finish(), "Label", 2);
		const text = new Int32Array(count);
		// index 0 is of the empty string, in the file and in the table
		for (let i = 0; i < count; i++) text[i] = this.#text.array[i] === 0 ? -1 : rows[i]!; // a row each
		return {
			count,
			key: strings.resolve(this.#key.finish(), "Label", 1),
			text,
			number: this.#number.finish(count),
			unit: strings.resolve(this.#unit.finish(), "Label", 4),
		};
	}
}
