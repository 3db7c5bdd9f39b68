import { ByteWriter } from "../../bytes/byte-writer.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import type { MemStatsReading } from "../memstats/reading.ts";
import { decodeProfile, ProfileDecoder } from "./decode.ts";
import { HEADING_BYTES, type LegacyForm, type LegacyOptions, legacyForm, readLegacy } from "./legacy/legacy.ts";
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
	/** a text that is cut short, by what it says of itself: how that shows */
	readonly missing?: string;
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
	return readLayers(bytes, options, 0);
}

function readLayers(bytes: Uint8Array, options: ReadOptions, layersBefore: number): ReadProfile {
	const limit = options.limit ?? DEFAULT_LIMIT;
	const packing = packingOf(bytes);
	let unpacked = bytes;
	for (let layer = layersBefore, found = packing; found !== undefined; found = packingOf(unpacked)) {
		if (layer++ === MAX_LAYERS) throw new ParseError({ format: FORMAT, actual: `more than ${MAX_LAYERS} packings` });
		unpacked = options.inflate(unpacked, found, limit);
	}
	if (unpacked.length > limit) throw tooLarge(limit, unpacked.length);
	const form = legacyForm(unpacked);
	if (form !== undefined) return { ...readLegacy(unpacked, form, options), packing };
	return { profile: decodeProfile(unpacked), form: "protobuf", packing };
}

/** A profile that is being unpacked. */
export interface Unpacking {
	readonly packing: Packing;
	/** how many bytes come of it, as far as that is known before: a hint, not believed */
	readonly expected: number;
	/** throws ParseError where what is packed is damaged or cut short */
	readonly chunks: AsyncIterable<Uint8Array>;
}

/** Reads a profile while it is unpacked, on another thread for instance. The same result as readProfile. */
export async function readUnpacking(unpacking: Unpacking, options: ReadOptions): Promise<ReadProfile> {
	const limit = options.limit ?? DEFAULT_LIMIT;
	const expected = Math.min(unpacking.expected, limit);
	const decoder = new ProfileDecoder(expected);
	/** the first bytes until they say what it is; all where it is no protobuf */
	const kept = new ByteWriter(0);
	let decided = false;
	let isProtobuf = false;
	let bytes = 0;
	const decide = () => {
		decided = true;
		isProtobuf = packingOf(kept.written()) === undefined && legacyForm(kept.written()) === undefined;
		if (isProtobuf) decoder.push(kept.written());
	};
	for await (const chunk of unpacking.chunks) {
		bytes += chunk.length;
		if (bytes > limit) throw tooLarge(limit, bytes);
		if (isProtobuf) decoder.push(chunk);
		else {
			kept.raw(chunk);
			if (!decided && kept.length >= HEADING_BYTES) decide();
		}
	}
	if (!decided) decide();
	if (isProtobuf) return { profile: decoder.finish(new Uint8Array(0)), form: "protobuf", packing: unpacking.packing };
	return { ...readLayers(kept.written(), options, 1), packing: unpacking.packing };
}

function tooLarge(limit: number, bytes: number): ParseError {
	return new ParseError({ format: FORMAT, expected: `at most ${limit} bytes`, actual: `${bytes}` });
}
