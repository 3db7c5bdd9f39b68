import type { Reading } from "../evidence/reading.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import { isWithin } from "../ledger/lines.ts";
import {
	compareMappings,
	type MappingChange,
	type MappingsGrowth,
	type MappingsPoint,
} from "../ledger/mapping-growth.ts";
import { type OwnedMapping, ownerWhat } from "../ledger/mapping-table.ts";
import { coreShape } from "./core-shape.ts";
import { type MapsReading, ownerSums, pointOf } from "./maps-reading.ts";
import type { MapsMapping, MapsOwner, MapsResult } from "./maps-shape.ts";
import { unreadable } from "./shapes.ts";
import { processSummary } from "./summaries.ts";

export interface MapsView {
	readonly all: boolean;
	readonly owner?: string | undefined;
}

/** The result document of one reading, with what changed since an earlier one. */
export function mapsResult(read: MapsReading, earlier: MappingsPoint | undefined, view: MapsView): MapsResult {
	const { reading, mappings, known } = read;
	// a reading without counters says nothing of growth but by addresses
	const growth = earlier === undefined || known === "none" ? undefined : compareMappings(earlier, pointOf(read));
	const changes = new Map(growth?.changes.flatMap((c) => (c.index === undefined ? [] : [[c.index, c]])) ?? []);
	const { vmRss } = reading.status;
	const wanted = (owner: string) => view.owner === undefined || isWithin(owner, view.owner);
	return {
		target: processSummary(reading),
		at: new Date(reading.at).toISOString(),
		...(reading.core === undefined ? {} : { core: coreShape(reading.core) }),
		sizeBytes: known === "none" ? reading.stat.virtualBytes : sum(mappings, sizeOf),
		...totals(read),
		...(vmRss === undefined || known === "core" ? {} : { vmRssBytes: vmRss }),
		view: { all: view.all, ...(view.owner === undefined ? {} : { owner: view.owner }) },
		owners: known === "none" ? ownersOfStatus(reading) : ownersOf(read, growth),
		mappings: mappings.flatMap((m, index) =>
			wanted(m.owner) ? [mappingShape(m, known, view.all, changes.get(index))] : [],
		),
		...(growth === undefined ? {} : { growth: growthShape(growth, wanted) }),
		unavailable: unreadable(reading.unavailable),
		cost: { ...reading.cost, wallMs: Math.round(reading.cost.wallMs), pausedMs: Math.round(reading.cost.pausedMs) },
	};
}

type Sums = Pick<MapsResult, "rssBytes" | "pssBytes" | "privateDirtyBytes" | "swapBytes" | "hugeBytes">;

/** Sums over mappings, as far as they are known. */
function sums(mappings: readonly OwnedMapping[], known: MapsReading["known"]): Sums {
	if (known === "maps" || known === "none") return {};
	const rssBytes = sum(mappings, (m) => m.rss);
	if (known === "core") return { rssBytes };
	return {
		rssBytes,
		pssBytes: sum(mappings, (m) => m.pss),
		privateDirtyBytes: sum(mappings, (m) => m.privateDirty),
		swapBytes: sum(mappings, (m) => m.swap),
		hugeBytes: sum(mappings, hugeOf),
	};
}

function totals({ reading, mappings, known }: MapsReading): Sums {
	if (known === "smaps" || known === "core") return sums(mappings, known);
	const { vmRss, vmSwap } = reading.status;
	return {
		...(vmRss === undefined ? {} : { rssBytes: vmRss }),
		...(vmSwap === undefined ? {} : { swapBytes: vmSwap }),
	};
}

function hugeOf(m: SmapsEntry): number {
	return m.anonHugePages + m.shmemPmdMapped + m.filePmdMapped + m.sharedHugetlb + m.privateHugetlb;
}

function sizeOf(m: SmapsEntry): number {
	return m.end - m.start;
}

function sum(mappings: readonly OwnedMapping[], of: (m: SmapsEntry) => number): number {
	let total = 0;
	for (const { mapping } of mappings) total += of(mapping);
	return total;
}

/**
 * What each owner has. Rss and size are those of its parts; what smaps counts for a mapping as a whole is divided among its
 * owners as Rss is, and swap as size is.
 */
function ownersOf({ mappings, known }: MapsReading, growth: MappingsGrowth | undefined): MapsOwner[] {
	const whole = ownerSums(mappings);
	// an owner that lost its last mapping is still told of
	for (const owner of growth?.owners.keys() ?? [])
		if (!whole.has(owner)) whole.set(owner, { rssBytes: 0, sizeBytes: 0, mappings: 0 });
	const counted = known === "smaps" ? dividedCounters(mappings) : undefined;
	const owners = [...whole].map(([owner, { rssBytes, sizeBytes, mappings }]): MapsOwner => {
		const change = growth?.owners.get(owner);
		return {
			owner,
			what: ownerWhat(owner),
			mappings,
			sizeBytes,
			...(known === "maps" ? {} : { rssBytes }),
			...(counted === undefined ? {} : (counted.get(owner) ?? NO_COUNTERS)),
			...(change === undefined ? {} : { growthRssBytes: change.rssBytes, growthSizeBytes: change.sizeBytes }),
		};
	});
	return owners.sort((a, b) => (b.rssBytes ?? 0) - (a.rssBytes ?? 0) || (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0));
}

interface OwnerCounters {
	pssBytes: number;
	privateDirtyBytes: number;
	swapBytes: number;
	hugeBytes: number;
}

const NO_COUNTERS: OwnerCounters = { pssBytes: 0, privateDirtyBytes: 0, swapBytes: 0, hugeBytes: 0 };

function dividedCounters(mappings: readonly OwnedMapping[]): Map<string, OwnerCounters> {
	const out = new Map<string, OwnerCounters>();
	for (const { mapping: m, shares } of mappings) {
		const rest = { pss: m.pss, dirty: m.privateDirty, swap: m.swap, huge: hugeOf(m) };
		// the main owner, the first, gets what rounding leaves
		for (const [i, { id, bytes, size }] of [...shares.entries()].reverse()) {
			const part = m.rss > 0 ? bytes / m.rss : 0;
			const take = (key: keyof typeof rest, share: number) => {
				const taken = i === 0 ? rest[key] : Math.min(rest[key], Math.round(share));
				rest[key] -= taken;
				return taken;
			};
			const sum = out.get(id) ?? { ...NO_COUNTERS };
			sum.pssBytes += take("pss", m.pss * part);
			sum.privateDirtyBytes += take("dirty", m.privateDirty * part);
			sum.swapBytes += take("swap", (m.swap * size) / sizeOf(m));
			sum.hugeBytes += take("huge", hugeOf(m) * part);
			out.set(id, sum);
		}
	}
	return out;
}

/** Where no mapping can be read: the three sums that everyone may read (proc_pid_status(5), Linux 4.5). */
function ownersOfStatus({ status }: Reading): MapsOwner[] {
	const owner = (id: string, what: string, rssBytes: number | undefined): MapsOwner[] =>
		rssBytes === undefined ? [] : [{ owner: id, what, mappings: 0, rssBytes }];
	return [
		...owner("anon.all", "anonymous memory (RssAnon)", status.rssAnon),
		...owner("files.all", "files: program, libraries, mapped files (RssFile)", status.rssFile),
		...owner("shared.all", "shared memory (RssShmem)", status.rssShmem),
	];
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function mappingShape(
	{ mapping: m, owner, name, shares, registered }: OwnedMapping,
	known: MapsReading["known"],
	all: boolean,
	change: MappingChange | undefined,
): MapsMapping {
	const counted = known === "smaps" || known === "core";
	const { read, write, execute, shared } = m.permissions;
	return {
		start: hex(m.start),
		end: hex(m.end),
		owner,
		name,
		sizeBytes: sizeOf(m),
		...(counted ? { rssBytes: m.rss } : {}),
		...(known === "smaps"
			? {
					pssBytes: m.pss,
					privateDirtyBytes: m.privateDirty,
					swapBytes: m.swap,
					hugeBytes: hugeOf(m),
					dirtyBytes: m.sharedDirty + m.privateDirty,
				}
			: {}),
		permissions: `${read ? "r" : "-"}${write ? "w" : "-"}${execute ? "x" : "-"}${shared ? "s" : "p"}`,
		offset: hex(m.offset),
		device: m.device,
		inode: String(m.inode),
		...(m.path === "" ? {} : { path: m.path }),
		...(m.deleted ? { deleted: true } : {}),
		...(shares.length < 2
			? {}
			: {
					shares: shares.map((share) => ({
						owner: share.id,
						sizeBytes: share.size,
						...(counted ? { rssBytes: share.bytes } : {}),
					})),
				}),
		...(registered.count === 0 ? {} : { registered: { ...registered } }),
		...(all && known === "smaps" ? { counters: countersOf(m) } : {}),
		...(change === undefined
			? {}
			: { change: { kind: change.change, rssBytes: change.rssBytes, sizeBytes: change.sizeBytes } }),
	};
}

function countersOf(m: SmapsEntry): NonNullable<MapsMapping["counters"]> {
	return {
		...(m.pssDirty === undefined ? {} : { pssDirtyBytes: m.pssDirty }),
		sharedCleanBytes: m.sharedClean,
		sharedDirtyBytes: m.sharedDirty,
		privateCleanBytes: m.privateClean,
		referencedBytes: m.referenced,
		anonymousBytes: m.anonymous,
		...(m.ksm === undefined ? {} : { ksmBytes: m.ksm }),
		lazyFreeBytes: m.lazyFree,
		anonHugePagesBytes: m.anonHugePages,
		shmemPmdMappedBytes: m.shmemPmdMapped,
		filePmdMappedBytes: m.filePmdMapped,
		sharedHugetlbBytes: m.sharedHugetlb,
		privateHugetlbBytes: m.privateHugetlb,
		swapPssBytes: m.swapPss,
		lockedBytes: m.locked,
		kernelPageSizeBytes: m.kernelPageSize,
		...(m.thpEligible === undefined ? {} : { thpEligible: m.thpEligible }),
		vmFlags: [...m.vmFlags],
	};
}

function growthShape(growth: MappingsGrowth, wanted: (owner: string) => boolean): NonNullable<MapsResult["growth"]> {
	const shown = growth.changes.filter((c) => wanted(c.mapping.owner));
	return {
		seconds: Math.round(growth.seconds * 10) / 10,
		rssBytes: growth.rssBytes,
		sizeBytes: growth.sizeBytes,
		new: shown.filter((c) => c.change === "new").length,
		gone: shown
			.filter((c) => c.change === "gone")
			.map(({ mapping }) => ({
				start: hex(mapping.start),
				end: hex(mapping.end),
				owner: mapping.owner,
				name: mapping.name,
				sizeBytes: mapping.end - mapping.start,
				rssBytes: mapping.rssBytes,
			})),
	};
}
