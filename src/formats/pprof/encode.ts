import { fieldNumber } from "./fields.ts";
import type { Profile } from "./model.ts";
import type { StringTable } from "./strings.ts";
import { inByteOrder } from "./text.ts";
import { highHalf, lowHalf, varintSize, WireWriter } from "./wire-writer.ts";

/**
 * A profile in its protobuf form, not compressed: byte for byte what profile.WriteUncompressed of github.com/google/pprof
 * writes of the same profile (profile/encode.go): tables in the order of their fields, strings in the order of their first
 * use and only those that are used, labels by key with the texts first, repeated figures packed where they are more than two.
 * The same profile gives the same bytes.
 */
export function encodeProfile(profile: Profile): Uint8Array<ArrayBuffer> {
	const encoder = new Encoder(profile);
	encoder.sampleTypes();
	encoder.samples();
	encoder.mappings();
	encoder.locations();
	encoder.functions();
	return encoder.finish();
}

/** Numbers strings in the order of their first use. */
class UsedStrings {
	readonly #from: StringTable;
	/** by index in the profile's table: index in the written table + 1 */
	readonly #indexes: Uint32Array;
	readonly #extra = new Map<string, number>();
	readonly used: Uint8Array[] = [];

	constructor(from: StringTable) {
		this.#from = from;
		this.#indexes = new Uint32Array(from.count);
		this.index(0);
	}

	index(of: number): number {
		const known = this.#indexes[of] ?? 0;
		if (known !== 0) return known - 1;
		this.#indexes[of] = this.used.push(this.#from.bytes(of));
		return this.used.length - 1;
	}

	/** of a string that may be in no table: names in the header */
	text(text: string): number {
		const found = this.#from.find(text);
		if (found !== undefined) return this.index(found);
		let index = this.#extra.get(text);
		if (index === undefined) {
			index = this.used.push(new TextEncoder().encode(text)) - 1;
			this.#extra.set(text, index);
		}
		return index;
	}
}

class Encoder {
	readonly #profile: Profile;
	readonly #strings: UsedStrings;
	readonly #to = new WireWriter(1 << 20);
	/** one message at a time, since its length stands before it */
	readonly #message = new WireWriter();
	readonly #inner = new WireWriter(64);

	constructor(profile: Profile) {
		this.#profile = profile;
		this.#strings = new UsedStrings(profile.strings);
	}

	#end(name: Parameters<typeof fieldNumber<"Profile">>[1]): void {
		const bytes = this.#message.view();
		this.#to.begin(fieldNumber("Profile", name), bytes.length);
		this.#to.raw(bytes);
		this.#message.clear();
	}

	sampleTypes(): void {
		for (const { type, unit } of this.#profile.sampleTypes) {
			this.#message.figure(1, this.#strings.text(type));
			this.#message.figure(2, this.#strings.text(unit));
			this.#end("sample_type");
		}
	}

	samples(): void {
		const { samples, locations } = this.#profile;
		const message = this.#message;
		for (let row = 0; row < samples.count; row++) {
			const [from, to] = [samples.locationStart[row] ?? 0, samples.locationStart[row + 1] ?? 0];
			message.repeated64(1, locations.id, samples.location, from, to);
			this.#values(row);
			this.#labels(row);
			this.#end("sample");
		}
	}

	#values(row: number): void {
		const { values } = this.#profile.samples;
		const packed = values.length > 2;
		if (packed) {
			const sizes = values.map((column) => varintSize(lowHalf(column, row), highHalf(column, row)));
			this.#message.begin(
				2,
				sizes.reduce((sum, size) => sum + size, 0),
			);
		}
		for (const column of values) {
			if (!packed) this.#message.varint(2 << 3);
			this.#message.varint(lowHalf(column, row), highHalf(column, row));
		}
	}

	#labels(row: number): void {
		const { samples, strings } = this.#profile;
		const { labels } = samples;
		const [from, to] = [samples.labelStart[row] ?? 0, samples.labelStart[row + 1] ?? 0];
		let rows: number[] | undefined;
		if (to - from > 1) {
			const isNumber = (label: number) => ((labels.text[label] ?? 0) < 0 ? 1 : 0);
			const key = (label: number) => strings.text(labels.key[label] ?? 0);
			rows = Array.from({ length: to - from }, (_, i) => from + i);
			rows.sort((a, b) => isNumber(a) - isNumber(b) || inByteOrder(key(a), key(b)) || a - b);
		}
		for (let i = 0; i < to - from; i++) this.#label(rows?.[i] ?? from + i);
	}

	#label(label: number): void {
		const { labels } = this.#profile.samples;
		const inner = this.#inner;
		inner.figure(1, this.#strings.index(labels.key[label] ?? 0));
		const text = labels.text[label] ?? 0;
		if (text >= 0) inner.figure(2, this.#strings.index(text));
		else {
			inner.signed(3, labels.number, label);
			inner.figure(4, this.#strings.index(labels.unit[label] ?? 0));
		}
		this.#message.begin(3, inner.length);
		this.#message.raw(inner.view());
		inner.clear();
	}

	mappings(): void {
		const { mappings } = this.#profile;
		for (let row = 0; row < mappings.count; row++) {
			const columns = [mappings.id, mappings.start, mappings.limit, mappings.offset];
			for (const [i, column] of columns.entries()) this.#message.column64(i + 1, column, row);
			this.#message.figure(5, this.#strings.index(mappings.filename[row] ?? 0));
			this.#message.figure(6, this.#strings.index(mappings.buildId[row] ?? 0));
			for (let bit = 0; bit < 4; bit++) this.#message.figure(7 + bit, ((mappings.symbolized[row] ?? 0) >> bit) & 1);
			this.#end("mapping");
		}
	}

	locations(): void {
		const { locations, lines, functions, mappings } = this.#profile;
		for (let row = 0; row < locations.count; row++) {
			const mapping = locations.mapping[row] ?? -1;
			this.#message.column64(1, locations.id, row);
			if (mapping >= 0) this.#message.column64(2, mappings.id, mapping);
			this.#message.column64(3, locations.address, row);
			const to = locations.lineStart[row + 1] ?? 0;
			for (let line = locations.lineStart[row] ?? 0; line < to; line++) {
				this.#inner.column64(1, functions.id, lines.function[line] ?? 0);
				this.#inner.signed(2, lines.line, line);
				this.#inner.signed(3, lines.column, line);
				this.#message.begin(4, this.#inner.length);
				this.#message.raw(this.#inner.view());
				this.#inner.clear();
			}
			this.#message.figure(5, locations.folded[row] ?? 0);
			this.#end("location");
		}
	}

	functions(): void {
		const { functions } = this.#profile;
		for (let row = 0; row < functions.count; row++) {
			this.#message.column64(1, functions.id, row);
			this.#message.figure(2, this.#strings.index(functions.name[row] ?? 0));
			this.#message.figure(3, this.#strings.index(functions.systemName[row] ?? 0));
			this.#message.figure(4, this.#strings.index(functions.filename[row] ?? 0));
			this.#message.signed(5, functions.startLine, row);
			this.#end("function");
		}
	}

	/** The strings come after all that uses them but the fields of the header, whose strings are numbered first. */
	finish(): Uint8Array<ArrayBuffer> {
		const { dropFrames, keepFrames, periodType, comments, defaultSampleType, docUrl, ...profile } = this.#profile;
		const [drop, keep] = [this.#strings.text(dropFrames), this.#strings.text(keepFrames)];
		const period = [this.#strings.text(periodType.type), this.#strings.text(periodType.unit)] as const;
		const commentIndexes = comments.map((comment) => this.#strings.text(comment));
		const [sampleType, doc] = [this.#strings.text(defaultSampleType), this.#strings.text(docUrl)];
		const to = this.#to;
		for (const bytes of this.#strings.used) {
			to.begin(6, bytes.length);
			to.raw(bytes);
		}
		to.figure(7, drop);
		to.figure(8, keep);
		this.#bigFigure(9, profile.timeNanos);
		this.#bigFigure(10, profile.durationNanos);
		if (period[0] !== 0 || period[1] !== 0) {
			this.#message.figure(1, period[0]);
			this.#message.figure(2, period[1]);
			this.#end("period_type");
		}
		this.#bigFigure(12, profile.period);
		this.#comments(commentIndexes);
		// encode.go writes this one also where it is 0
		to.varint(14 << 3);
		to.varint(sampleType);
		to.figure(15, doc);
		return to.finish();
	}

	#comments(indexes: readonly number[]): void {
		if (indexes.length > 2) {
			this.#to.begin(
				13,
				indexes.reduce((sum, index) => sum + varintSize(index), 0),
			);
		}
		for (const index of indexes) {
			if (indexes.length <= 2) this.#to.varint(13 << 3);
			this.#to.varint(index);
		}
	}

	#bigFigure(field: number, value: bigint): void {
		this.#to.figure(field, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
	}
}
