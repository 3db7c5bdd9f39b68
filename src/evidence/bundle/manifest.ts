import { ParseError } from "../../bytes/parse-error.ts";
import type { Unavailable } from "./unavailable.ts";
import { isSafeName } from "./zip.ts";

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
	readonly [key: string]: Json;
}

export const MANIFEST_SCHEMA = "gomem.bundle/1";

/** manifest.json of a bundle. Fields that this version does not know are kept, here and in readings and parts. */
export interface Manifest {
	/** "gomem.bundle/1": within a major version fields are only added */
	readonly schema: string;
	/** what wrote it last */
	readonly tool: { readonly name: string; readonly version: string };
	/** the machine, as far as a reading depends on it */
	readonly host: JsonObject;
	/** the process (or file, or URL) that was read */
	readonly target: JsonObject;
	/** in order of time */
	readonly readings: readonly Reading[];
	readonly parts: readonly Part[];
	/** whatever a newer gomem added */
	readonly more: JsonObject;
}

/** One look at the target. */
export interface Reading {
	/** unique in the bundle: "1", "2" … */
	readonly id: string;
	/** when it began: RFC 3339, UTC */
	readonly time: string;
	readonly more: JsonObject;
}

interface PartHead {
	/** what it is: "smaps", "pagemap", "runtime-memory" …; unique within its reading */
	readonly id: string;
	/** the reading that it belongs to; absent for what holds for the whole bundle */
	readonly reading?: string;
	/** where it came from: "/proc/PID/smaps", a URL … */
	readonly source: string;
	/** when it was gathered: RFC 3339, UTC */
	readonly time: string;
	readonly more: JsonObject;
}

export interface PresentPart extends PartHead {
	/** name of the entry in the zip */
	readonly file: string;
	readonly bytes: number;
	/** of the contents, lower-case hex */
	readonly sha256: string;
}

export type UnavailablePart = PartHead & Unavailable;

export type Part = PresentPart | UnavailablePart;

export function isPresent(part: Part): part is PresentPart {
	return "file" in part;
}

/** The bundle is of a major version that this gomem does not know. */
export class NewerBundle extends ParseError {
	override readonly name = "NewerBundle";
}

/** Bounds of a manifest; a reading has some tens of parts. */
export const manifestLimits = { bytes: 16 * 2 ** 20, readings: 100_000, parts: 100_000 } as const;

/** Throws ParseError where the text is not a manifest of a version that this gomem reads. */
export function parseManifest(text: string): Manifest {
	const root = object(parseJson(text), "manifest");
	const schema = string(root, "schema", "manifest");
	checkSchema(schema);
	const tool = object(root["tool"], "tool");
	const parts = list(root["parts"], "parts", manifestLimits.parts).map(toPart);
	checkUnique(parts);
	return {
		schema,
		tool: { name: string(tool, "name", "tool"), version: string(tool, "version", "tool") },
		host: object(root["host"] ?? {}, "host"),
		target: object(root["target"] ?? {}, "target"),
		readings: list(root["readings"], "readings", manifestLimits.readings).map(toReading),
		parts,
		more: without(root, ["schema", "tool", "host", "target", "readings", "parts"]),
	};
}

/** The text form: what is known first, in a fixed order, and then what was kept. */
export function formatManifest(manifest: Manifest): string {
	const { more, readings, parts, ...known } = manifest;
	const flat = together(
		{
			...known,
			readings: readings.map(({ more: kept, ...reading }) => together(reading, kept)),
			parts: parts.map(({ more: kept, ...part }) => together(part, kept)),
		},
		more,
	);
	return `${JSON.stringify(flat, undefined, "\t")}\n`;
}

/** Both records' fields, the known ones first; where both have one, the known one counts. */
function together(known: object, kept: JsonObject): object {
	return { ...known, ...kept, ...known };
}

function checkSchema(schema: string): void {
	const [, name, major] = schema.match(/^(.+)\/(\d+)$/) ?? [];
	if (name !== "gomem.bundle") throw bad("schema", MANIFEST_SCHEMA, JSON.stringify(schema.slice(0, 100)));
	if (major !== "1") {
		throw new NewerBundle({
			format: "gomem bundle",
			field: "manifest.json schema",
			expected: `${MANIFEST_SCHEMA}, which this gomem reads`,
			actual: `${schema.slice(0, 100)}: it takes a newer gomem`,
		});
	}
}

function toReading(value: Json): Reading {
	const o = object(value, "readings");
	return { id: string(o, "id", "readings"), time: string(o, "time", "readings"), more: without(o, ["id", "time"]) };
}

function toPart(value: Json): Part {
	const o = object(value, "parts");
	const reading = o["reading"];
	const head = {
		id: string(o, "id", "parts"),
		...(reading === undefined ? {} : { reading: string(o, "reading", "parts") }),
		source: string(o, "source", "parts"),
		time: string(o, "time", "parts"),
	};
	const headKeys = ["id", "reading", "source", "time"];
	if (o["unavailable"] !== undefined) {
		const help = o["wouldHelp"];
		return {
			...head,
			unavailable: string(o, "unavailable", "parts"),
			...(help === undefined ? {} : { wouldHelp: string(o, "wouldHelp", "parts") }),
			more: without(o, [...headKeys, "unavailable", "wouldHelp"]),
		};
	}
	const file = string(o, "file", "parts");
	const bytes = o["bytes"];
	const sha256 = string(o, "sha256", "parts");
	if (!isSafeName(file)) throw bad("parts.file", "a relative name", JSON.stringify(file.slice(0, 300)));
	if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0)
		throw bad("parts.bytes", "a size", JSON.stringify(bytes));
	if (!/^[0-9a-f]{64}$/.test(sha256))
		throw bad("parts.sha256", "64 hexadecimal digits", JSON.stringify(sha256.slice(0, 100)));
	return { ...head, file, bytes, sha256, more: without(o, [...headKeys, "file", "bytes", "sha256"]) };
}

function checkUnique(parts: readonly Part[]): void {
	const seen = new Set<string>();
	for (const part of parts) {
		const key = JSON.stringify([part.reading ?? "", part.id]);
		if (seen.has(key)) throw bad("parts.id", "each id once in a reading", JSON.stringify(part.id.slice(0, 100)));
		seen.add(key);
	}
}

function parseJson(text: string): Json {
	try {
		return JSON.parse(text) as Json; // what JSON.parse returns
	} catch (cause) {
		throw new ParseError({ format: "gomem bundle", field: "manifest.json", expected: "JSON" }, { cause });
	}
}

function object(value: Json | undefined, field: string): JsonObject {
	if (typeof value === "object" && value !== null && !isList(value)) return value;
	throw bad(field, "an object", kind(value));
}

function list(value: Json | undefined, field: string, limit: number): readonly Json[] {
	if (!isList(value)) throw bad(field, "a list", kind(value));
	if (value.length > limit) throw bad(field, `up to ${limit} of them`, String(value.length));
	return value;
}

function isList(value: Json | undefined): value is readonly Json[] {
	return Array.isArray(value);
}

function string(o: JsonObject, key: string, field: string): string {
	const value = o[key];
	if (typeof value === "string") return value;
	throw bad(`${field}.${key}`, "a string", kind(value));
}

/** The other fields, as own properties; JSON.parse makes even "__proto__" one, and fromEntries keeps it so. */
function without(o: JsonObject, known: readonly string[]): JsonObject {
	return Object.fromEntries(Object.entries(o).filter(([key]) => !known.includes(key)));
}

function kind(value: Json | undefined): string {
	if (value === undefined) return "nothing";
	if (value === null) return "null";
	return isList(value) ? "a list" : typeof value;
}

function bad(field: string, expected: string, actual: string): ParseError {
	return new ParseError({ format: "gomem bundle", field: `manifest.json ${field}`, expected, actual });
}
