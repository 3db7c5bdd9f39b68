import type { Uint64Column } from "./columns.ts";
import { addressText, type Findings } from "./findings.ts";
import { type Profile, symbolized } from "./model.ts";

/** What a profile may be by its tables and should not be by its meaning. Its rows are known to be in range. */
export function walkMeaning(profile: Profile, findings: Findings): void {
	walkHeader(profile, findings);
	walkMappings(profile, findings);
	walkLocations(profile, findings);
	walkFunctions(profile, findings);
	walkStacks(profile, findings);
	walkLabels(profile, findings);
}

function walkHeader(
	{ sampleTypes, defaultSampleType, docUrl, timeNanos, durationNanos, period }: Profile,
	to: Findings,
): void {
	const types = new Set(sampleTypes.map(({ type }) => type));
	if (types.size < sampleTypes.length) to.add("odd", "two sample types with one name", [...types].join(" "));
	if (types.has("")) to.add("odd", "a sample type without a name", "sample_type");
	if (defaultSampleType !== "" && !types.has(defaultSampleType)) {
		to.add("odd", "a default sample type that is none of the profile's", defaultSampleType);
	}
	if (docUrl !== "" && !/^https?:\/\//.test(docUrl)) to.add("odd", "a doc_url that is not absolute", docUrl);
	for (const [name, value] of Object.entries({ timeNanos, durationNanos, period })) {
		if (value < 0n) to.add("odd", `${name} below 0`, String(value));
	}
}

function walkMappings({ mappings }: Profile, to: Findings): void {
	const rows = Array.from({ length: mappings.count }, (_, row) => row);
	rows.sort((a, b) => compare(mappings.start, a, mappings.start, b));
	for (const [i, row] of rows.entries()) {
		const range = `mapping ${row}: ${addressText(mappings.start, row)} to ${addressText(mappings.limit, row)}`;
		const empty = compare(mappings.start, row, mappings.limit, row) >= 0;
		// pprof itself writes 0 to 0 where it knows nothing
		const unknown = empty && compare(mappings.limit, row, zero, 0) === 0;
		if (empty && !unknown) to.add("odd", "a mapping that ends before it starts", range);
		const next = rows[i + 1];
		if (next !== undefined && compare(mappings.limit, row, mappings.start, next) > 0) {
			to.add("odd", "mappings that overlap", `${range}, and mapping ${next}`);
		}
	}
}

const zero: Uint64Column = { low: new Uint32Array(1), high: new Uint32Array(1) };

function walkLocations({ locations, lines, mappings }: Profile, to: Findings): void {
	for (let row = 0; row < locations.count; row++) {
		const mapping = locations.mapping[row] ?? -1;
		const named = (locations.lineStart[row + 1] ?? 0) > (locations.lineStart[row] ?? 0);
		const hasAddress = locations.address.low[row] !== 0 || locations.address.high[row] !== 0;
		if (!named && !hasAddress) to.add("odd", "a location with neither address nor function", `location ${row}`);
		if (mapping < 0) continue;
		const from = compare(mappings.start, mapping, locations.address, row);
		const before = compare(locations.address, row, mappings.limit, mapping);
		const unknown = compare(mappings.limit, mapping, zero, 0) === 0;
		if (hasAddress && !unknown && (from > 0 || before > 0)) {
			const range = `${addressText(mappings.start, mapping)} to ${addressText(mappings.limit, mapping)}`;
			const first = `location ${row}: ${addressText(locations.address, row)}, ${range}`;
			to.add("odd", "a location outside of its mapping", first);
		}
		if (!named && ((mappings.symbolized[mapping] ?? 0) & symbolized.functions) !== 0) {
			to.add("odd", "a location without a function in a mapping that says it has them", `location ${row}`);
		}
	}
	for (let row = 0; row < lines.count; row++) {
		if ((lines.line.numbers[row] ?? 0) < 0) to.add("odd", "a line number below 0", `line ${row}`);
	}
}

function walkFunctions({ functions }: Profile, to: Findings): void {
	for (let row = 0; row < functions.count; row++) {
		if (functions.name[row] === 0) to.add("odd", "a function without a name", `function ${row}`);
	}
}

function walkStacks({ samples, locations, functions, lines }: Profile, to: Findings): void {
	const used = new Uint8Array(locations.count);
	for (const location of samples.location) used[location] = 1;
	const functionUsed = new Uint8Array(functions.count);
	for (const row of lines.function) functionUsed[row] = 1;
	unused(used, "location", "sample", to);
	unused(functionUsed, "function", "location", to);
	for (let row = 0; row < samples.count; row++) {
		if (samples.locationStart[row] === samples.locationStart[row + 1]) {
			to.add("odd", "a sample without locations", `sample ${row}`);
		}
		if (samples.values.every((column) => column.numbers[row] === 0)) {
			to.add("odd", "a sample whose values are all 0", `sample ${row}`);
		}
	}
}

function unused(used: Uint8Array, what: string, by: string, to: Findings): void {
	for (const [row, is] of used.entries()) {
		if (is === 0) to.add("odd", `a ${what} of no ${by}`, `${what} ${row}`);
	}
}

/** profile.proto: several values of one key, and text and number of one key, "should never be used". */
function walkLabels({ samples, strings }: Profile, to: Findings): void {
	const { labels } = samples;
	for (let row = 0; row < samples.count; row++) {
		const [from, end] = [samples.labelStart[row] ?? 0, samples.labelStart[row + 1] ?? 0];
		const keys = new Set<number>();
		for (let label = from; label < end; label++) {
			const key = labels.key[label] ?? 0;
			if (key === 0) to.add("odd", "a label without a key", `sample ${row}`);
			else if (keys.has(key))
				to.add("odd", "a label key that comes twice in a sample", `sample ${row}: ${strings.text(key)}`);
			keys.add(key);
			const isText = (labels.text[label] ?? -1) >= 0;
			if (isText && labels.unit[label] !== 0) to.add("broken", "a text label with a unit", `sample ${row}`);
			if (isText && labels.number.numbers[label] !== 0) to.add("broken", "a text label with a number", `sample ${row}`);
		}
	}
}

/** below 0, 0 or above 0 as the first figure is below, at or above the second */
function compare(a: Uint64Column, i: number, b: Uint64Column, j: number): number {
	return (a.high[i] ?? 0) - (b.high[j] ?? 0) || (a.low[i] ?? 0) - (b.low[j] ?? 0);
}
