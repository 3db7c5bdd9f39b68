import { GrowingUint32 } from "./columns.ts";
import { fieldNumber } from "./fields.ts";
import { tagOf, type Wire, wireType } from "./wire.ts";

/**
 * Where the rows of a file stand and how many there are, so that each column is allocated once and no allocation is larger
 * than the bytes of the file warrant. A position is that of the length before a message or string.
 */
export interface RowCounts {
	readonly samples: number;
	/** of all samples together */
	readonly sampleLocations: number;
	readonly values: number;
	readonly labels: number;
	/** of all locations together */
	readonly lines: number;
	readonly comments: number;
	readonly stringBytes: number;
	readonly sampleTypes: Uint32Array;
	readonly mappings: Uint32Array;
	readonly locations: Uint32Array;
	readonly functions: Uint32Array;
	readonly strings: Uint32Array;
	/** the fields that are no rows: positions of their tags */
	readonly header: Uint32Array;
}

const bytesTag = (name: Parameters<typeof fieldNumber<"Profile">>[1]) =>
	tagOf(fieldNumber("Profile", name), wireType.bytes);

/** tags of the messages that are rows of a Profile */
export const profileTags = {
	sampleType: bytesTag("sample_type"),
	sample: bytesTag("sample"),
	mapping: bytesTag("mapping"),
	location: bytesTag("location"),
	function: bytesTag("function"),
	string: bytesTag("string_table"),
	comment: tagOf(fieldNumber("Profile", "comment"), wireType.varint),
	comments: bytesTag("comment"),
	time: tagOf(fieldNumber("Profile", "time_nanos"), wireType.varint),
} as const;

export const sampleTags = {
	location: tagOf(fieldNumber("Sample", "location_id"), wireType.varint),
	locations: tagOf(fieldNumber("Sample", "location_id"), wireType.bytes),
	value: tagOf(fieldNumber("Sample", "value"), wireType.varint),
	values: tagOf(fieldNumber("Sample", "value"), wireType.bytes),
	label: tagOf(fieldNumber("Sample", "label"), wireType.bytes),
} as const;

export const lineTag = tagOf(fieldNumber("Location", "line"), wireType.bytes);

/** Sweeps over the whole file. Throws ParseError where its messages do not fit into one another. */
export function countRows(wire: Wire): RowCounts {
	const counter = new Counter(wire);
	const end = wire.bytes.length;
	wire.at = 0;
	while (wire.at < end) counter.field(end);
	wire.close("Profile", end);
	return counter.finish();
}

class Counter {
	readonly #wire: Wire;
	#samples = 0;
	#sampleLocations = 0;
	#values = 0;
	#labels = 0;
	#lines = 0;
	#comments = 0;
	#stringBytes = 0;
	/** a time that is not 0 has been read: where a second one comes, files were put together without being merged */
	#timed = false;
	readonly #header = new GrowingUint32();
	readonly #positions = {
		sampleTypes: new GrowingUint32(),
		mappings: new GrowingUint32(),
		locations: new GrowingUint32(1024),
		functions: new GrowingUint32(1024),
		strings: new GrowingUint32(1024),
	};
	/** by tag: the table that the message is a row of */
	readonly #tables: readonly (GrowingUint32 | undefined)[];

	constructor(wire: Wire) {
		this.#wire = wire;
		const tables: (GrowingUint32 | undefined)[] = new Array(profileTags.string + 1).fill(undefined);
		tables[profileTags.sampleType] = this.#positions.sampleTypes;
		tables[profileTags.mapping] = this.#positions.mappings;
		tables[profileTags.location] = this.#positions.locations;
		tables[profileTags.function] = this.#positions.functions;
		tables[profileTags.string] = this.#positions.strings;
		this.#tables = tables;
	}

	field(end: number): void {
		const wire = this.#wire;
		const start = wire.at;
		const tag = wire.tag("Profile");
		if (tag === profileTags.sample) {
			this.#sample(wire.length("Profile", tag >> 3, end));
			return;
		}
		const table = this.#tables[tag];
		if (table === undefined) {
			this.#header.push(start);
			this.#headerField(tag, end);
			return;
		}
		table.push(wire.at);
		const last = wire.length("Profile", tag >> 3, end);
		if (tag === profileTags.location) this.#location(last);
		else if (tag === profileTags.string) this.#stringBytes += last - wire.at;
		wire.at = last;
	}

	/** Counts the comments and steps over the rest; whoever reads these fields finds what is not as it should be. */
	#headerField(tag: number, end: number): void {
		const wire = this.#wire;
		const field = Math.floor(tag / 8);
		if (tag % 8 === wireType.bytes) {
			const last = wire.length("Profile", field, end);
			if (tag === profileTags.comments) this.#comments += this.#packed(last);
			wire.at = last;
		} else if (tag % 8 === wireType.varint) {
			if (tag === profileTags.comment) this.#comments++;
			if (tag === profileTags.time && this.#timed) {
				throw wire.error("Profile", field, "one profile", "several one after the other");
			}
			wire.varint("Profile", field);
			if (tag === profileTags.time) this.#timed = wire.low !== 0 || wire.high !== 0;
		} else wire.skip("Profile", tag, end);
	}

	#sample(end: number): void {
		const wire = this.#wire;
		this.#samples++;
		while (wire.at < end) {
			const tag = wire.tag("Sample");
			if (tag === sampleTags.locations) this.#sampleLocations += this.#packed(wire.length("Sample", tag >> 3, end));
			else if (tag === sampleTags.values) this.#values += this.#packed(wire.length("Sample", tag >> 3, end));
			else if (tag === sampleTags.label) {
				this.#labels++;
				wire.at = wire.length("Sample", tag >> 3, end);
			} else if (tag === sampleTags.location) {
				this.#sampleLocations++;
				wire.varint("Sample", tag >> 3);
			} else if (tag === sampleTags.value) {
				this.#values++;
				wire.varint("Sample", tag >> 3);
			} else wire.skip("Sample", tag, end);
		}
		wire.close("Sample", end);
	}

	#location(end: number): void {
		const wire = this.#wire;
		while (wire.at < end) {
			const tag = wire.tag("Location");
			if (tag === lineTag) {
				this.#lines++;
				wire.at = wire.length("Location", tag >> 3, end);
			} else if (tag % 8 === wireType.varint) wire.varint("Location", Math.floor(tag / 8));
			else wire.skip("Location", tag, end);
		}
		wire.close("Location", end);
	}

	/** How many varints end before `end`; whoever reads them finds what is no varint. */
	#packed(end: number): number {
		const { bytes } = this.#wire;
		let count = 0;
		for (let at = this.#wire.at; at < end; at++) count += ((bytes[at] ?? 0) >> 7) ^ 1;
		this.#wire.at = end;
		return count;
	}

	finish(): RowCounts {
		return {
			samples: this.#samples,
			sampleLocations: this.#sampleLocations,
			values: this.#values,
			labels: this.#labels,
			lines: this.#lines,
			comments: this.#comments,
			stringBytes: this.#stringBytes,
			sampleTypes: this.#positions.sampleTypes.finish(),
			mappings: this.#positions.mappings.finish(),
			locations: this.#positions.locations.finish(),
			functions: this.#positions.functions.finish(),
			strings: this.#positions.strings.finish(),
			header: this.#header.finish(),
		};
	}
}
