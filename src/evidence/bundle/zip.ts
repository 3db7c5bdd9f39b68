import { Inflate, type Zippable, zipSync } from "fflate";
import { Cursor } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";

/**
 * The zip container of a bundle (PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16): plain zip, methods 0
 * (stored) and 8 (deflate), no zip64, no encryption. The directory is read here, not by fflate's unzipSync, since that
 * can be made to loop for ever by a crafted extra field and gives no bound on the time that inflating takes.
 */
export interface ZipLimits {
	readonly entries: number;
	/** bytes of one entry, inflated */
	readonly entryBytes: number;
	/** bytes of all entries, inflated */
	readonly totalBytes: number;
	/** inflated bytes per deflated byte, for entries above 1 MiB; deflate itself cannot exceed 1032 */
	readonly ratio: number;
}

export const zipLimits: ZipLimits = { entries: 10_000, entryBytes: 2 ** 30, totalBytes: 2 ** 31 - 1, ratio: 1100 };

const FORMAT = "gomem bundle";
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const ENCRYPTED = 1;

/** Deflated bytes given to the inflater at a time: no more than 1032 times as many come out before sizes are checked. */
const STEP = 16384;

interface Entry {
	readonly name: string;
	readonly method: number;
	readonly packed: number;
	readonly size: number;
	/** offset of the local header */
	readonly local: number;
	/** offset of the directory's record, for errors */
	readonly record: number;
}

/** All entries by name, inflated. Throws ParseError where it is not a zip of this kind or goes beyond a limit. */
export function unzip(bytes: Uint8Array, limits: ZipLimits = zipLimits): Map<string, Uint8Array> {
	const files = new Map<string, Uint8Array>();
	for (const entry of readDirectory(bytes, limits)) {
		if (files.has(entry.name)) throw broken(entry.record, "entry name", "each name once", JSON.stringify(entry.name));
		files.set(entry.name, contents(bytes, entry));
	}
	return files;
}

/** Names that stay inside a folder wherever they are unpacked: relative, no "..", plain characters. */
export function isSafeName(name: string): boolean {
	return (
		name.length <= 255 &&
		name.split("/").every((part) => /^[A-Za-z0-9][A-Za-z0-9._+@-]*$/.test(part) && !part.includes(".."))
	);
}

/**
 * Makes a zip of the files, in the map's order. The same files give the same bytes: every entry has DOS time zero.
 * Throws RangeError where a name is not safe or it would not fit the limits; the caller made these.
 */
export function zip(files: ReadonlyMap<string, Uint8Array>, limits: ZipLimits = zipLimits): Uint8Array {
	const tree: Zippable = {};
	let total = 0;
	if (files.size > limits.entries) throw new RangeError(`${files.size} entries, more than ${limits.entries}`);
	for (const [name, bytes] of files) {
		if (!isSafeName(name)) throw new RangeError(`not a name for a bundle's entry: ${JSON.stringify(name)}`);
		total += bytes.length;
		if (bytes.length > limits.entryBytes || total > limits.totalBytes) {
			throw new RangeError(`${name} with ${bytes.length} bytes is beyond what a bundle may hold`);
		}
		// above 8 MiB speed matters more than the last tenth
		tree[name] = [bytes, { level: bytes.length > 8 * 2 ** 20 ? 1 : 6, mtime: new Date(1980, 0, 1) }];
	}
	return zipSync(tree);
}

function readDirectory(bytes: Uint8Array, limits: ZipLimits): readonly Entry[] {
	const end = findEnd(bytes);
	const cursor = new Cursor(bytes, FORMAT);
	cursor.seek(end + 10, "entry count");
	const count = cursor.u16("entry count");
	const size = cursor.u32("directory size");
	const start = cursor.u32("directory offset");
	if (count > limits.entries) throw broken(end + 10, "entry count", `up to ${limits.entries}`, String(count));
	if (start + size > end)
		throw broken(end + 12, "directory", `an end before 0x${end.toString(16)}`, `0x${(start + size).toString(16)}`);
	if (count * CENTRAL_BYTES > size)
		throw broken(end + 10, "entry count", `records that fit ${size} bytes`, String(count));
	cursor.seek(start, "directory offset");
	const entries: Entry[] = [];
	let total = 0;
	for (let i = 0; i < count; i++) {
		const entry = readRecord(cursor, limits);
		total += entry.size;
		if (total > limits.totalBytes)
			throw broken(entry.record, "total size", `up to ${limits.totalBytes}`, String(total));
		entries.push(entry);
	}
	return entries;
}

function readRecord(cursor: Cursor, limits: ZipLimits): Entry {
	const record = cursor.at;
	if (cursor.u32("directory record") !== CENTRAL)
		throw broken(record, "directory record", "its signature", "something else");
	cursor.skip(4, "versions");
	const flags = cursor.u16("flags");
	const method = cursor.u16("method");
	cursor.skip(8, "time and crc");
	const packed = cursor.u32("packed size");
	const size = cursor.u32("size");
	const nameLength = cursor.u16("name length");
	const rest = cursor.u16("extra length") + cursor.u16("comment length");
	cursor.skip(8, "disk and attributes");
	const local = cursor.u32("local header");
	const name = latin(cursor.take(nameLength, "name"));
	cursor.skip(rest, "extra and comment");
	if ((flags & ENCRYPTED) !== 0) throw broken(record, "flags", "no encryption", `0x${flags.toString(16)}`);
	if (method !== 0 && method !== 8) throw broken(record, "method", "0 or 8", String(method));
	if (!isSafeName(name)) throw broken(record, "name", "a relative name of plain characters", JSON.stringify(name));
	if (size > limits.entryBytes) throw broken(record, "size", `up to ${limits.entryBytes}`, String(size));
	if (size > 2 ** 20 && size > packed * limits.ratio) {
		throw broken(record, "size", `up to ${limits.ratio} times ${packed}`, String(size));
	}
	return { name, method, packed, size, local, record };
}

function contents(bytes: Uint8Array, entry: Entry): Uint8Array {
	const cursor = new Cursor(bytes, FORMAT);
	cursor.seek(entry.local, "local header");
	if (cursor.u32("local header") !== LOCAL)
		throw broken(entry.local, "local header", "its signature", "something else");
	cursor.seek(entry.local + LOCAL_BYTES - 4, "local name length");
	const skip = cursor.u16("local name length") + cursor.u16("local extra length");
	cursor.skip(skip, "local name");
	const packed = cursor.take(entry.packed, entry.name);
	if (entry.method === 8) return inflate(packed, entry);
	if (packed.length !== entry.size)
		throw broken(entry.record, "size", `${packed.length} bytes as stored`, String(entry.size));
	return packed.slice();
}

/** Inflates into a buffer of the declared size, and stops where more comes out than was declared. */
function inflate(packed: Uint8Array, entry: Entry): Uint8Array {
	// Deflate gains at most a factor of 1032 (RFC 1951: 258 bytes for two bits); so the allocation is bounded by the input.
	if (entry.size > packed.length * 1032 + 1032)
		throw broken(entry.record, "size", "what deflate can yield", String(entry.size));
	const out = new Uint8Array(entry.size);
	let length = 0;
	const inflater = new Inflate((chunk) => {
		if (length + chunk.length > out.length) throw broken(entry.record, "size", `${entry.size} bytes`, "more");
		out.set(chunk, length);
		length += chunk.length;
	});
	for (let at = 0; at < packed.length || at === 0; at += STEP) {
		const last = at + STEP >= packed.length;
		try {
			inflater.push(packed.subarray(at, at + STEP), last);
		} catch (error) {
			if (error instanceof ParseError) throw error;
			throw broken(entry.record, entry.name, "deflated data", error instanceof Error ? error.message : "an error");
		}
	}
	if (length !== entry.size) throw broken(entry.record, "size", `${entry.size} bytes`, `${length}`);
	return out;
}

/** The end-of-directory record: in the last 22 bytes, or before a comment of up to 65,535. */
function findEnd(bytes: Uint8Array): number {
	const lowest = Math.max(0, bytes.length - END_BYTES - 65535);
	for (let at = bytes.length - END_BYTES; at >= lowest; at--) {
		if (bytes[at] === 0x50 && new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true) === END)
			return at;
	}
	throw broken(bytes.length, "end of directory", "the end record of a zip", "none (not a bundle, or cut off)");
}

function latin(bytes: Uint8Array): string {
	return bytes.reduce((text, byte) => text + String.fromCharCode(byte), "");
}

function broken(offset: number, field: string, expected: string, actual: string): ParseError {
	return new ParseError({ format: FORMAT, offset, field, expected, actual });
}
