import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { ParseError } from "../bytes/parse-error.ts";
import type { Inflate, Packing } from "../formats/pprof/read.ts";

/** deflate makes at most 1032 bytes of one (zlib's technical details) */
const DEFLATE_RATIO = 1032;

/** What zlib's reading of packed bytes throws because of them. */
const DAMAGED = /^(?:Z_|ZSTD_|ERR_BUFFER_TOO_LARGE)/;

/** Unpacks gzip (all members) and zstd (all frames) by Node's zlib, never beyond the limit. */
export const inflate: Inflate = (bytes, packing, limit) => {
	try {
		const options = { maxOutputLength: limit, chunkSize: expectedBytes(bytes, packing, limit) };
		return packing === "gzip" ? gunzipSync(bytes, options) : zstdDecompressSync(bytes, options);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : "";
		if (!DAMAGED.test(code)) throw error;
		const actual = code === "ERR_BUFFER_TOO_LARGE" ? `more than ${limit} bytes` : (error as Error).message;
		throw new ParseError({ format: packing, expected: "whole packed data", actual }, { cause: error });
	}
};

/** gzip ends with the size of its last member: unpacked into one buffer of that size, nothing is copied. A hint, not believed. */
function expectedBytes(bytes: Uint8Array, packing: Packing, limit: number): number {
	const least = 1 << 16;
	if (packing !== "gzip" || bytes.length < 18) return least;
	const size = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
	return Math.max(least, Math.min(size + 1, limit, bytes.length * DEFLATE_RATIO));
}
