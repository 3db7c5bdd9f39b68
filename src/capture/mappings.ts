import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import { parseMaps } from "../formats/procfs/maps.ts";
import { parseSmaps, type SmapsEntry } from "../formats/procfs/smaps.ts";
import { readProcBytes } from "./linux/proc-files.ts";

/** A reading takes a millisecond; a process that changes its mappings that often is seldom met torn twice. */
const TRIES = 8;

/** The mappings of a process, without what smaps adds. */
export function readMaps(pid: number): readonly Mapping[] | Unavailable {
	const read = untorn(pid, "maps", parseMaps);
	return isUnavailable(read) ? read : read.entries;
}

/** The mappings of a process with their counters, and the text they were read from. */
export function readSmaps(
	pid: number,
): { readonly entries: readonly SmapsEntry[]; readonly bytes: Uint8Array } | Unavailable {
	return untorn(pid, "smaps", parseSmaps);
}

/**
 * The kernel gives these files a buffer at a time. Where mappings merge between two of them, as those of a growing Go heap
 * do, the next one begins before the last one ended, whatever proc.rst says of maps; the text is then read again.
 */
function untorn<T>(
	pid: number,
	name: "maps" | "smaps",
	parse: (bytes: Uint8Array) => T,
): { entries: T; bytes: Uint8Array } | Unavailable {
	let torn: ParseError | undefined;
	for (let i = 0; i < TRIES; i++) {
		const bytes = readProcBytes(pid, name);
		if (isUnavailable(bytes)) return bytes;
		try {
			return { entries: parse(bytes), bytes };
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			torn = error;
		}
	}
	return {
		unavailable: `the process changed its mappings each time that /proc/${pid}/${name} was read (${torn?.message ?? ""})`,
		wouldHelp: "reading again, or --pause",
	};
}
