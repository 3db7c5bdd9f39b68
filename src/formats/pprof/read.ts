import { ParseError } from "../../bytes/parse-error.ts";
import type { MemStatsReading } from "../memstats/reading.ts";
import { decodeProfile } from "./decode.ts";
import { type LegacyForm, type LegacyOptions, legacyForm, readLegacy } from "./legacy/legacy.ts";
import type { Profile } from "./model.ts";
import { FORMAT } from "./wire.ts";

/** How a profile may be packed. */
export type Packing = "gzip" | "zstd";

/**
 * Unpacks all members or frames of `bytes`. Throws ParseError where they are damaged or cut short, or where more than `limit` bytes come
 * of them (before they are all in memory).
 */
export type Inflate = (bytes: Uint8Array, packing: Packing, limit: number) => Uint8Array;

export interface ReadOptions extends LegacyOptions {
	/** formats know no zlib: whoever reads gives it */
	readonly inflate: Inflate;
	/** bytes of the unpacked profile; default 1 GiB */
	readonly limit?: number;
}

export interface ReadProfile {
	readonly profile: Profile;
	readonly form: "protobuf" | LegacyForm;
	readonly packing: Packing | undefined;
	/** of Go's heap?debug=1 and allocs?debug=1 */
	readonly memStats?: MemStatsReading;
}

export const DEFAULT_LIMIT = 2 ** 30;
/** gzip in gzip and the like: each layer is a chance to hide a thousandfold more */
const MAX_LAYERS = 3;

/** gzip (RFC 1952) or zstd (RFC 8878) by the magic number, else undefined. */
export function packingOf(bytes: Uint8Array): Packing | undefined {
	if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
	if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return "zstd";
	return undefined;
}

/** Reads a profile in any form that `go tool pprof` reads, and packed with zstd besides. Throws ParseError. */
export function readProfile(bytes: Uint8Array, options: ReadOptions): ReadProfile {
	const limit = options.limit ?? DEFAULT_LIMIT;
	const packing = packingOf(bytes);
	let unpacked = bytes;
	for (let layer = 0, found = packing; found !== undefined; found = packingOf(unpacked)) {
		if (layer++ === MAX_LAYERS) throw new ParseError({ format: FORMAT, actual: `more than ${MAX_LAYERS} packings` });
		unpacked = options.inflate(unpacked, found, limit);
	}
	if (unpacked.length > limit) {
		throw new ParseError({ format: FORMAT, expected: `at most ${limit} bytes`, actual: `${unpacked.length}` });
	}
	const form = legacyForm(unpacked);
	if (form !== undefined) return { ...readLegacy(unpacked, form, options), packing };
	return { profile: decodeProfile(unpacked), form: "protobuf", packing };
}
