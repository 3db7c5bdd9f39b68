import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { packingOf, type Unpacking } from "../formats/pprof/read.ts";
import { firstBytes } from "./first-bytes.ts";
import { unpacking, unpackingFile } from "./inflate.ts";
import { errnoOf } from "./linux/system-error.ts";
import { standardInput } from "./standard-input.ts";

/** What Node reads into one buffer; profiles of a gigabyte are the largest that were ever seen. */
export const MAX_PROFILE_BYTES = 2 ** 31 - 1;
/** A directory of profiles is a day of one a minute, or of many programs; not a whole file system. */
const MAX_FILES = 10_000;

/** Packed bytes from which on it pays to unpack them on another thread. */
const WORTH_A_THREAD = 1 << 20;

/** The bytes of a file as they are, or, where it is packed and large, what comes of it while it is read. */
export function openProfileFile(path: string): Uint8Array | Unpacking | Unavailable {
	return tryFile(path, () => {
		const there = statSync(path);
		if (there.size > MAX_PROFILE_BYTES) return { unavailable: `${path} is larger than 2 GiB` };
		const packing = there.isFile() && there.size >= WORTH_A_THREAD ? packingOf(firstBytes(path, 4)) : undefined;
		return packing === undefined ? readFileSync(path) : unpackingFile(path, packing);
	});
}

/** What was fetched as it is, or, where it is packed and large, what comes of it. */
export function unpackLarge(bytes: Uint8Array): Uint8Array | Unpacking {
	const packing = bytes.length < WORTH_A_THREAD ? undefined : packingOf(bytes);
	return packing === undefined ? bytes : unpacking(bytes, packing);
}

function tryFile<T>(path: string, read: () => T): T | Unavailable {
	try {
		return read();
	} catch (error) {
		return unreadableFile(path, error);
	}
}

/** Why a file cannot be read; rethrows what is no error of the system. */
export function unreadableFile(path: string, error: unknown): Unavailable {
	const errno = errnoOf(error);
	if (errno === undefined) throw error;
	return { unavailable: `${path} cannot be read (${errno})`, wouldHelp: "the right path, and the right to read it" };
}

/** The regular files of a directory by name, hidden ones left out; those below it are not looked at. */
export function profileFilesIn(path: string): readonly string[] | Unavailable {
	try {
		const entries = readdirSync(path, { withFileTypes: true });
		const files = entries
			.filter((entry) => entry.isFile() && !entry.name.startsWith("."))
			.map((entry) => join(path, entry.name))
			.sort();
		if (files.length > MAX_FILES) return { unavailable: `${path} has more than ${MAX_FILES} files` };
		return files.length === 0 ? nothingIn(path, entries) : files;
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return { unavailable: `the directory ${path} cannot be read (${errno})` };
	}
}

function nothingIn(path: string, entries: readonly Dirent[]): Unavailable {
	const folder = entries.find((entry) => entry.isDirectory() && !entry.name.startsWith("."));
	const passedOver = [
		...(folder === undefined ? [] : ["folders in it are not searched"]),
		...(entries.some((entry) => entry.name.startsWith(".")) ? ["what begins with a dot is passed over"] : []),
	];
	return {
		unavailable: `there is no file in ${path}${passedOver.length === 0 ? "" : `: ${passedOver.join(", and ")}`}`,
		wouldHelp:
			folder === undefined ? "a directory with profiles in it" : `the folder itself, as ${join(path, folder.name)}`,
	};
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
	for await (const chunk of standardInput().chunks(signal)) {
		bytes += chunk.length;
		if (bytes > limit) return { unavailable: `standard input holds more than ${limit} bytes` };
		chunks.push(chunk);
	}
	signal.throwIfAborted();
	return Buffer.concat(chunks);
}
