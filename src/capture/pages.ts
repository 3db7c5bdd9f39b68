import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import { readResidency } from "./linux/pagemap-reader.ts";
import { readMaps, readSmaps } from "./mappings.ts";

/** Which pages of a process are in memory, and what smaps says of its mappings directly after. */
export interface PagesReading {
	readonly residency: Residency | undefined;
	readonly mappings: readonly SmapsEntry[];
	/** smaps as it was read, for a bundle */
	readonly smaps: Uint8Array | undefined;
	readonly bytesRead: number;
	readonly unavailable: readonly (Unavailable & { readonly part: string })[];
}

/** Difference between the two looks, as a share of Rss, that counts as still. */
const STILL = 0.002;
const TRIES = 24;
/** No further try once so long has been spent; a process of many GiB gets fewer. */
const BUDGET_MS = 700;
/**
 * A short sleep before the next try: who wakes up gets the processor at once and keeps it for a while, so the two looks are
 * less likely to be torn apart by the very process that is being read.
 */
const SLEEP_MS = 2;
const asleep = new Int32Array(new SharedArrayBuffer(4));

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
		Atomics.wait(asleep, 0, 0, SLEEP_MS);
	}
	return best as PagesReading; // the loop runs at least once
}

function readOnce(pid: number): PagesReading {
	const unavailable: (Unavailable & { part: string })[] = [];
	const maps = readMaps(pid);
	const pages = isUnavailable(maps) ? maps : readResidency(pid, maps);
	const smaps = readSmaps(pid);
	if (isUnavailable(pages)) unavailable.push({ part: "pagemap", ...pages });
	if (isUnavailable(smaps)) unavailable.push({ part: "smaps", ...smaps });
	const mappings = isUnavailable(smaps) ? [] : smaps.entries;
	return {
		residency: isUnavailable(pages) ? undefined : pages.residency.settleZeroPages(mappings),
		mappings,
		smaps: isUnavailable(smaps) ? undefined : smaps.bytes,
		bytesRead: isUnavailable(pages) ? 0 : pages.bytesRead,
		unavailable,
	};
}

/** How far pagemap and smaps are apart, as a share of Rss; 0 where one of them cannot be read, as trying again is no help. */
function disagreement(reading: PagesReading): number {
	if (reading.residency === undefined || reading.mappings.length === 0) return 0;
	const rss = reading.mappings.reduce((n, m) => n + m.rss, 0);
	return rss === 0 ? 0 : Math.abs(reading.residency.residentBytes - rss) / rss;
}
