import { ParseError } from "../../bytes/parse-error.ts";
import { countRows, type RowCounts } from "./decode-count.ts";
import { decodeHeader } from "./decode-header.ts";
import { decodeSamples } from "./decode-samples.ts";
import { decodeFunctions, decodeLocations, decodeMappings, decodeStrings } from "./decode-tables.ts";
import { IdRows } from "./id-rows.ts";
import type { Profile } from "./model.ts";
import { FORMAT, Wire } from "./wire.ts";

/**
 * Decodes a profile in its protobuf form, not compressed (profile.proto of github.com/google/pprof), of any language.
 * It takes what `go tool pprof` takes (profile.ParseUncompressed and CheckValid): ids unique and not zero, every sample's
 * locations and every line's function there, as many values as sample types, string_table[0] empty, string indexes in
 * range. A mapping_id that is in no table is no mapping, and labels with neither text, number nor unit are left out.
 * Throws ParseError, with the offset in these bytes.
 *
 * Two sweeps: one counts the rows, so that each column is allocated once and hostile counts never are; the other fills.
 * The tables are filled before the samples, which mostly stand first in the file. The bytes are not kept.
 */
export function decodeProfile(bytes: Uint8Array): Profile {
	if (bytes.length > MAX_BYTES) {
		throw new ParseError({ format: FORMAT, expected: `at most ${MAX_BYTES} bytes`, actual: `${bytes.length}` });
	}
	if (bytes.length === 0) throw new ParseError({ format: FORMAT, offset: 0, actual: "no data" });
	const wire = new Wire(bytes);
	const counts = countRows(wire);
	checkCounts(counts);
	const strings = decodeStrings(wire, counts);
	const mappings = decodeMappings(wire, counts, strings);
	const functions = decodeFunctions(wire, counts, strings);
	const { locations, lines } = decodeLocations(wire, counts, {
		mappingRows: new IdRows(mappings.id, "Mapping"),
		functionRows: new IdRows(functions.id, "Function"),
	});
	const samples = decodeSamples(wire, counts, strings, new IdRows(locations.id, "Location"));
	const header = decodeHeader(wire, counts, strings);
	return { strings: strings.table, ...header, samples, locations, lines, functions, mappings };
}

/** positions are kept in 32 bits */
const MAX_BYTES = 2 ** 32 - 1;
const MAX_SAMPLE_TYPES = 1024;
const MAX_COMMENTS = 1 << 17;

function checkCounts(counts: RowCounts): void {
	const limits = [
		["Profile.sample_type", counts.sampleTypes.length, MAX_SAMPLE_TYPES],
		["Profile.comment", counts.comments, MAX_COMMENTS],
	] as const;
	for (const [field, count, limit] of limits) {
		if (count > limit)
			throw new ParseError({ format: FORMAT, field, expected: `at most ${limit}`, actual: `${count}` });
	}
	if (counts.strings.length === 0) {
		throw new ParseError({ format: FORMAT, field: "Profile.string_table", expected: "a first string", actual: "none" });
	}
	// each sample has the same number of values: this bounds the value columns by the bytes of the file
	const types = counts.sampleTypes.length;
	if (counts.values !== counts.samples * types || (counts.samples > 0 && types === 0)) {
		throw new ParseError({
			format: FORMAT,
			field: "Sample.value",
			expected: `${types} for each of ${counts.samples} samples`,
			actual: `${counts.values} in all`,
		});
	}
}
