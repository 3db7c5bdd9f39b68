import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { crc32, deflateRaw, inflateRawSync } from "node:zlib";
import { type BundleCodec, notInflated } from "../evidence/bundle/codec.ts";

const deflate = promisify(deflateRaw);

/** By Node's zlib and OpenSSL: tens of MiB of metadata take tenths of a second. */
export const nodeCodec: BundleCodec = {
	sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
	crc32: (bytes) => crc32(bytes),
	// level 3: span structs deflate to within some percent of level 6 in a third of the time
	deflate: (bytes) => deflate(bytes, { level: bytes.length > 2 ** 20 ? 3 : 6 }),
	inflate(packed, size, name) {
		let bytes: Uint8Array;
		try {
			bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
		} catch (error) {
			throw notInflated(name, `${size} bytes of deflated data`, error instanceof Error ? error.message : "an error");
		}
		if (bytes.length !== size) throw notInflated(name, `${size} bytes`, String(bytes.length));
		return bytes;
	},
};
