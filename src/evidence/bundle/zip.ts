import { Cursor } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { type BundleCodec, joined, portableCodec } from "./codec.ts";

/**
 * The zip container of a bundle (PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16): plain zip, methods 0
 * (stored) and 8 (deflate), no zip64, no encryption. It is read here, not by fflate's unzipSync, since that can be made to
 * loop for ever by a crafted extra field, gives no bound on the time that inflating takes, and inflates all there is.
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

/** A zip without zip64 has 65,535 entries at most. Entries are inflated one at a time, so their sum may be large. */
export const zipLimits: ZipLimits = { entries: 60_000, entryBytes: 2 ** 30, totalBytes: 2 ** 38, ratio: 1100 };

const FORMAT = "gomem bundle";
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const ENCRYPTED = 1;

/** An entry as it stands in the zip. Kept so, rewriting a bundle neither inflates nor deflates what is in it. */
export interface ZipEntry {
	/** 0 stored, 8 deflated */
	readonly method: number;
	readonly packed: Uint8Array;
	/** bytes, inflated */
	readonly size: number;
	/** CRC-32 of the inflated bytes */
	readonly crc: number;
}

interface DirectoryRecord extends Omit<ZipEntry, "packed"> {
	readonly name: string;
	/** bytes as packed */
	readonly length: number;
	/** offset of the local header */
	readonly local: number;
	/** offset of the directory's record, for errors */
	readonly record: number;
}

/**
 * All entries by name, as they are packed (views of `bytes`). Throws ParseError where it is not a zip of this kind or
 * goes beyond a limit.
 */
export function readZip(bytes: Uint8Array, limits: ZipLimits = zipLimits): Map<string, ZipEntry> {
	const files = new Map<string, ZipEntry>();
	for (const one of readDirectory(bytes, limits)) {
		if (files.has(one.name)) throw broken(one.record, "entry name", "each name once", JSON.stringify(one.name));
		files.set(one.name, { method: one.method, packed: packedBytes(bytes, one), size: one.size, crc: one.crc });
	}
	return files;
}

/** The bytes of an entry. Throws ParseError where they are not of the declared size, or no deflated data. */
export function inflateEntry(name: string, entry: ZipEntry, codec: BundleCodec = portableCodec): Uint8Array {
	const { method, packed, size } = entry;
	if (method === 8) {
		// Deflate gains at most a factor of 1032 (RFC 1951: 258 bytes for two bits); so the allocation is bounded by the input.
		if (size > packed.length * 1032 + 1032)
			throw broken(undefined, `${name} size`, "what deflate can yield", String(size));
		return codec.inflate(packed, size, name);
	}
	if (packed.length !== size) throw broken(undefined, `${name} size`, `${packed.length} bytes as stored`, String(size));
	return packed.slice();
}

/** Deflates what the pieces are together into an entry, or stores it where that gains nothing. */
export async function makeEntry(
	pieces: readonly Uint8Array[],
	codec: BundleCodec = portableCodec,
): Promise<{ readonly entry: ZipEntry; readonly sha256: string }> {
	const size = pieces.reduce((n, piece) => n + piece.length, 0);
	const { deflated, crc, sha256 } = await codec.pack(pieces);
	const entry =
		deflated.length < size
			? { method: 8, packed: deflated, size, crc }
			: { method: 0, packed: joined(pieces), size, crc };
	return { entry, sha256 };
}

/** Names that stay inside a folder wherever they are unpacked: relative, no "..", plain characters. */
export function isSafeName(name: string): boolean {
	return (
		name.length <= 255 &&
		name.split("/").every((part) => /^[A-Za-z0-9][A-Za-z0-9._+@-]*$/.test(part) && !part.includes(".."))
	);
}

/**
 * A zip of the entries, in the map's order, in pieces to be written one after another. The same entries give the same
 * bytes: every one has DOS time zero. Throws RangeError where a name is not safe or it would not fit the limits; the
 * caller made these.
 */
export function zipPieces(files: ReadonlyMap<string, ZipEntry>, limits: ZipLimits = zipLimits): Uint8Array[] {
	if (files.size > limits.entries) throw new RangeError(`${files.size} entries, more than ${limits.entries}`);
	const pieces: Uint8Array[] = [];
	const directory: Uint8Array[] = [];
	let offset = 0;
	let total = 0;
	for (const [name, entry] of files) {
		if (!isSafeName(name)) throw new RangeError(`not a name for a bundle's entry: ${JSON.stringify(name)}`);
		total += entry.size;
		const head = header(LOCAL_BYTES, LOCAL, name, entry, offset);
		if (entry.size > limits.entryBytes || total > limits.totalBytes || offset > MAX_OFFSET) {
			throw new RangeError(`${name} with ${entry.size} bytes is beyond what a bundle may hold`);
		}
		directory.push(header(CENTRAL_BYTES, CENTRAL, name, entry, offset));
		pieces.push(head, entry.packed);
		offset += head.length + entry.packed.length;
	}
	const end = new Uint8Array(END_BYTES);
	const view = new DataView(end.buffer);
	view.setUint32(0, END, true);
	view.setUint16(8, files.size, true);
	view.setUint16(10, files.size, true);
	view.setUint32(
		12,
		directory.reduce((n, record) => n + record.length, 0),
		true,
	);
	view.setUint32(16, offset, true);
	return [...pieces, ...directory, end];
}

/** Without zip64 an offset has 32 bits; the directory needs room, too. */
const MAX_OFFSET = 2 ** 31 - 1;
/** 1 January 1980, the zero of DOS dates. */
const DOS_DATE = 0x21;

/** A local header or a directory record: the second has the same fields with two more before them and some after. */
function header(length: number, signature: number, name: string, entry: ZipEntry, offset: number): Uint8Array {
	const central = signature === CENTRAL;
	const out = new Uint8Array(length + name.length);
	const view = new DataView(out.buffer);
	view.setUint32(0, signature, true);
	if (central) view.setUint16(4, 20, true);
	const at = central ? 6 : 4;
	view.setUint16(at, 20, true);
	view.setUint16(at + 4, entry.method, true);
	view.setUint16(at + 8, DOS_DATE, true);
	view.setUint32(at + 10, entry.crc, true);
	view.setUint32(at + 14, entry.packed.length, true);
	view.setUint32(at + 18, entry.size, true);
	view.setUint16(at + 22, name.length, true);
	if (central) view.setUint32(42, offset, true);
	for (let i = 0; i < name.length; i++) out[length + i] = name.charCodeAt(i);
	return out;
}

function readDirectory(bytes: Uint8Array, limits: ZipLimits): readonly DirectoryRecord[] {
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
	const entries: DirectoryRecord[] = [];
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

function readRecord(cursor: Cursor, limits: ZipLimits): DirectoryRecord {
	const record = cursor.at;
	if (cursor.u32("directory record") !== CENTRAL)
		throw broken(record, "directory record", "its signature", "something else");
	cursor.skip(4, "versions");
	const flags = cursor.u16("flags");
	const method = cursor.u16("method");
	cursor.skip(4, "time");
	const crc = cursor.u32("crc");
	const length = cursor.u32("packed size");
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
	if (size > 2 ** 20 && size > length * limits.ratio) {
		throw broken(record, "size", `up to ${limits.ratio} times ${length}`, String(size));
	}
	return { name, method, length, size, crc, local, record };
}

function packedBytes(bytes: Uint8Array, entry: DirectoryRecord): Uint8Array {
	const cursor = new Cursor(bytes, FORMAT);
	cursor.seek(entry.local, "local header");
	if (cursor.u32("local header") !== LOCAL)
		throw broken(entry.local, "local header", "its signature", "something else");
	cursor.seek(entry.local + LOCAL_BYTES - 4, "local name length");
	const skip = cursor.u16("local name length") + cursor.u16("local extra length");
	cursor.skip(skip, "local name");
	return cursor.take(entry.length, entry.name);
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

function broken(offset: number | undefined, field: string, expected: string, actual: string): ParseError {
	return new ParseError({ format: FORMAT, ...(offset === undefined ? {} : { offset }), field, expected, actual });
}
