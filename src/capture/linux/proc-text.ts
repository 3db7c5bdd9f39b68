import { closeSync, openSync, readSync } from "node:fs";

/** Bytes of a small file of /proc or /sys, and whether there was more than the cap. */
export interface CappedBytes {
	readonly bytes: Uint8Array;
	readonly truncated: boolean;
}

/**
 * Reads a file whose size is not known before (procfs files say 0), up to `cap` bytes. Large reads matter: the kernel
 * makes each read of smaps and maps consistent by itself only (Documentation/filesystems/proc.rst, "maps" and "smaps").
 * Throws the system error of open or read.
 */
export function readCapped(path: string, cap: number): CappedBytes {
	const fd = openSync(path, "r");
	try {
		let bytes = new Uint8Array(Math.min(cap + 1, 16384));
		let length = 0;
		for (;;) {
			const got = readSync(fd, bytes, length, bytes.length - length, null);
			if (got === 0) break;
			length += got;
			if (length > cap) break;
			if (length === bytes.length) {
				const larger = new Uint8Array(Math.min(cap + 1, bytes.length * 4));
				larger.set(bytes);
				bytes = larger;
			}
		}
		const end = Math.min(length, cap);
		return { bytes: bytes.subarray(0, end), truncated: length > cap };
	} finally {
		closeSync(fd);
	}
}

const utf8 = new TextDecoder();

/** As readCapped, decoded. For files whose text never comes near 1 MiB. */
export function readSmallText(path: string): string {
	return utf8.decode(readCapped(path, 1 << 20).bytes);
}
