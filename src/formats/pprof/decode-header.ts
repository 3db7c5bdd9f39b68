import { ParseError } from "../../bytes/parse-error.ts";
import { MAX_SAMPLE_TYPES } from "./decode-samples.ts";
import { type StringReader, stringIndex } from "./decode-strings.ts";
import { FlatMessage } from "./decode-tables.ts";
import { fieldNumber } from "./fields.ts";
import type { Profile, ValueType } from "./model.ts";
import { FORMAT, tagOf, type Wire, wireType } from "./wire.ts";

type Header = Omit<Profile, "strings" | "samples" | "locations" | "lines" | "functions" | "mappings">;
type Figure = Parameters<typeof fieldNumber<"Profile">>[1];

const MAX_COMMENTS = 1 << 17;

const field = (name: Figure) => fieldNumber("Profile", name);
const headerTags = {
	sampleType: tagOf(field("sample_type"), wireType.bytes),
	periodType: tagOf(field("period_type"), wireType.bytes),
	comment: tagOf(field("comment"), wireType.varint),
	comments: tagOf(field("comment"), wireType.bytes),
	time: tagOf(field("time_nanos"), wireType.varint),
} as const;

/** indexes of strings, until the table has come */
interface RawValueType {
	readonly type: number;
	readonly unit: number;
}

/** Reads the fields of a Profile that come once, and the sample types and comments. */
export class HeaderReader {
	/** by field: 64 bits, the last where the file has several */
	readonly #figures = new BigInt64Array(field("doc_url") + 1);
	readonly #sampleTypes: RawValueType[] = [];
	readonly #comments: number[] = [];
	#periodType: RawValueType | undefined;
	readonly #flat = new FlatMessage("ValueType");

	/** Reads a field whose tag has been read. */
	read(wire: Wire, tag: number, end: number): void {
		const number = Math.floor(tag / 8);
		if (tag === headerTags.sampleType) {
			this.#sampleTypes.push(this.#valueType(wire, wire.length("Profile", number, end)));
			if (this.#sampleTypes.length > MAX_SAMPLE_TYPES) throw tooMany("sample_type", MAX_SAMPLE_TYPES);
		} else if (tag === headerTags.periodType) {
			this.#periodType = this.#valueType(wire, wire.length("Profile", number, end));
		} else if (tag === headerTags.comment) this.#comment(wire);
		else if (tag === headerTags.comments) {
			const last = wire.length("Profile", number, end);
			while (wire.at < last) this.#comment(wire);
			wire.close("Profile", last);
		} else if (tag % 8 === wireType.varint && this.#isFigure(number)) {
			if (tag === headerTags.time && this.#figures[number] !== 0n) {
				// a time that is not 0 has been read: files were put together without being merged
				throw wire.error("Profile", number, "one profile", "several one after the other");
			}
			wire.varint("Profile", number);
			this.#figures[number] = (BigInt(wire.high) << 32n) | BigInt(wire.low);
		} else wire.skip("Profile", tag, end);
	}

	#valueType(wire: Wire, end: number): RawValueType {
		this.#flat.read(wire, end);
		return { type: this.#flat.index(1), unit: this.#flat.index(2) };
	}

	#comment(wire: Wire): void {
		wire.varint("Profile", field("comment"));
		this.#comments.push(stringIndex(wire));
		if (this.#comments.length > MAX_COMMENTS) throw tooMany("comment", MAX_COMMENTS);
	}

	/** drop_frames and all after it but period_type are numbers; messages of the fields before it are rows. */
	#isFigure(number: number): boolean {
		return number >= field("drop_frames") && number < this.#figures.length && number !== field("period_type");
	}

	get sampleTypes(): number {
		return this.#sampleTypes.length;
	}

	finish(strings: StringReader): Header {
		const figure = (name: Figure) => this.#figures[field(name)] ?? 0n;
		const text = (name: Figure) => {
			const bits = BigInt.asUintN(64, figure(name));
			const [low, high] = [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
			return strings.text(stringIndex({ low, high }), "Profile", field(name));
		};
		const valueType = ({ type, unit }: RawValueType): ValueType => ({
			type: strings.text(type, "ValueType", 1),
			unit: strings.text(unit, "ValueType", 2),
		});
		return {
			sampleTypes: this.#sampleTypes.map(valueType),
			defaultSampleType: text("default_sample_type"),
			comments: this.#comments.map((index) => strings.text(index, "Profile", field("comment"))),
			docUrl: text("doc_url"),
			dropFrames: text("drop_frames"),
			keepFrames: text("keep_frames"),
			timeNanos: figure("time_nanos"),
			durationNanos: figure("duration_nanos"),
			periodType: this.#periodType === undefined ? { type: "", unit: "" } : valueType(this.#periodType),
			period: figure("period"),
		};
	}
}

function tooMany(name: Figure, limit: number): ParseError {
	return new ParseError({ format: FORMAT, field: `Profile.${name}`, expected: `at most ${limit}`, actual: "more" });
}
