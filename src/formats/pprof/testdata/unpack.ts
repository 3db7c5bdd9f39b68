import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { ParseError } from "../../../bytes/parse-error.ts";
import type { Inflate } from "../read.ts";

/** As src/capture/inflate.ts, which a format may not import. */
export const unpack: Inflate = (bytes, packing, limit) => {
	try {
		const options = { maxOutputLength: limit };
		return packing === "gzip" ? gunzipSync(bytes, options) : zstdDecompressSync(bytes, options);
	} catch (error) {
		throw new ParseError({ format: packing, actual: (error as Error).message }, { cause: error });
	}
};
