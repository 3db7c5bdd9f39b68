import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { parseMaps } from "../formats/procfs/maps.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import { parseSmaps, type SmapsEntry } from "../formats/procfs/smaps.ts";
import { readResidency } from "./linux/pagemap-reader.ts";
import { readProcBytes } from "./linux/proc-files.ts";

/** Which pages of a process are in memory, and what smaps says of its mappings directly after. */
export interface PagesReading {
	readonly residency: Residency | undefined;
	readonly mappings: readonly SmapsEntry[];
	/** smaps as it was read, for a bundle */
	readonly smaps: Uint8Array | undefined;
	readonly bytesRead: number;
	/** one of them changed while it was read, and is not there */
	readonly torn: boolean;
	readonly unavailable: readonly (Unavailable & { readonly part: string })[];
}

/** Difference between the two looks, as a share of Rss, that counts as still. */
const STILL = 0.002;
const TRIES = 6;
/** No further try once so long has been spent; a process of many GiB gets fewer. */
const BUDGET_MS = 200;

/**
 * Reads pagemap and then smaps, some milliseconds apart. A busy process moves in between: the two are read again, a few
 * times, until they agree; the pair that agrees best is given.
 */
export function readPages(pid: number): PagesReading {
	const started = performance.now();
	let best: PagesReading | undefined;
	let least = Number.POSITIVE_INFINITY;
	for (let tries = 0; tries < TRIES; tries++) {
		const reading = readOnce(pid);
		const apart = disagreement(reading);
		if (apart < least || best === undefined) {
			best = reading;
			least = apart;
		}
		const spent = performance.now() - started;
		if (least <= STILL || spent + spent / (tries + 1) > BUDGET_MS) break;
	}
	return best as PagesReading; // the loop runs at least once
}

function readOnce(pid: number): PagesReading {
	const unavailable: (Unavailable & { part: string })[] = [];
	const maps = readProcBytes(pid, "maps");
	const mapped = isUnavailable(maps) ? maps : untorn(() => parseMaps(maps));
	const pages = isUnavailable(mapped) ? mapped : readResidency(pid, mapped);
	const smaps = readProcBytes(pid, "smaps");
	const parsed = isUnavailable(smaps) ? smaps : untorn(() => parseSmaps(smaps));
	if (isUnavailable(pages)) unavailable.push({ part: "pagemap", ...pages });
	if (isUnavailable(parsed)) unavailable.push({ part: "smaps", ...parsed });
	const mappings = isUnavailable(parsed) ? [] : parsed;
	return {
		residency: isUnavailable(pages) ? undefined : pages.residency.settleZeroPages(mappings),
		mappings,
		smaps: isUnavailable(smaps) || isUnavailable(parsed) ? undefined : smaps,
		bytesRead: isUnavailable(pages) ? 0 : pages.bytesRead,
		unavailable,
		torn: unavailable.some((part) => part.unavailable === TORN),
	};
}

const TORN = "the process changed its mappings while they were read";

/**
 * The kernel gives maps and smaps a buffer at a time. Where mappings merge between two of them, as Go's heap does, the
 * next one may begin before the last one ended, whatever proc.rst says: then the whole is not to be believed.
 */
function untorn<T extends object>(parse: () => T): T | Unavailable {
	try {
		return parse();
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: TORN, wouldHelp: "reading again, or --pause" };
	}
}

/** How far pagemap and smaps are apart, as a share of Rss; 0 where one of them cannot be read, as trying again is no help. */
function disagreement(reading: PagesReading): number {
	if (reading.torn) return Number.POSITIVE_INFINITY;
	if (reading.residency === undefined || reading.mappings.length === 0) return 0;
	const rss = reading.mappings.reduce((n, m) => n + m.rss, 0);
	return rss === 0 ? 0 : Math.abs(reading.residency.residentBytes - rss) / rss;
}
