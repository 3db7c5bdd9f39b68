import { FixedInt64 } from "./columns.ts";
import { profileTags, type RowCounts, sampleTags } from "./decode-count.ts";
import { type DecodedStrings, stringIndex } from "./decode-tables.ts";
import type { IdRows } from "./id-rows.ts";
import type { Labels, Samples } from "./model.ts";
import { type Wire, wireType } from "./wire.ts";

/**
 * Sweeps over the file for its samples, which are most of it. The counts are those of countRows over the same bytes, so
 * that no column is overrun.
 */
export function decodeSamples(wire: Wire, counts: RowCounts, strings: DecodedStrings, locationRows: IdRows): Samples {
	const reader = new SampleReader(wire, counts, strings, locationRows);
	const end = wire.bytes.length;
	wire.at = 0;
	while (wire.at < end) {
		const tag = wire.tag("Profile");
		if (tag === profileTags.sample) reader.read(wire.length("Profile", tag >> 3, end));
		else if (tag % 8 === wireType.bytes) wire.at = wire.length("Profile", Math.floor(tag / 8), end);
		else if (tag % 8 === wireType.varint) wire.varint("Profile", Math.floor(tag / 8));
		else wire.skip("Profile", tag, end);
	}
	return reader.finish();
}

const NO_ROWS = new Uint32Array(0);

class SampleReader {
	readonly #wire: Wire;
	readonly #rows: IdRows;
	readonly #locationStart: Uint32Array;
	readonly #location: Uint32Array;
	readonly #labelStart: Uint32Array;
	readonly #labels: LabelReader;
	readonly #values: readonly FixedInt64[];
	#sample = 0;
	#locations = 0;

	constructor(wire: Wire, counts: RowCounts, strings: DecodedStrings, rows: IdRows) {
		this.#wire = wire;
		this.#rows = rows;
		this.#locationStart = new Uint32Array(counts.samples + 1);
		this.#location = new Uint32Array(counts.sampleLocations);
		this.#labelStart = new Uint32Array(counts.samples + 1);
		this.#labels = new LabelReader(wire, counts.labels, strings);
		this.#values = Array.from(counts.sampleTypes, () => new FixedInt64(counts.samples));
	}

	read(end: number): void {
		const wire = this.#wire;
		let values = 0;
		while (wire.at < end) {
			const tag = wire.tag("Sample");
			if (tag === sampleTags.locations) this.#packedLocations(wire.length("Sample", tag >> 3, end));
			else if (tag === sampleTags.values) {
				const last = wire.length("Sample", tag >> 3, end);
				while (wire.at < last) this.#value(values++);
				wire.close("Sample", last);
			} else if (tag === sampleTags.label) this.#labels.read(wire.length("Sample", tag >> 3, end));
			else if (tag === sampleTags.location) this.#oneLocation();
			else if (tag === sampleTags.value) this.#value(values++);
			else wire.skip("Sample", tag, end);
		}
		wire.close("Sample", end);
		if (values !== this.#values.length) {
			throw wire.error("Sample", 2, `${this.#values.length} values`, `${values}`);
		}
		this.#sample++;
		this.#locationStart[this.#sample] = this.#locations;
		this.#labelStart[this.#sample] = this.#labels.count;
	}

	#value(type: number): void {
		const wire = this.#wire;
		wire.varint("Sample", 2);
		const column = this.#values[type];
		if (column === undefined) throw wire.error("Sample", 2, `${this.#values.length} values`, "more");
		if (wire.high === 0) column.numbers[this.#sample] = wire.low;
		else column.set(this.#sample, wire.low, wire.high);
	}

	/** The hottest loop of the decoder: ids of up to three bytes in a dense table go straight through. */
	#packedLocations(end: number): void {
		const wire = this.#wire;
		const { bytes } = wire;
		const to = this.#location;
		const dense = this.#rows.dense ?? NO_ROWS;
		const ids = dense.length;
		let next = this.#locations;
		let at = wire.at;
		while (at < end) {
			const start = at;
			let byte = bytes[at++] ?? 0;
			let id = byte & 0x7f;
			if (byte >= 0x80) {
				byte = bytes[at++] ?? 0;
				id |= (byte & 0x7f) << 7;
				if (byte >= 0x80) {
					byte = bytes[at++] ?? 0;
					id |= (byte & 0x7f) << 14;
				}
			}
			// 0 is the row of no id; what is left over stands in no dense table or in four bytes and more
			let row = byte < 0x80 && id < ids ? (dense[id] ?? 0) : 0;
			if (row === 0) {
				wire.at = start;
				row = this.#rowOfNext() + 1;
				at = wire.at;
			}
			to[next++] = row - 1;
		}
		wire.at = at;
		wire.close("Sample", end);
		this.#locations = next;
	}

	#oneLocation(): void {
		this.#location[this.#locations++] = this.#rowOfNext();
	}

	#rowOfNext(): number {
		const wire = this.#wire;
		wire.varint("Sample", 1);
		const row = this.#rows.row(wire.low, wire.high);
		if (row < 0) throw wire.error("Sample", 1, "the id of a location", "another");
		return row;
	}

	finish(): Samples {
		return {
			count: this.#sample,
			locationStart: this.#locationStart,
			location: this.#location,
			values: this.#values.map((column) => column.finish()),
			labelStart: this.#labelStart,
			labels: this.#labels.finish(),
		};
	}
}

class LabelReader {
	readonly #wire: Wire;
	readonly #strings: DecodedStrings;
	readonly #key: Uint32Array;
	readonly #text: Int32Array;
	readonly #number: FixedInt64;
	readonly #unit: Uint32Array;
	count = 0;

	constructor(wire: Wire, count: number, strings: DecodedStrings) {
		this.#wire = wire;
		this.#strings = strings;
		this.#key = new Uint32Array(count);
		this.#text = new Int32Array(count).fill(-1);
		this.#number = new FixedInt64(count);
		this.#unit = new Uint32Array(count);
	}

	/** A label with neither text, number nor unit says nothing and is left out, as profile.postDecode leaves it out. */
	read(end: number): void {
		const wire = this.#wire;
		const start = wire.at;
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
			if (tag === 8) key = wire.signed();
			else if (tag === 16) text = wire.signed();
			else if (tag === 24) {
				low = wire.low;
				high = wire.high;
			} else if (tag === 32) unit = wire.signed();
		}
		wire.close("Label", end);
		wire.at = start;
		const keyIndex = stringIndex(wire, this.#strings, key, "Label", 1);
		if (text !== 0) this.#text[this.count] = stringIndex(wire, this.#strings, text, "Label", 2);
		else if (low !== 0 || high !== 0 || unit !== 0) {
			this.#number.set(this.count, low, high);
			this.#unit[this.count] = stringIndex(wire, this.#strings, unit, "Label", 4);
		} else {
			wire.at = end;
			return;
		}
		this.#key[this.count++] = keyIndex;
		wire.at = end;
	}

	finish(): Labels {
		const count = this.count;
		const number = this.#number.finish();
		return {
			count,
			key: this.#key.subarray(0, count),
			text: this.#text.subarray(0, count),
			number: { numbers: number.numbers.subarray(0, count), exact: number.exact?.subarray(0, count) },
			unit: this.#unit.subarray(0, count),
		};
	}
}
