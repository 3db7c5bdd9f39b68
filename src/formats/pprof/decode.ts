import { ByteWriter } from "../../bytes/byte-writer.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { HeaderReader } from "./decode-header.ts";
import { SampleReader } from "./decode-samples.ts";
import { StringReader } from "./decode-strings.ts";
import { FunctionReader, LocationReader, MappingReader } from "./decode-tables.ts";
import { fieldNumber } from "./fields.ts";
import { IdRows } from "./id-rows.ts";
import type { Profile } from "./model.ts";
import { FORMAT, tagOf, Wire, wireType } from "./wire.ts";

/**
 * Decodes a profile in its protobuf form, not compressed (profile.proto of github.com/google/pprof), of any language.
 * It takes what `go tool pprof` takes (profile.ParseUncompressed and CheckValid): ids unique and not zero, every sample's
 * locations and every line's function there, as many values as sample types, string_table[0] empty, string indexes in
 * range. A mapping_id that is in no table is no mapping, and labels with neither text, number nor unit are left out.
 * Throws ParseError, with the offset in these bytes where it is the encoding. The bytes are not kept.
 */
export function decodeProfile(bytes: Uint8Array): Profile {
	return new ProfileDecoder(bytes.length).finish(bytes);
}

/** a tag, and the length or figure after it, take at most so many bytes */
const LONGEST_HEAD = 20;
/** rows and offsets are kept in 32 bits */
const MAX_BYTES = 2 ** 32 - 1;

const rowTag = (name: Parameters<typeof fieldNumber<"Profile">>[1]) =>
	tagOf(fieldNumber("Profile", name), wireType.bytes);

/**
 * Decodes a profile in one sweep, also while its bytes are still coming. Columns grow with what is read, never by what a
 * count in the file says; what refers to other tables is checked when all is there.
 */
export class ProfileDecoder {
	readonly #wire = new Wire();
	readonly #samples: SampleReader;
	readonly #mappings = new MappingReader();
	readonly #locations = new LocationReader();
	readonly #functions = new FunctionReader();
	readonly #strings = new StringReader();
	readonly #header = new HeaderReader();
	/** by tag: who reads the rows of a table */
	readonly #readers: readonly ({ read(wire: Wire, end: number): void } | undefined)[];
	/** what came last, from the first field on that was not there as a whole */
	readonly #pending = new ByteWriter(0);

	/** `expected`: how many bytes will come, as far as is known; memory is set aside for them */
	constructor(expected: number) {
		this.#samples = new SampleReader(expected);
		const readers = new Array(rowTag("string_table") + 1).fill(undefined);
		readers[rowTag("sample")] = this.#samples;
		readers[rowTag("mapping")] = this.#mappings;
		readers[rowTag("location")] = this.#locations;
		readers[rowTag("function")] = this.#functions;
		readers[rowTag("string_table")] = this.#strings;
		this.#readers = readers;
	}

	/** Reads on as far as fields are there as a whole. Throws ParseError. The bytes are not kept. */
	push(bytes: Uint8Array): void {
		this.#pending.raw(bytes);
		const wire = this.#hold(this.#pending.written());
		const end = wire.bytes.length;
		while (end - wire.at > LONGEST_HEAD) {
			const start = wire.at;
			const tag = wire.tag("Profile");
			if (tag % 8 === wireType.bytes && wire.length("Profile", Math.floor(tag / 8), MAX_BYTES) > end) {
				wire.at = start;
				break;
			}
			wire.at = start;
			this.#field(wire, end);
		}
		wire.base += wire.at;
		this.#pending.dropFirst(wire.at);
	}

	/** Reads the last bytes, or the only ones. Throws ParseError. */
	finish(bytes: Uint8Array): Profile {
		let last = bytes;
		if (this.#pending.length > 0) {
			this.#pending.raw(bytes);
			last = this.#pending.written();
		}
		const wire = this.#hold(last);
		const end = last.length;
		if (wire.base + end === 0) throw new ParseError({ format: FORMAT, offset: 0, actual: "no data" });
		while (wire.at < end) this.#field(wire, end);
		wire.close("Profile", end);
		return this.#profile();
	}

	#hold(bytes: Uint8Array): Wire {
		const wire = this.#wire;
		if (wire.base + bytes.length > MAX_BYTES) {
			throw new ParseError({ format: FORMAT, expected: `at most ${MAX_BYTES} bytes`, actual: "more" });
		}
		wire.bytes = bytes;
		wire.at = 0;
		return wire;
	}

	#field(wire: Wire, end: number): void {
		const tag = wire.tag("Profile");
		const reader = this.#readers[tag];
		if (reader === undefined) this.#header.read(wire, tag, end);
		else reader.read(wire, wire.length("Profile", tag >> 3, end));
	}

	#profile(): Profile {
		const strings = this.#strings;
		strings.close();
		const mappings = this.#mappings.finish(strings);
		const functions = this.#functions.finish(strings);
		const { locations, lines } = this.#locations.finish(
			new IdRows(mappings.id, "Mapping"),
			new IdRows(functions.id, "Function"),
		);
		const header = this.#header.finish(strings);
		const samples = this.#samples.finish(header.sampleTypes.length, strings, new IdRows(locations.id, "Location"));
		return { strings: strings.table, ...header, samples, locations, lines, functions, mappings };
	}
}
