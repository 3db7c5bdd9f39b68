import { type Int64Column, type Uint64Column, uint64At, uint64Text } from "./columns.ts";
import { type Finding, Findings } from "./findings.ts";
import type { Profile } from "./model.ts";
import { walkMeaning } from "./walk-meaning.ts";

/**
 * Looks through a whole profile for what no Profile may have (rows out of range, ids that repeat) and, where there is nothing
 * of that, for what is legal and yet wrong: it asks more than the decoder and than `go tool pprof`. An empty list: all is well.
 */
export function walkProfile(profile: Profile): Finding[] {
	const findings = new Findings();
	walkTables(profile, findings);
	walkSamples(profile, findings);
	const broken = findings.list();
	if (broken.length > 0) return broken;
	walkMeaning(profile, findings);
	return findings.list();
}

function walkTables(profile: Profile, findings: Findings): void {
	const { strings, locations, lines, functions, mappings } = profile;
	if (strings.count === 0 || strings.bytes(0).length > 0) findings.add("broken", "string 0 is not empty", "string 0");
	walkIds(mappings.id, mappings.count, "mapping", findings);
	walkIds(functions.id, functions.count, "function", findings);
	walkIds(locations.id, locations.count, "location", findings);
	for (const [name, column] of [
		["start", mappings.start],
		["limit", mappings.limit],
		["offset", mappings.offset],
	] as const) {
		lengthOf(column.low.length, mappings.count, `mapping ${name}`, findings);
	}
	within(mappings.filename, mappings.count, strings.count, "mapping filename", findings);
	within(mappings.buildId, mappings.count, strings.count, "mapping build id", findings);
	lengthOf(mappings.symbolized.length, mappings.count, "mapping symbolized", findings);
	within(functions.name, functions.count, strings.count, "function name", findings);
	within(functions.systemName, functions.count, strings.count, "function system name", findings);
	within(functions.filename, functions.count, strings.count, "function filename", findings);
	figures(functions.startLine, functions.count, "function start line", findings);
	within(lines.function, lines.count, functions.count, "line function", findings);
	figures(lines.line, lines.count, "line line", findings);
	figures(lines.column, lines.count, "line column", findings);
	within(locations.mapping, locations.count, mappings.count, "location mapping", findings, -1);
	lengthOf(locations.address.low.length, locations.count, "location address", findings);
	lengthOf(locations.folded.length, locations.count, "location folded", findings);
	starts(locations.lineStart, locations.count, lines.count, "location lines", findings);
}

function walkSamples(profile: Profile, findings: Findings): void {
	const { samples, strings, locations, sampleTypes } = profile;
	const { labels } = samples;
	starts(samples.locationStart, samples.count, samples.location.length, "sample locations", findings);
	within(samples.location, samples.location.length, locations.count, "sample location", findings);
	lengthOf(samples.values.length, sampleTypes.length, "value columns", findings);
	for (const column of samples.values) figures(column, samples.count, "sample value", findings);
	starts(samples.labelStart, samples.count, labels.count, "sample labels", findings);
	within(labels.key, labels.count, strings.count, "label key", findings);
	within(labels.text, labels.count, strings.count, "label text", findings, -1);
	within(labels.unit, labels.count, strings.count, "label unit", findings);
	figures(labels.number, labels.count, "label number", findings);
}

function walkIds(ids: Uint64Column, count: number, what: string, findings: Findings): void {
	lengthOf(ids.low.length, count, `${what} id`, findings);
	lengthOf(ids.high.length, count, `${what} id`, findings);
	const seen = new Set<number | bigint>();
	for (let row = 0; row < count; row++) {
		const high = ids.high[row] ?? 0;
		const id = high < 2 ** 20 ? high * 2 ** 32 + (ids.low[row] ?? 0) : uint64At(ids, row);
		if (id === 0) findings.add("broken", `a ${what} whose id is 0`, `${what} ${row}`);
		else if (seen.has(id))
			findings.add("broken", `a ${what} id that comes twice`, `${what} ${row}: ${uint64Text(ids, row)}`);
		seen.add(id);
	}
}

function lengthOf(actual: number, expected: number, what: string, findings: Findings): void {
	if (actual !== expected) findings.add("broken", `${what}: the length of the column`, `${actual}, not ${expected}`);
}

function figures(column: Int64Column, count: number, what: string, findings: Findings): void {
	lengthOf(column.numbers.length, count, what, findings);
	if (column.exact !== undefined) lengthOf(column.exact.length, count, `${what} (exact)`, findings);
	for (let row = 0; row < count; row++) {
		const number = column.numbers[row] ?? 0;
		const exact = column.exact?.[row];
		const same = exact === undefined ? Number.isSafeInteger(number) : Number(exact) === number;
		if (!same) findings.add("broken", `${what}: not a whole number, or not the exact one`, `row ${row}: ${number}`);
	}
}

/** Row numbers and string indexes; `none` stands for no row. */
function within(
	rows: Uint32Array | Int32Array,
	length: number,
	count: number,
	what: string,
	findings: Findings,
	none = 0,
): void {
	lengthOf(rows.length, length, what, findings);
	for (const [i, row] of rows.entries()) {
		if ((row < count && row >= 0) || (none < 0 && row === none)) continue;
		findings.add("broken", `${what}: out of range`, `row ${i}: ${row} of ${count}`);
	}
}

function starts(column: Uint32Array, count: number, total: number, what: string, findings: Findings): void {
	lengthOf(column.length, count + 1, `${what}: starts`, findings);
	if (column[0] !== 0) findings.add("broken", `${what}: the first does not start at 0`, String(column[0]));
	if (column[count] !== total)
		findings.add("broken", `${what}: the last does not end at the end`, String(column[count]));
	for (let row = 0; row < count; row++) {
		if ((column[row + 1] ?? 0) < (column[row] ?? 0)) findings.add("broken", `${what}: starts that fall`, `row ${row}`);
	}
}
