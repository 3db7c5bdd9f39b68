import { ParseError } from "../../../bytes/parse-error.ts";
import { type Exact, hexadecimal, LEGACY, type TextLines } from "./lines.ts";

/** A mapping of the process as the texts of old list it; the draft changes it until all is read. */
export interface LegacyMapping {
	start: Exact;
	limit: Exact;
	offset: Exact;
	filename: string;
	buildId: string;
}

/** A process may have 65,530 (vm.max_map_count); of these few are executable, and only those are kept. */
const MAX_MAPPINGS = 65_530;
const MAX_ATTRIBUTES = 256;
const MAX_LINE = 16_384;

/** The mappings that follow the samples: /proc/PID/maps, or `START-END: FILE (@OFFSET) BUILDID`. Other lines are passed over. */
export function readMappings(lines: TextLines): LegacyMapping[] {
	const mappings: LegacyMapping[] = [];
	/** assignments: a line `build=/path` stands for what is `$build` in later lines */
	const attributes: [name: string, value: string][] = [];
	while (lines.scan()) {
		if (lines.line.length > MAX_LINE) continue;
		const line = substitute(withoutLogPrefix(lines.line), attributes);
		const mapping = mappingOf(line);
		if (mapping === undefined) {
			const equals = line.indexOf("=");
			if (equals >= 0 && attributes.length < MAX_ATTRIBUTES) {
				attributes.push([`$${line.slice(0, equals).trim()}`, line.slice(equals + 1).trim()]);
			}
		} else if (mapping !== "not executable") mappings.push(mapping);
		if (mappings.length > MAX_MAPPINGS) {
			throw new ParseError({ format: LEGACY, field: "memory map", expected: `at most ${MAX_MAPPINGS} mappings` });
		}
	}
	return mappings;
}

/** glog's prefix: `I0102 03:04:05.000000 1 file.cc:12] …` */
function withoutLogPrefix(line: string): string {
	const bracket = line.search(/[[\]]/);
	if (bracket < 0 || line[bracket] !== "]" || !/[\t\n\f\r ]/.test(line[bracket + 1] ?? "")) return line;
	let digits = bracket;
	while (/[0-9]/.test(line[digits - 1] ?? "")) digits--;
	return digits < bracket && digits > 1 && line[digits - 1] === ":" ? line.slice(bracket + 2) : line;
}

/** Replaces the names of attributes, the earlier ones first; what was put in is not looked at again. */
function substitute(line: string, attributes: readonly (readonly [string, string])[]): string {
	if (attributes.length === 0 || !line.includes("$")) return line;
	let text = "";
	for (let at = 0; at < line.length; ) {
		const found = line[at] === "$" ? attributes.find(([name]) => line.startsWith(name, at)) : undefined;
		text += found?.[1] ?? line[at];
		at += found?.[0].length ?? 1;
		// values may hold values: without a bound, a few lines would grow to gigabytes
		if (text.length > MAX_LINE) return "";
	}
	return text;
}

const HEX = "(?:0x)?([0-9a-fA-F]+)";
const RANGE = `[\\t\\n\\f\\r ]*${HEX}[\\t\\n\\f\\r -]?[\\t\\n\\f\\r ]*${HEX}:?`;
const SPACE = "[\\t\\n\\f\\r ]+";
const PERMISSIONS = `(?:${SPACE}([-rwxp]+))?`;
const procMaps = new RegExp(
	`^${RANGE}${PERMISSIONS}(?:${SPACE}([0-9a-fA-F]+))?${SPACE}[0-9a-fA-F]+:[0-9a-fA-F]+${SPACE}[0-9]+(?:${SPACE}([^\\t\\n\\f\\r ]+))?`,
);
const briefMaps = new RegExp(
	`^${RANGE}${PERMISSIONS}(?:${SPACE}([^\\t\\n\\f\\r ]+))?(?:${SPACE}\\(@([0-9a-fA-F]+)\\))?(?:${SPACE}([0-9a-fA-F]+))?`,
);

function mappingOf(line: string): LegacyMapping | "not executable" | undefined {
	// the two hexadecimal figures may stand side by side, for which a long run of digits would be tried in every division
	if (/[0-9a-fA-F]{64}/.test(line.slice(0, 256)) && /^[\t\n\f\r ]*(?:0x)?[0-9a-fA-F]{64}/.test(line)) return undefined;
	const proc = procMaps.exec(line);
	const brief = proc === null ? briefMaps.exec(line) : null;
	const [, start = "", limit = "", permissions] = proc ?? brief ?? [];
	if (proc === null && brief === null) return undefined;
	if (permissions !== undefined && !permissions.includes("x")) return "not executable";
	const [offset, filename, buildId] = proc !== null ? [proc[4], proc[5], ""] : [brief?.[5], brief?.[4], brief?.[6]];
	const figures = [start, limit, offset ?? "0"].map(hexadecimal);
	const [startAt, limitAt, offsetAt] = figures;
	if (startAt === undefined || limitAt === undefined || offsetAt === undefined) return undefined;
	return { start: startAt, limit: limitAt, offset: offsetAt, filename: filename ?? "", buildId: buildId ?? "" };
}

/** Joins neighbours that are one file's, and puts what seems the main binary first (massageMappings in profile.go). */
export function arrangeMappings(all: readonly LegacyMapping[]): LegacyMapping[] {
	const mappings: LegacyMapping[] = [];
	for (const mapping of all) {
		const last = mappings.at(-1);
		if (last === undefined || !areAdjacent(last, mapping)) {
			mappings.push(mapping);
			continue;
		}
		last.limit = mapping.limit;
		if (mapping.filename !== "") last.filename = mapping.filename;
		if (mapping.buildId !== "") last.buildId = mapping.buildId;
	}
	const main = mappings.findIndex(({ filename }) => {
		const file = filename.replaceAll("(deleted)", "").trim();
		return file !== "" && !/[.]so$|[.]so[._][0-9]+/.test(file) && !file.startsWith("[");
	});
	const [first, found] = [mappings[0], mappings[main]];
	if (first !== undefined && found !== undefined) {
		mappings[0] = found;
		mappings[main] = first;
	}
	return mappings;
}

function areAdjacent(a: LegacyMapping, b: LegacyMapping): boolean {
	if (a.filename !== "" && b.filename !== "" && a.filename !== b.filename) return false;
	if (a.buildId !== "" && b.buildId !== "" && a.buildId !== b.buildId) return false;
	if (a.limit !== b.start) return false;
	if (Number(a.offset) === 0 || Number(b.offset) === 0) return true;
	return BigInt.asUintN(64, BigInt(a.offset) + BigInt(a.limit) - BigInt(a.start)) === BigInt(b.offset);
}
