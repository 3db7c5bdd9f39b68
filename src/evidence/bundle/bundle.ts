import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
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
import { unzip, type ZipLimits, zip, zipLimits } from "./zip.ts";

/**
 * A bundle (`x.gomem`): a zip of manifest.json and one entry per part. This is the container only; what a part's bytes
 * mean is the business of the format that its id names.
 */
export interface Bundle {
	readonly manifest: Manifest;
	/** entries by name, manifest.json left out; also those that no part names, so that rewriting keeps them */
	readonly files: ReadonlyMap<string, Uint8Array>;
	/** parts whose bytes are not what the manifest says; the others can be used */
	readonly damaged: readonly DamagedPart[];
}

export interface DamagedPart {
	readonly part: PresentPart;
	/** "its entry is missing", "… bytes instead of …", "its SHA-256 is …" */
	readonly why: string;
}

/** What goes into a bundle: bytes, or why there are none. */
export type NewPart = {
	readonly id: string;
	readonly source: string;
	/** RFC 3339, UTC */
	readonly time: string;
	/** further fields of the part in the manifest */
	readonly more?: JsonObject;
} & ({ readonly content: Uint8Array } | Unavailable);

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

/** The SHA-256 of bytes in lower-case hex. */
export type Sha256 = (bytes: Uint8Array) => string | Promise<string>;

/** By Web Crypto, which Node and browsers (in a secure context) have. */
export const webCryptoSha256: Sha256 = async (bytes) => {
	// The types ask for a buffer that is not shared; bytes of a bundle never are.
	const digest = await globalThis.crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
	return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
};

export interface ReadOptions {
	readonly sha256?: Sha256;
	readonly limits?: ZipLimits;
}

const MANIFEST = "manifest.json";

/** A bundle without readings. */
export function emptyBundle(head: BundleHead): Bundle {
	return {
		manifest: { schema: MANIFEST_SCHEMA, ...head, readings: [], parts: [], more: {} },
		files: new Map(),
		damaged: [],
	};
}

/**
 * Adds a reading at the end; the bundle given is not changed. Ids are given in order: the n-th reading is "n", or the
 * next free number. Throws RangeError where two parts have the same id.
 */
export async function appendReading(
	bundle: Bundle,
	reading: NewReading,
	sha256: Sha256 = webCryptoSha256,
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
			files.set(file, part.content);
			parts.push({ ...head, file, bytes: part.content.length, sha256: await sha256(part.content) });
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
		damaged: bundle.damaged,
	};
}

/**
 * The bytes of the file. The same bundle gives the same bytes. Throws RangeError beyond the limits. A damaged part is
 * written as it was read, and stays damaged.
 */
export function writeBundle(bundle: Bundle): Uint8Array {
	const manifest = new TextEncoder().encode(formatManifest(bundle.manifest));
	if (manifest.length > manifestLimits.bytes) throw new RangeError(`a manifest of ${manifest.length} bytes`);
	return zip(new Map([[MANIFEST, manifest], ...bundle.files]));
}

/**
 * Reads a bundle. Throws ParseError where it is not one, is cut off, is of a newer major version or goes beyond the
 * limits. A part whose bytes do not match its hash is reported in `damaged`, and is not an error.
 */
export async function readBundle(bytes: Uint8Array, options: ReadOptions = {}): Promise<Bundle> {
	const files = unzip(bytes, options.limits ?? zipLimits);
	const text = files.get(MANIFEST);
	if (text === undefined) {
		throw new ParseError({
			format: "gomem bundle",
			field: MANIFEST,
			expected: "an entry of that name",
			actual: "none: a zip, but not a bundle",
		});
	}
	if (text.length > manifestLimits.bytes) {
		throw new ParseError({
			format: "gomem bundle",
			field: MANIFEST,
			expected: `up to ${manifestLimits.bytes} bytes`,
			actual: String(text.length),
		});
	}
	files.delete(MANIFEST);
	const manifest = parseManifest(decodeUtf8(text));
	const damaged: DamagedPart[] = [];
	const sha256 = options.sha256 ?? webCryptoSha256;
	const digests = new Map<string, string>(); // an entry named by many parts is hashed once
	for (const part of manifest.parts) {
		if (!isPresent(part)) continue;
		const content = files.get(part.file);
		if (content === undefined) {
			damaged.push({ part, why: "its entry is missing" });
		} else if (content.length !== part.bytes) {
			damaged.push({ part, why: `${content.length} bytes instead of ${part.bytes}` });
		} else {
			const digest = digests.get(part.file) ?? (await sha256(content));
			digests.set(part.file, digest);
			if (digest !== part.sha256) damaged.push({ part, why: `its SHA-256 is ${digest}` });
		}
	}
	return { manifest, files, damaged };
}

/**
 * A part by its id, with its bytes, or why there are none: never gathered, could not be gathered, or damaged. `reading`
 * undefined: a part of the whole bundle.
 */
export function findPart(
	bundle: Bundle,
	id: string,
	reading: string | undefined,
): { readonly part: PresentPart; readonly content: Uint8Array } | Unavailable {
	const part = bundle.manifest.parts.find((p) => p.id === id && p.reading === reading);
	if (part === undefined) return { unavailable: `the bundle has no part ${id}` };
	if (!isPresent(part)) {
		return { unavailable: part.unavailable, ...(part.wouldHelp === undefined ? {} : { wouldHelp: part.wouldHelp }) };
	}
	const damage = bundle.damaged.find((d) => d.part === part);
	const content = bundle.files.get(part.file);
	if (damage !== undefined || content === undefined) {
		return {
			unavailable: `part ${id} is damaged: ${damage?.why ?? "its entry is missing"}`,
			wouldHelp: "another copy of the bundle",
		};
	}
	return { part, content };
}

function nextId(readings: readonly Reading[]): string {
	const taken = new Set(readings.map((reading) => reading.id));
	let next = readings.length + 1;
	while (taken.has(String(next))) next++;
	return String(next);
}
