import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { errnoOf } from "./linux/system-error.ts";

/** What Node reads into one buffer; profiles of a gigabyte are the largest that were ever seen. */
export const MAX_PROFILE_BYTES = 2 ** 31 - 1;
/** A directory of profiles is a day of one a minute, or of many programs; not a whole file system. */
const MAX_FILES = 10_000;

/** The bytes of a file, packed as they are. */
export function readProfileFile(path: string): Uint8Array | Unavailable {
	try {
		if (statSync(path).size > MAX_PROFILE_BYTES) return { unavailable: `${path} is larger than 2 GiB` };
		return readFileSync(path);
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return { unavailable: `${path} cannot be read (${errno})`, wouldHelp: "the right path, and the right to read it" };
	}
}

/** The regular files of a directory by name, hidden ones left out; those below it are not looked at. */
export function profileFilesIn(path: string): readonly string[] | Unavailable {
	try {
		const files = readdirSync(path, { withFileTypes: true })
			.filter((entry) => entry.isFile() && !entry.name.startsWith("."))
			.map((entry) => join(path, entry.name))
			.sort();
		if (files.length > MAX_FILES) return { unavailable: `${path} has more than ${MAX_FILES} files` };
		if (files.length === 0) return { unavailable: `there is no file in ${path}` };
		return files;
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return { unavailable: `the directory ${path} cannot be read (${errno})` };
	}
}

/** All of standard input, up to `limit` bytes. */
export async function readStandardInput(
	signal: AbortSignal,
	limit = MAX_PROFILE_BYTES,
): Promise<Uint8Array | Unavailable> {
	if (process.stdin.isTTY === true) {
		return {
			unavailable: "standard input is a terminal",
			wouldHelp: "a profile piped into gomem: `… | gomem profile top -`",
		};
	}
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	const stop = () => process.stdin.destroy();
	signal.addEventListener("abort", stop, { once: true });
	try {
		for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
			bytes += chunk.length;
			if (bytes > limit) return { unavailable: `standard input holds more than ${limit} bytes` };
			chunks.push(chunk);
		}
	} finally {
		signal.removeEventListener("abort", stop);
	}
	signal.throwIfAborted();
	return Buffer.concat(chunks);
}
