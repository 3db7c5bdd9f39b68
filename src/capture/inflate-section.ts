import { inflateSync, zstdDecompressSync } from "node:zlib";
import type { Inflate } from "../formats/elf/compressed.ts";

/** By Node's zlib and zstd, into one buffer of the size that the section claims, which its reader has checked. */
export const inflateSection: Inflate = (stream, compression, size) => {
	// one buffer that is never full: else Node would put chunks together, and hold them twice for that
	const options = { maxOutputLength: Math.max(1, size), chunkSize: Math.max(64, size + 1) };
	try {
		return compression === "zlib" ? inflateSync(stream, options) : zstdDecompressSync(stream, options);
	} catch {
		return undefined; // no stream of that kind, or a longer one
	}
};
