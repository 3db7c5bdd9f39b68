import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { type BundleCodec, portableCodec } from "./codec.ts";
import {
	formatManifest,
	isPresent,
	type JsonObject,
	MANIFEST_SCHEMA,
	type Manifest,
	manifestLimits,
	type Part,
	type PresentPart,
	parseManifest,
	type Reading,
} from "./manifest.ts";
import type { Unavailable } from "./unavailable.ts";
import {
	inflateEntry,
	isSafeName,
	makeEntry,
	readZip,
	type ZipEntry,
	type ZipLimits,
	zipLimits,
	zipPieces,
} from "./zip.ts";

/**
 * A bundle (`x.gomem`): a zip of manifest.json and one entry per part. This is the container only; what a part's bytes
 * mean is the business of the format that its id names. Entries stay packed until they are asked for, so that a bundle
 * of many readings takes no more memory than its file.
 */
export interface Bundle {
	readonly manifest: Manifest;
	/** entries by name, manifest.json left out; also those that no part names, so that rewriting keeps them */
	readonly files: ReadonlyMap<string, ZipEntry>;
}

export interface DamagedPart {
	readonly part: PresentPart;
	/** "its entry is missing", "… bytes instead of …", "its SHA-256 is …" */
	readonly why: string;
}

/** What goes into a bundle: bytes, or why there are none. */
export type NewPart = {
	/** where there is content: plain characters, as it names the entry */
	readonly id: string;
	readonly source: string;
	/** RFC 3339, UTC */
	readonly time: string;
	/** further fields of the part in the manifest */
	readonly more?: JsonObject;
} & (PartContent | Unavailable);

/** The bytes, or pieces of them: what is large need not be copied together. */
export type PartContent = { readonly content: Uint8Array | readonly Uint8Array[] };

export interface NewReading {
	/** RFC 3339, UTC */
	readonly time: string;
	readonly more?: JsonObject;
	readonly parts: readonly NewPart[];
}

export interface BundleHead {
	readonly tool: { readonly name: string; readonly version: string };
	readonly host: JsonObject;
	readonly target: JsonObject;
}

const MANIFEST = "manifest.json";

/** A bundle without readings. */
export function emptyBundle(head: BundleHead): Bundle {
	return {
		manifest: { schema: MANIFEST_SCHEMA, ...head, readings: [], parts: [], more: {} },
		files: new Map(),
	};
}

/**
 * Adds a reading at the end; the bundle given is not changed. Ids are given in order: the n-th reading is "n", or the
 * next free number. Throws RangeError where two parts have the same id, or one that cannot name an entry.
 */
export async function appendReading(
	bundle: Bundle,
	reading: NewReading,
	codec: BundleCodec = portableCodec,
): Promise<Bundle> {
	const id = nextId(bundle.manifest.readings);
	const files = new Map(bundle.files);
	const parts: Part[] = [];
	for (const part of reading.parts) {
		if (parts.some((other) => other.id === part.id))
			throw new RangeError(`two parts ${JSON.stringify(part.id)} in a reading`);
		const head = { id: part.id, reading: id, source: part.source, time: part.time, more: part.more ?? {} };
		if ("content" in part) {
			const file = `readings/${id}/${part.id}`;
			if (files.has(file)) throw new RangeError(`the bundle has an entry ${file} already`);
			if (!isSafeName(file)) throw new RangeError(`not a name for a bundle's entry: ${JSON.stringify(file)}`);
			const pieces = part.content instanceof Uint8Array ? [part.content] : part.content;
			const { entry, sha256 } = await makeEntry(pieces, codec);
			files.set(file, entry);
			parts.push({ ...head, file, bytes: entry.size, sha256 });
		} else {
			const { unavailable, wouldHelp } = part;
			parts.push({ ...head, unavailable, ...(wouldHelp === undefined ? {} : { wouldHelp }) });
		}
	}
	const { manifest } = bundle;
	return {
		manifest: {
			...manifest,
			readings: [...manifest.readings, { id, time: reading.time, more: reading.more ?? {} }],
			parts: [...manifest.parts, ...parts],
		},
		files,
	};
}

/**
 * The bytes of the file, in pieces to be written one after another. The same bundle gives the same bytes. Throws
 * RangeError beyond the limits. A damaged part is written as it was read, and stays damaged.
 */
export async function writeBundle(bundle: Bundle, codec: BundleCodec = portableCodec): Promise<Uint8Array[]> {
	const manifest = new TextEncoder().encode(formatManifest(bundle.manifest));
	if (manifest.length > manifestLimits.bytes) throw new RangeError(`a manifest of ${manifest.length} bytes`);
	const { entry } = await makeEntry([manifest], codec);
	return zipPieces(new Map([[MANIFEST, entry], ...bundle.files]));
}

/**
 * Reads a bundle, its parts left packed. Throws ParseError where it is not one, is cut off or goes beyond the limits, and
 * NewerBundle where it is of a newer major version.
 */
export function readBundle(
	bytes: Uint8Array,
	options: { readonly codec?: BundleCodec; readonly limits?: ZipLimits } = {},
): Bundle {
	const files = readZip(bytes, options.limits ?? zipLimits);
	const entry = files.get(MANIFEST);
	if (entry === undefined) throw bad("an entry of that name", "none: a zip, but not a bundle");
	if (entry.size > manifestLimits.bytes) throw bad(`up to ${manifestLimits.bytes} bytes`, String(entry.size));
	files.delete(MANIFEST);
	const codec = options.codec ?? portableCodec;
	const text = inflateEntry(MANIFEST, entry, codec);
	// The zip's own checksum is all that the manifest has; each part has its SHA-256 there.
	if (codec.crc32(text) !== entry.crc) throw bad("its CRC-32", "another: the file is damaged");
	return { manifest: parseManifest(decodeUtf8(text)), files };
}

/**
 * A part by its id, with its bytes, or why there are none: never gathered, could not be gathered, or damaged. `reading`
 * undefined: a part of the whole bundle.
 */
export async function readPart(
	bundle: Bundle,
	id: string,
	reading: string | undefined,
	codec: BundleCodec = portableCodec,
): Promise<{ readonly part: PresentPart; readonly content: Uint8Array } | Unavailable> {
	const part = bundle.manifest.parts.find((p) => p.id === id && p.reading === reading);
	if (part === undefined) return { unavailable: `the bundle has no part ${id}` };
	if (!isPresent(part)) {
		return { unavailable: part.unavailable, ...(part.wouldHelp === undefined ? {} : { wouldHelp: part.wouldHelp }) };
	}
	const content = await contentOf(bundle, part, codec);
	if (typeof content !== "string") return { part, content };
	return { unavailable: `part ${id} is damaged: ${content}`, wouldHelp: "another copy of the bundle" };
}

/** The parts whose bytes are not what the manifest says. Reads all of them. */
export async function checkBundle(bundle: Bundle, codec: BundleCodec = portableCodec): Promise<DamagedPart[]> {
	const damaged: DamagedPart[] = [];
	for (const part of bundle.manifest.parts) {
		if (!isPresent(part)) continue;
		const content = await contentOf(bundle, part, codec);
		if (typeof content === "string") damaged.push({ part, why: content });
	}
	return damaged;
}

/** The bytes, or what is wrong with them. */
async function contentOf(bundle: Bundle, part: PresentPart, codec: BundleCodec): Promise<Uint8Array | string> {
	const entry = bundle.files.get(part.file);
	if (entry === undefined) return "its entry is missing";
	if (entry.size !== part.bytes) return `${entry.size} bytes instead of ${part.bytes}`;
	let content: Uint8Array;
	try {
		content = inflateEntry(part.file, entry, codec);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return error.message;
	}
	const digest = await codec.sha256(content);
	return digest === part.sha256 ? content : `its SHA-256 is ${digest}`;
}

function nextId(readings: readonly Reading[]): string {
	const taken = new Set(readings.map((reading) => reading.id));
	let next = readings.length + 1;
	while (taken.has(String(next))) next++;
	return String(next);
}

function bad(expected: string, actual: string): ParseError {
	return new ParseError({ format: "gomem bundle", field: MANIFEST, expected, actual });
}
