import { deflateSync, Inflate } from "fflate";
import { ParseError } from "../../bytes/parse-error.ts";

export interface Packed {
	/** raw deflate (RFC 1951) */
	readonly deflated: Uint8Array;
	/** of the bytes as they were */
	readonly crc: number;
	readonly sha256: string;
}

/** What a bundle needs of the platform; replay in a browser has other means than a capture on a server. */
export interface BundleCodec {
	/** lower-case hex */
	sha256(bytes: Uint8Array): string | Promise<string>;
	crc32(bytes: Uint8Array): number;
	/** Deflates what the pieces are one after another, and says what it was. */
	pack(pieces: readonly Uint8Array[]): Promise<Packed>;
	/** Inflates to exactly `size` bytes and never holds more. Throws ParseError for anything else; `name` is for that. */
	inflate(packed: Uint8Array, size: number, name: string): Uint8Array;
}

/** By Web Crypto and fflate, which run in Node and in browsers (in a secure context). */
export const portableCodec: BundleCodec = {
	sha256,
	crc32,
	async pack(pieces) {
		const bytes = joined(pieces);
		// above 8 MiB speed matters more than the last tenth
		const deflated = deflateSync(bytes, { level: bytes.length > 8 * 2 ** 20 ? 1 : 6 });
		return { deflated, crc: crc32(bytes), sha256: await sha256(bytes) };
	},
	inflate: inflateBounded,
};

/** The pieces one after another. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
	const [only] = pieces;
	if (pieces.length === 1 && only !== undefined) return only;
	const out = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		out.set(piece, at);
		at += piece.length;
	}
	return out;
}

async function sha256(bytes: Uint8Array): Promise<string> {
	// The types ask for a buffer that is not shared; bytes of a bundle never are.
	const digest = await globalThis.crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
	return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function crc32(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
	return (crc ^ 0xffffffff) >>> 0;
}

/** PKWARE APPNOTE.TXT 4.4.7: the polynomial 0xdebb20e3, reflected. */
const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
	let crc = byte;
	for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
	return crc;
});

/** Deflated bytes given to the inflater at a time: no more than 1032 times as many come out before sizes are checked. */
const STEP = 16384;

/** Inflates into a buffer of the declared size, and stops where more comes out than was declared. */
function inflateBounded(packed: Uint8Array, size: number, name: string): Uint8Array {
	const out = new Uint8Array(size);
	let length = 0;
	const inflater = new Inflate((chunk) => {
		if (length + chunk.length > out.length) throw notInflated(name, `${size} bytes`, "more");
		out.set(chunk, length);
		length += chunk.length;
	});
	for (let at = 0; at < packed.length || at === 0; at += STEP) {
		const last = at + STEP >= packed.length;
		try {
			inflater.push(packed.subarray(at, at + STEP), last);
		} catch (error) {
			if (error instanceof ParseError) throw error;
			throw notInflated(name, "deflated data", error instanceof Error ? error.message : "an error");
		}
	}
	if (length !== size) throw notInflated(name, `${size} bytes`, `${length}`);
	return out;
}

/** The error of `inflate`. */
export function notInflated(name: string, expected: string, actual: string): ParseError {
	return new ParseError({ format: "gomem bundle", field: name, expected, actual });
}
