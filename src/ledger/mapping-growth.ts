/** A mapping as far as two readings compare. */
export interface ComparedMapping {
	readonly start: number;
	readonly end: number;
	readonly owner: string;
	readonly name: string;
	/** the name that the kernel gives it, and the inode: what stays when it grows */
	readonly path: string;
	readonly inode: string;
	readonly rssBytes: number;
}

export interface MappingsPoint {
	/** unix milliseconds */
	readonly at: number;
	readonly rssBytes: number;
	/** ascending */
	readonly mappings: readonly ComparedMapping[];
	readonly owners: ReadonlyMap<string, OwnerSums>;
}

/** What an owner has: parts of mappings that it shares with others among it; those count as a mapping of the main owner. */
export interface OwnerSums {
	readonly rssBytes: number;
	readonly sizeBytes: number;
	readonly mappings: number;
}

export type Change = "new" | "gone" | "grown" | "shrunk";

/** What changed of one mapping. For one that is gone it is what was there. */
export interface MappingChange {
	readonly mapping: ComparedMapping;
	/** index in the later reading; undefined where it is gone */
	readonly index: number | undefined;
	readonly change: Change;
	readonly rssBytes: number;
	readonly sizeBytes: number;
}

export interface MappingsGrowth {
	readonly seconds: number;
	readonly rssBytes: number;
	readonly sizeBytes: number;
	/** those that changed, the largest change of resident bytes first */
	readonly changes: readonly MappingChange[];
	/** change by owner; those that did not change are left out */
	readonly owners: ReadonlyMap<string, OwnerSums>;
}

/**
 * What changed between two readings of one process. The kernel joins and splits mappings as neighbours come and go, so each
 * earlier mapping counts for the later one of the same file or name that it overlaps most, and a later one that none counts
 * for is new.
 */
export function compareMappings(earlier: MappingsPoint, later: MappingsPoint): MappingsGrowth {
	const before = later.mappings.map(() => ({ rss: 0, size: 0, count: 0 }));
	const changes: MappingChange[] = [];
	const successors = new Successors(later.mappings);
	for (const old of earlier.mappings) {
		const index = successors.of(old);
		const sum = index === undefined ? undefined : before[index];
		if (sum === undefined) {
			changes.push({ ...changed(old, undefined, "gone"), rssBytes: -old.rssBytes, sizeBytes: -sizeOf(old) });
			continue;
		}
		sum.rss += old.rssBytes;
		sum.size += sizeOf(old);
		sum.count++;
	}
	later.mappings.forEach((m, index) => {
		const was = before[index] ?? { rss: 0, size: 0, count: 0 };
		const rssBytes = m.rssBytes - was.rss;
		const sizeBytes = sizeOf(m) - was.size;
		if (was.count > 0 && rssBytes === 0 && sizeBytes === 0) return;
		const change = was.count === 0 ? "new" : rssBytes > 0 || (rssBytes === 0 && sizeBytes > 0) ? "grown" : "shrunk";
		changes.push({ ...changed(m, index, change), rssBytes, sizeBytes });
	});
	changes.sort((a, b) => Math.abs(b.rssBytes) - Math.abs(a.rssBytes) || Math.abs(b.sizeBytes) - Math.abs(a.sizeBytes));
	return {
		seconds: (later.at - earlier.at) / 1000,
		rssBytes: later.rssBytes - earlier.rssBytes,
		sizeBytes: total(later.mappings) - total(earlier.mappings),
		changes,
		owners: ownerChanges(earlier.owners, later.owners),
	};
}

function changed(mapping: ComparedMapping, index: number | undefined, change: Change) {
	return { mapping, index, change };
}

function sizeOf(m: ComparedMapping): number {
	return m.end - m.start;
}

function total(mappings: readonly ComparedMapping[]): number {
	return mappings.reduce((n, m) => n + sizeOf(m), 0);
}

/** Finds later mappings for earlier ones that come in ascending order, in one walk. */
class Successors {
	readonly #later: readonly ComparedMapping[];
	#next = 0;

	constructor(later: readonly ComparedMapping[]) {
		this.#later = later;
	}

	of(old: ComparedMapping): number | undefined {
		while (this.#next < this.#later.length && (this.#later[this.#next]?.end ?? 0) <= old.start) this.#next++;
		let best: number | undefined;
		let most = 0;
		for (let i = this.#next; i < this.#later.length; i++) {
			const m = this.#later[i];
			if (m === undefined || m.start >= old.end) break;
			const overlap = Math.min(m.end, old.end) - Math.max(m.start, old.start);
			if (m.path !== old.path || m.inode !== old.inode || overlap <= most) continue;
			most = overlap;
			best = i;
		}
		return best;
	}
}

const NOTHING: OwnerSums = { rssBytes: 0, sizeBytes: 0, mappings: 0 };

function ownerChanges(
	earlier: ReadonlyMap<string, OwnerSums>,
	later: ReadonlyMap<string, OwnerSums>,
): Map<string, OwnerSums> {
	const out = new Map<string, OwnerSums>();
	for (const owner of new Set([...earlier.keys(), ...later.keys()])) {
		const [before, now] = [earlier.get(owner) ?? NOTHING, later.get(owner) ?? NOTHING];
		const change = {
			rssBytes: now.rssBytes - before.rssBytes,
			sizeBytes: now.sizeBytes - before.sizeBytes,
			mappings: now.mappings - before.mappings,
		};
		if (change.rssBytes !== 0 || change.sizeBytes !== 0 || change.mappings !== 0) out.set(owner, change);
	}
	return out;
}
