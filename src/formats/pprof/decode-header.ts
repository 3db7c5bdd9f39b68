import { profileTags, type RowCounts } from "./decode-count.ts";
import { type DecodedStrings, decodeValueType, stringIndex } from "./decode-tables.ts";
import { fieldNumber } from "./fields.ts";
import type { Profile, ValueType } from "./model.ts";
import { type Wire, wireType } from "./wire.ts";

type Header = Omit<Profile, "strings" | "samples" | "locations" | "lines" | "functions" | "mappings">;

const PERIOD_TYPE = fieldNumber("Profile", "period_type");

/** The fields of a Profile that come once, and the sample types and comments. */
export function decodeHeader(wire: Wire, counts: RowCounts, strings: DecodedStrings): Header {
	/** by field: 64 bits, the last where the file has several */
	const figures = new BigInt64Array(fieldNumber("Profile", "doc_url") + 1);
	const comments: string[] = [];
	let periodType: ValueType = { type: "", unit: "" };
	for (const position of counts.header) {
		wire.at = position;
		const tag = wire.tag("Profile");
		const field = Math.floor(tag / 8);
		if (tag === profileTags.comment || tag === profileTags.comments) readComments(wire, tag, strings, comments);
		else if (tag === PERIOD_TYPE * 8 + wireType.bytes) {
			periodType = decodeValueType(wire, wire.length("Profile", field, wire.bytes.length), strings);
		} else if (tag % 8 === wireType.varint && isFigure(field, figures)) {
			wire.varint("Profile", field);
			figures[field] = (BigInt(wire.high) << 32n) | BigInt(wire.low);
		} else wire.skip("Profile", tag, wire.bytes.length);
	}
	const figure = (name: Parameters<typeof fieldNumber<"Profile">>[1]) => figures[fieldNumber("Profile", name)] ?? 0n;
	const text = (name: Parameters<typeof fieldNumber<"Profile">>[1]) =>
		strings.table.text(stringIndex(wire, strings, Number(figure(name)), "Profile", fieldNumber("Profile", name)));
	return {
		sampleTypes: Array.from(counts.sampleTypes, (position) => {
			wire.at = position;
			return decodeValueType(wire, wire.length("Profile", 1, wire.bytes.length), strings);
		}),
		defaultSampleType: text("default_sample_type"),
		comments,
		docUrl: text("doc_url"),
		dropFrames: text("drop_frames"),
		keepFrames: text("keep_frames"),
		timeNanos: figure("time_nanos"),
		durationNanos: figure("duration_nanos"),
		periodType,
		period: figure("period"),
	};
}

/** drop_frames and all after it but period_type are numbers; messages of the fields before it were taken as rows. */
function isFigure(field: number, figures: BigInt64Array): boolean {
	return field >= fieldNumber("Profile", "drop_frames") && field < figures.length && field !== PERIOD_TYPE;
}

function readComments(wire: Wire, tag: number, strings: DecodedStrings, comments: string[]): void {
	const field = tag >> 3;
	let end = wire.at + 1;
	if (tag === profileTags.comments) end = wire.length("Profile", field, wire.bytes.length);
	const one = tag === profileTags.comment;
	while (wire.at < end) {
		wire.varint("Profile", field);
		comments.push(strings.table.text(stringIndex(wire, strings, wire.signed(), "Profile", field)));
		if (one) return;
	}
	wire.close("Profile", end);
}
