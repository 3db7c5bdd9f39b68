import type { Reading } from "../evidence/reading.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { lineKind } from "./lines.ts";
import { MappingOwners } from "./mapping-lines.ts";
import { mappingName } from "./mapping-names.ts";
import { GO_HEAP, type MappingShare, shareMappings } from "./mapping-shares.ts";

/** A mapping, whose it is and what it is called. */
export interface OwnedMapping {
	readonly mapping: SmapsEntry;
	/** ledger id, GO_HEAP or RESERVED: of several owners the one that has most of what is resident */
	readonly owner: string;
	/** in words: the file, "stack of thread 12", "syscall.Mmap" */
	readonly name: string;
	/** every owner's part, the main one first: whole bytes, which are the mapping's size and its Rss together */
	readonly shares: readonly MappingShare[];
	/** mappings of the program's own lists in it, and the bytes that were asked for */
	readonly registered: { readonly count: number; readonly bytes: number };
}

/** Address space that nobody may access and nobody is known to have: guards, reservations, alignment. */
export const RESERVED = "anon.reserved";

/** All mappings of a reading, in ascending order. */
export function ownMappings(reading: Reading, runtime: RuntimeState | undefined): OwnedMapping[] {
	const owners = new MappingOwners(reading, runtime);
	const shares = shareMappings(reading, runtime, owners);
	const first = reading.mappings.map((m, i) => mainOwner(m, shares[i] ?? []));
	const names = mappingName(reading, runtime, owners);
	return reading.mappings.map((mapping, index) => {
		const owner = first[index] === RESERVED ? neighbour(reading.mappings, first, index) : (first[index] ?? RESERVED);
		return {
			mapping,
			owner,
			name: names(index, owner),
			shares: wholeShares(mapping, owner, shares[index] ?? []),
			registered: owners.registeredIn(mapping.start, mapping.end),
		};
	});
}

/** pagemap and smaps were read one after the other: what they differ by is the main owner's. */
function wholeShares(m: SmapsEntry, owner: string, shares: readonly MappingShare[]): MappingShare[] {
	const others = shares.map((share) => ({ ...share, bytes: Math.round(share.bytes) }));
	others.sort((a, b) => b.bytes - a.bytes || b.size - a.size);
	const main = others.shift();
	if (main === undefined) return [{ id: owner, bytes: m.rss, size: m.end - m.start }];
	let left = m.rss;
	for (const share of others) {
		share.bytes = Math.min(share.bytes, left);
		left -= share.bytes;
	}
	return [{ ...main, id: owner, bytes: left }, ...others];
}

function mainOwner(m: SmapsEntry, shares: readonly MappingShare[]): string {
	let main: MappingShare | undefined;
	for (const share of shares)
		if (main === undefined || share.bytes > main.bytes || (share.bytes === main.bytes && share.size > main.size))
			main = share;
	const id = main?.id ?? RESERVED;
	const unknown = id === "anon.mmap" || id === "anon.all";
	return unknown && m.rss === 0 && !m.permissions.read && !m.permissions.write ? RESERVED : id;
}

/** The guard of a thread's stack lies below it; what an arena of malloc has not used yet, above it. */
function neighbour(mappings: readonly SmapsEntry[], owners: readonly string[], index: number): string {
	const m = mappings[index];
	const after = mappings[index + 1];
	const before = mappings[index - 1];
	if (m === undefined) return RESERVED;
	if (after?.start === m.end && owners[index + 1] === "threads.stacks") return "threads.stacks";
	const isArena = before?.end === m.start && before.kind === "anon" && owners[index - 1] === "c.heap";
	return isArena && m.end % ARENA === 0 ? "c.heap" : RESERVED;
}

/** glibc's arenas end at a multiple of this (arena.c: HEAP_MAX_SIZE). */
const ARENA = 64 * 2 ** 20;

/** What an owner is, in plain words. */
export function ownerWhat(owner: string): string {
	if (owner === GO_HEAP) return "Go's arenas: objects, stacks, free";
	if (owner === RESERVED) return "no access: reserved, guards";
	return lineKind(owner).what;
}
