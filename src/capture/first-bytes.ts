import { closeSync, openSync, readSync } from "node:fs";

/** The first bytes of a file, fewer where it has no more. Throws what the system says. */
export function firstBytes(path: string, count: number): Uint8Array {
	const fd = openSync(path, "r");
	try {
		const bytes = new Uint8Array(count);
		return bytes.subarray(0, readSync(fd, bytes, 0, count, 0));
	} finally {
		closeSync(fd);
	}
}
