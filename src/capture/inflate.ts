import { createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress, gunzipSync, zstdDecompressSync } from "node:zlib";
import { ParseError } from "../bytes/parse-error.ts";
import type { Inflate, Packing, Unpacking } from "../formats/pprof/read.ts";

/** deflate makes at most 1032 bytes of one (zlib's technical details) */
const DEFLATE_RATIO = 1032;

/** What zlib's reading of packed bytes throws because of them. */
const DAMAGED = /^(?:Z_|ZSTD_|ERR_BUFFER_TOO_LARGE)/;

/** Bytes that are unpacked before they are read: enough to be worth a change of threads, few enough to stay in a cache. */
const CHUNK = 1 << 18;
const FILE_CHUNK = 1 << 20;

/** Unpacks gzip (all members) and zstd (all frames) by Node's zlib, never beyond the limit. */
export const inflate: Inflate = (bytes, packing, limit) => {
	try {
		const options = {
			maxOutputLength: limit,
			chunkSize: Math.min(expectedBytes(bytes, packing) + 1, limit),
			info: true,
		} as const;
		// with `info` zlib also tells how much it took, which Node's types do not know
		const unpack = (packing === "gzip" ? gunzipSync : zstdDecompressSync) as unknown as (
			packed: Uint8Array,
			how: typeof options,
		) => { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
		const { buffer, engine } = unpack(bytes, options);
		checkRest(bytes.length - engine.bytesWritten, packing);
		return buffer;
	} catch (error) {
		throw damage(error, packing, limit);
	}
};

/** The same on another thread, so that what has come can be read meanwhile. */
export function unpacking(bytes: Uint8Array, packing: Packing): Unpacking {
	return { packing, expected: expectedBytes(bytes, packing), chunks: chunksOf(Readable.from([bytes]), packing) };
}

/** The same of a file, which is read meanwhile, too. What goes wrong with the file is thrown as it comes, with its errno. */
export function unpackingFile(path: string, packing: Packing): Unpacking {
	const fd = openSync(path, "r");
	const { size } = fstatSync(fd);
	const tail = new Uint8Array(TAIL);
	const read = readSync(fd, tail, 0, TAIL, Math.max(0, size - TAIL));
	const file = createReadStream(path, { fd, start: 0, highWaterMark: FILE_CHUNK });
	return { packing, expected: expectedBytes(tail.subarray(0, read), packing, size), chunks: chunksOf(file, packing) };
}

async function* chunksOf(packed: Readable, packing: Packing): AsyncGenerator<Uint8Array> {
	const options = { chunkSize: CHUNK, readableHighWaterMark: 4 * CHUNK };
	const stream = packing === "gzip" ? createGunzip(options) : createZstdDecompress(options);
	// the stream hands on what happens to its source
	pipeline(packed, stream, () => {});
	try {
		let taken = 0;
		packed.on("data", (chunk: Uint8Array) => {
			taken += chunk.length;
		});
		for await (const chunk of stream as AsyncIterable<Uint8Array>) yield chunk;
		checkRest(taken - stream.bytesWritten, packing);
	} catch (error) {
		throw damage(error, packing);
	}
}

/** zlib takes zeros after the last part for padding, and leaves them; Go's gzip refuses them, as something was lost there. */
function checkRest(left: number, packing: Packing): void {
	if (left <= 0) return;
	throw new ParseError({
		format: packing,
		expected: "nothing after the packed data",
		actual: `${left} bytes more`,
	});
}

/** The parse error that one of zlib is, if it is because of the bytes. */
function damage(error: unknown, packing: Packing, limit = 0): unknown {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	if (!DAMAGED.test(code)) return error;
	const actual = code === "ERR_BUFFER_TOO_LARGE" ? `more than ${limit} bytes` : (error as Error).message;
	return new ParseError({ format: packing, expected: "whole packed data", actual }, { cause: error });
}

/** the last bytes of gzip: CRC-32 and size */
const TAIL = 8;

/**
 * gzip ends with the size of its last member: unpacked into one buffer of that size, nothing is copied. A hint, not believed.
 * `end`: at least the last bytes of `size`.
 */
function expectedBytes(end: Uint8Array, packing: Packing, size: number = end.length): number {
	const least = 1 << 16;
	if (packing !== "gzip" || size < 18) return Math.max(least, size);
	const told = new DataView(end.buffer, end.byteOffset + end.length - 4, 4).getUint32(0, true);
	return Math.max(least, Math.min(told, size * DEFLATE_RATIO));
}
