import { readMaps } from "../capture/mappings.ts";
import type { Observation } from "../capture/process.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { Reading } from "../evidence/reading.ts";
import { uncounted } from "../formats/procfs/smaps-uncounted.ts";
import type { ComparedMapping, MappingsPoint, OwnerSums } from "../ledger/mapping-growth.ts";
import { type OwnedMapping, ownMappings } from "../ledger/mapping-table.ts";

/** The mappings of one reading, owned, and how much is known of each. */
export interface MapsReading {
	readonly reading: Reading;
	readonly mappings: readonly OwnedMapping[];
	/**
	 * smaps: every counter · core: pages in the file stand for resident ones, and nothing else is known · maps: the address
	 * space alone · none: not even that
	 */
	readonly known: "smaps" | "core" | "maps" | "none";
}

/** Decides whose the mappings of an observation are. Where smaps cannot be read, maps of a live process stands in. */
export function mapsReading({ reading, runtime }: Observation, live: boolean): MapsReading {
	if (reading.mappings.length > 0) {
		const known = reading.core === undefined ? "smaps" : "core";
		return { reading, mappings: ownMappings(reading, runtime), known };
	}
	const maps = live ? readMaps(reading.pid) : [];
	if (isUnavailable(maps) || maps.length === 0) return { reading, mappings: [], known: "none" };
	const bare = { ...reading, mappings: maps.map(uncounted) };
	return { reading, mappings: ownMappings(bare, runtime), known: "maps" };
}

/** What a later reading is compared with. */
export function pointOf({ reading, mappings }: MapsReading): MappingsPoint {
	return {
		at: reading.at,
		rssBytes: mappings.reduce((n, { mapping }) => n + mapping.rss, 0),
		mappings: mappings.map(
			({ mapping, owner, name }): ComparedMapping => ({
				start: mapping.start,
				end: mapping.end,
				owner,
				name,
				path: mapping.path,
				inode: String(mapping.inode),
				rssBytes: mapping.rss,
			}),
		),
		owners: ownerSums(mappings),
	};
}

/** What each owner has, its parts of others' mappings included. */
export function ownerSums(mappings: readonly OwnedMapping[]): Map<string, OwnerSums> {
	const sums = new Map<string, { rssBytes: number; sizeBytes: number; mappings: number }>();
	for (const { owner, shares } of mappings) {
		for (const { id, bytes, size } of shares) {
			const sum = sums.get(id) ?? { rssBytes: 0, sizeBytes: 0, mappings: 0 };
			sum.rssBytes += bytes;
			sum.sizeBytes += size;
			if (id === owner) sum.mappings++;
			sums.set(id, sum);
		}
	}
	return sums;
}
