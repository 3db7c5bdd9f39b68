import type { Reading } from "../evidence/reading.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { MetadataRange } from "../goruntime/metadata.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { MappingOwners } from "./mapping-lines.ts";

/** What one owner has of a mapping. */
export interface MappingShare {
	/** ledger id, or GO_HEAP */
	readonly id: string;
	/** resident bytes */
	readonly bytes: number;
	/** bytes of address space */
	readonly size: number;
}

/** The runtime's arenas: objects, stacks and free pages, which the ledger has lines of its own for. */
export const GO_HEAP = "heap";

/**
 * Whose the parts of each mapping are, in the order of `reading.mappings`: the one place that decides it. The shares of a
 * mapping are its size together, and what is resident in it, as pagemap has it; without pagemap the mapping's Rss in
 * proportion.
 */
export function shareMappings(
	reading: Reading,
	runtime: RuntimeState | undefined,
	owners: MappingOwners = new MappingOwners(reading, runtime),
): readonly (readonly MappingShare[])[] {
	const claims = runtime === undefined ? [] : claimsOf(runtime);
	let next = 0;
	const shares = reading.mappings.map((m, index) => {
		while (next < claims.length && (claims[next]?.end ?? 0) <= m.start) next++;
		return new SharesOfMapping(reading, runtime !== undefined, owners, m, index).split(claims, next);
	});
	if (runtime !== undefined) settleRests(shares, unlocatedBytes(runtime));
	return shares.map((s) => s.list(owners.allocator));
}

/** Every page alike until something is known of it. */
const UNKNOWN = "anon.mmap";

class SharesOfMapping {
	/** one or a few: a map of each mapping's would cost more than the search */
	readonly #shares: { id: string; bytes: number; size: number }[] = [];
	readonly #reading: Reading;
	readonly #hasRuntime: boolean;
	readonly #owners: MappingOwners;
	readonly #m: SmapsEntry;
	readonly #index: number;
	/** resident bytes that the runtime claims */
	claimed = 0;

	constructor(reading: Reading, hasRuntime: boolean, owners: MappingOwners, m: SmapsEntry, index: number) {
		this.#reading = reading;
		this.#hasRuntime = hasRuntime;
		this.#owners = owners;
		this.#m = m;
		this.#index = index;
	}

	/** Adds what the claims from number `next` on hold of the mapping, and whose the rest is. */
	split(claims: readonly Claim[], next: number): this {
		const m = this.#m;
		let at = m.start;
		for (let c = next; c < claims.length; c++) {
			const claim = claims[c];
			if (claim === undefined || claim.start >= m.end) break;
			if (claim.end <= at) continue;
			if (claim.start > at) this.#addRest(at, claim.start);
			const to = Math.min(m.end, claim.end);
			this.claimed += this.#add(claim.id, Math.max(at, claim.start), to);
			at = to;
		}
		if (at < m.end) this.#addRest(at, m.end);
		return this;
	}

	/** What no claim holds: mmaps of the program's own lists, blocks of malloc, and what the mapping as a whole is. */
	#addRest(start: number, end: number): void {
		let at = start;
		for (const part of this.#owners.registered(this.#index, start, end)) {
			if (part.start > at) this.#addUnlisted(at, part.start);
			this.#add(part.id, part.start, part.end);
			at = part.end;
		}
		if (at < end) this.#addUnlisted(at, end);
	}

	#addUnlisted(start: number, end: number): void {
		const id = this.#owners.idOf(this.#index);
		// without the runtime its heap cannot be told from other anonymous memory
		const unread = !this.#hasRuntime && this.#m.kind === "anon" && id === UNKNOWN;
		let at = start;
		if (id === UNKNOWN && this.#resident(start, end) > 0) {
			for (const block of this.#owners.mallocBlocks(start, end)) {
				if (block.start > at) this.#add(unread ? "anon.all" : id, at, block.start);
				this.#add("c.heap", block.start, block.end);
				at = block.end;
			}
		}
		if (at < end) this.#add(unread ? "anon.all" : id, at, end);
	}

	#add(id: string, start: number, end: number): number {
		const bytes = this.#resident(start, end);
		const share = this.#of(id);
		if (share === undefined) {
			this.#shares.push({ id, bytes, size: end - start });
			return bytes;
		}
		share.bytes += bytes;
		share.size += end - start;
		return bytes;
	}

	#resident(start: number, end: number): number {
		const { residency } = this.#reading;
		if (residency !== undefined) return residency.residentBytesIn(start, end);
		return (this.#m.rss * (end - start)) / (this.#m.end - this.#m.start);
	}

	bytes(id: string): number {
		return this.#of(id)?.bytes ?? 0;
	}

	#of(id: string): { id: string; bytes: number; size: number } | undefined {
		for (const share of this.#shares) if (share.id === id) return share;
		return undefined;
	}

	/** Gives what one id has to another. */
	rename(from: string, to: string): void {
		const share = this.#of(from);
		const other = this.#of(to);
		if (share === undefined) return;
		if (other === undefined) {
			share.id = to;
			return;
		}
		other.bytes += share.bytes;
		other.size += share.size;
		this.#shares.splice(this.#shares.indexOf(share), 1);
	}

	/** An allocator that keeps maps of its own has probably made what nobody else is known to have. */
	list(allocator: string | undefined): readonly MappingShare[] {
		if (allocator !== undefined && this.#m.permissions.write) this.rename(UNKNOWN, `c.heap.${allocator}`);
		return this.#shares;
	}
}

/** A range whose bytes are spoken for: by a metadata line, or by the walk over the heap's arenas. */
interface Claim {
	readonly start: number;
	readonly end: number;
	readonly id: string;
}

function claimsOf(runtime: RuntimeState): Claim[] {
	const arenas: Claim[] = runtime.pages.arenas.map((a) => ({
		start: a.base,
		end: a.base + runtime.pages.arenaBytes,
		id: GO_HEAP,
	}));
	const metadata: readonly MetadataRange[] = runtime.metadata.ranges;
	return [...arenas, ...metadata].sort((a, b) => a.start - b.start);
}

/**
 * The kernel joins anonymous mappings that lie side by side, so memory of the program's own mmap and small blocks of the
 * runtime share one. What is left of such a mapping is the runtime's as far as the runtime counts more memory than was
 * located, and the program's beyond. The smallest rests are the likeliest to be the runtime's.
 */
function settleRests(shares: readonly SharesOfMapping[], unlocated: number): void {
	let budget = unlocated;
	for (const s of shares) for (const id of RESERVED) budget -= s.bytes(id);
	const rests = shares.filter((s) => s.bytes(UNKNOWN) > 0);
	rests.sort((a, b) => Number(b.claimed > 0) - Number(a.claimed > 0) || a.bytes(UNKNOWN) - b.bytes(UNKNOWN));
	for (const rest of rests) {
		const bytes = rest.bytes(UNKNOWN);
		if (bytes > budget) continue;
		budget -= bytes;
		rest.rename(UNKNOWN, "runtime.metadata.other");
	}
	// what was never touched beside the runtime's own is the gap up to the next page, or a block's unused end
	for (const s of shares) if (s.bytes(UNKNOWN) === 0 && s.claimed > 0) s.rename(UNKNOWN, "runtime.metadata.other");
}

/** Bytes that the runtime counts as its own beyond what was located: mapped without a list that leads to them. */
function unlocatedBytes(runtime: RuntimeState): number {
	const { memStats: s, gcWorkBufBytes } = runtime.counters;
	const counted =
		s.MSpanSys + s.MCacheSys + s.BuckHashSys + (s.GCSys - gcWorkBufBytes) + s.OtherSys + (s.StackSys - s.StackInuse);
	let located = 0;
	for (const range of runtime.metadata.ranges) {
		// the summaries and indexes are reservations of which only a part is counted
		if (COUNTED_WHOLE.has(range.id)) located += range.end - range.start;
	}
	return Math.max(0, counted - located);
}

/** Reservations of which what is resident was counted. */
const RESERVED = [
	"runtime.metadata.arena-index",
	"runtime.metadata.page-summary",
	"runtime.metadata.page-bitmap",
	"runtime.metadata.scavenge-index",
];

const COUNTED_WHOLE: ReadonlySet<string> = new Set([
	"runtime.metadata.heap-arenas",
	"runtime.metadata.allspans",
	"runtime.metadata.persistent",
	"runtime.metadata.gc-bits",
	"runtime.profiling",
]);
