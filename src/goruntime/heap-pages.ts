import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { heapConstants } from "./heap-constants.ts";
import type { StructLayout } from "./layouts/layout.ts";
import { type RuntimeView, readPointers, StructValue } from "./runtime-view.ts";
import type { SpanTable } from "./spans.ts";

/** Who holds a page of the heap, where it is not a span (those are their index, from 0). */
export const PAGE_UNKNOWN = -1;
/** free, and not returned to the OS */
export const PAGE_IDLE = -2;
/** free, and returned to the OS as the runtime believes */
export const PAGE_SCAVENGED = -3;
/** address space that the runtime reserved and has not used yet */
export const PAGE_RESERVED = -4;

/** Bitmap words of one 4 MiB chunk (mpallocbits.go: pallocData): 512 allocation bits, then 512 scavenged bits. */
const CHUNK_PAGES = 512;
const CHUNK_BYTES = 128;
/** 2^21 arenas of 64 MiB fill the 47-bit user address space. */
const MAX_ARENAS = 1 << 21;
/** 1 M arenas' page tables would be 32 GiB; a heap above 8 TiB is refused. */
const MAX_READ_ARENAS = 1 << 17;

export interface HeapArena {
	/** first address, a multiple of the arena size */
	readonly base: number;
	/** address of the runtime's heapArena struct */
	readonly struct: number;
	/** per page of 8 KiB: a span's index (≥ 0) or a PAGE_… value */
	readonly owner: Int32Array;
}

/** The heap's arenas in ascending order, with the owner of each page. */
export interface HeapPages {
	readonly arenas: readonly HeapArena[];
	readonly arenaBytes: number;
	readonly pageBytes: number;
	/** pages that are allocated in the runtime's bitmap and belong to no span that was read */
	readonly unknownPages: number;
}

/** The arenas that the runtime took for its heap, ascending (mheap.go: heapArenas, until 1.24 allArenas). */
function readArenas(view: RuntimeView, look: MemoryReader, mheap: StructValue): { base: number; struct: number }[] {
	const c = heapConstants(view.layout);
	const list = mheap.slice(mheap.layout.has("heapArenas") ? "heapArenas" : "allArenas");
	if (!(list.length >= 0 && list.length <= MAX_READ_ARENAS)) {
		throw new ParseError({
			format: "go runtime",
			offset: list.data,
			field: "mheap_.allArenas",
			expected: `up to ${MAX_READ_ARENAS} arenas`,
			actual: String(list.length),
		});
	}
	// arenaIdx is a uint, so the list reads as pointers do. User arenas are in their own list and are mapped alike.
	const indices = new Set(readPointers(look, list, MAX_READ_ARENAS, "mheap_.heapArenas"));
	if (mheap.layout.has("userArenaArenas")) {
		for (const index of readPointers(look, mheap.slice("userArenaArenas"), MAX_READ_ARENAS, "mheap_.userArenaArenas"))
			indices.add(index);
	}
	const l2 = mheap.element("arenas", 0);
	const spans = view.layout.struct("heapArena").offset("spans");
	const arenas: { base: number; struct: number }[] = [];
	for (const index of indices) {
		if (index < 0 || index >= MAX_ARENAS * 2) continue;
		const base = index * c.heapArenaBytes + c.arenaBaseOffset;
		const struct = look.word(l2 + index * 8);
		if (base < 0 || struct === undefined || struct === 0 || look.locate(struct + spans, 8) < 0) continue;
		arenas.push({ base, struct });
	}
	return arenas.sort((a, b) => a.base - b.base);
}

/** Reads who owns each page of the heap: spans by their own word, the rest by the page allocator's bitmaps. */
export function readHeapPages(view: RuntimeView, look: MemoryReader, mheap: StructValue, spans: SpanTable): HeapPages {
	const c = heapConstants(view.layout);
	const pagesPerArena = c.heapArenaBytes / c.pageSize;
	const arenas: HeapArena[] = readArenas(view, look, mheap).map((a) => ({
		...a,
		owner: new Int32Array(pagesPerArena),
	}));
	const chunks = new ChunkBitmaps(view, look, mheap);
	for (const arena of arenas) {
		for (let page = 0; page < pagesPerArena; page += CHUNK_PAGES) {
			chunks.fill(arena.base + page * c.pageSize, arena.owner.subarray(page, page + CHUNK_PAGES));
		}
	}
	const pages = { arenas, arenaBytes: c.heapArenaBytes, pageBytes: c.pageSize };
	fillPageCaches(view, look, pages);
	fillSpans(spans, 0, pages);
	return { ...pages, unknownPages: countUnknown(arenas) };
}

/**
 * Takes a later look at the pages without a known owner, and at them alone: those that were freed meanwhile are free, and
 * those of the spans from index `from` on have an owner. What was known stays as of the look before, since on a busy target
 * each new look at all finds others that have just been allocated. `pages` itself changes.
 */
export function settleHeapPages(
	view: RuntimeView,
	look: MemoryReader,
	mheap: StructValue,
	pages: HeapPages,
	spans: SpanTable,
	from: number,
): HeapPages {
	const chunks = new ChunkBitmaps(view, look, mheap);
	const now = new Int32Array(CHUNK_PAGES);
	for (const { base, owner } of pages.arenas) {
		for (let page = 0; page < owner.length; page += CHUNK_PAGES) {
			const chunk = owner.subarray(page, page + CHUNK_PAGES);
			if (!chunk.includes(PAGE_UNKNOWN)) continue;
			chunks.fill(base + page * pages.pageBytes, now);
			for (let i = 0; i < chunk.length; i++) if (chunk[i] === PAGE_UNKNOWN) chunk[i] = now[i] ?? PAGE_UNKNOWN;
		}
	}
	fillPageCaches(view, look, pages);
	fillSpans(spans, from, pages);
	return { ...pages, unknownPages: countUnknown(pages.arenas) };
}

function countUnknown(arenas: readonly HeapArena[]): number {
	let unknown = 0;
	for (const arena of arenas) for (const owner of arena.owner) if (owner === PAGE_UNKNOWN) unknown++;
	return unknown;
}

/** pageAlloc.chunks: a two-level table of pallocData, one per 4 MiB (mpagealloc.go). */
class ChunkBitmaps {
	readonly #look: MemoryReader;
	readonly #table: number;
	readonly #l2Entries: number;
	readonly #chunkBytes: number;
	readonly #base: number;

	constructor(view: RuntimeView, look: MemoryReader, mheap: StructValue) {
		const c = heapConstants(view.layout);
		this.#look = look;
		this.#table = mheap.addressOf("pages") + view.layout.struct("pageAlloc").offset("chunks");
		this.#l2Entries = 2 ** c.pallocChunksL2Bits;
		this.#chunkBytes = CHUNK_PAGES * c.pageSize;
		this.#base = c.arenaBaseOffset;
	}

	fill(address: number, owner: Int32Array): void {
		const index = Math.floor((address - this.#base) / this.#chunkBytes);
		const l2 = this.#look.word(this.#table + Math.floor(index / this.#l2Entries) * 8) ?? 0;
		const at = l2 === 0 ? -1 : this.#look.locate(l2 + (index % this.#l2Entries) * CHUNK_BYTES, CHUNK_BYTES);
		if (at < 0) {
			// the bitmap of a chunk that never grew was never written either
			owner.fill(PAGE_RESERVED);
			return;
		}
		const view = this.#look.view;
		for (let page = 0; page < CHUNK_PAGES; page += 32) {
			const alloc = view.getUint32(at + page / 8, true);
			const scav = view.getUint32(at + 64 + page / 8, true);
			for (let bit = 0; bit < 32; bit++) {
				const free = ((alloc >>> bit) & 1) === 0;
				owner[page + bit] = free ? ((scav >>> bit) & 1 ? PAGE_SCAVENGED : PAGE_IDLE) : PAGE_UNKNOWN;
			}
		}
	}
}

/** Pages that a P took from the bitmap for itself are free as well (mpagecache.go: pageCache). */
function fillPageCaches(
	view: RuntimeView,
	look: MemoryReader,
	{ arenas, arenaBytes, pageBytes }: Omit<HeapPages, "unknownPages">,
): void {
	for (const p of readPs(view, look)) {
		const base = p.word("pcache.base");
		const arena = findArena(arenas, base, arenaBytes);
		if (base === 0 || arena === undefined) continue;
		const first = (base - arena.base) / pageBytes;
		const cache = p.addressOf("pcache.cache") - p.address;
		const scav = p.addressOf("pcache.scav") - p.address;
		for (let bit = 0; bit < 64 && first + bit < arena.owner.length; bit++) {
			const at = (bit >> 5) * 4;
			const free = (p.view.getUint32(cache + at, true) >>> (bit & 31)) & 1;
			// the bitmap has them as allocated; where it does not, they went back meanwhile
			if (!free || arena.owner[first + bit] !== PAGE_UNKNOWN) continue;
			const scavenged = (p.view.getUint32(scav + at, true) >>> (bit & 31)) & 1;
			arena.owner[first + bit] = scavenged ? PAGE_SCAVENGED : PAGE_IDLE;
		}
	}
}

/** GOMAXPROCS has no hard limit since 1.10; a list above this is not believed. */
const MAX_PS = 1 << 16;

/** The P structs of runtime.allp; those that cannot be read are left out, all of them where allp was not found. */
export function readPs(view: RuntimeView, look: MemoryReader): StructValue[] {
	const address = view.globals.get("allp");
	if (address === undefined) return [];
	const data = look.word(address);
	const length = look.word(address + 8);
	if (data === undefined || length === undefined) return [];
	const layout = view.layout.struct("p");
	const own = bytesBeforeRegisters(layout);
	const out: StructValue[] = [];
	for (const pointer of readPointers(look, { data, length }, MAX_PS, "runtime.allp")) {
		const bytes = pointer === 0 ? undefined : look.copy(pointer, own);
		if (bytes !== undefined) out.push(new StructValue(layout, pointer, new DataView(bytes.buffer)));
	}
	return out;
}

/**
 * Since Go 1.26 a P ends with the vector registers of the goroutine that was preempted on it last (runtime2.go: p.xRegs).
 * They hold what the program works with, which is not read, so that it is in no capture.
 */
function bytesBeforeRegisters(p: StructLayout): number {
	return p.has("xRegs") ? p.offset("xRegs") : p.size;
}

/** Writes down what the spans from index `from` on own. */
function fillSpans(
	spans: SpanTable,
	from: number,
	{ arenas, arenaBytes, pageBytes }: Omit<HeapPages, "unknownPages">,
): void {
	let arena: HeapArena | undefined;
	for (let i = from; i < spans.count; i++) {
		let base = spans.base[i] ?? 0;
		let left = spans.npages[i] ?? 0;
		while (left > 0) {
			if (arena === undefined || base < arena.base || base >= arena.base + arenaBytes) {
				arena = findArena(arenas, base, arenaBytes);
			}
			if (arena === undefined) break;
			const first = (base - arena.base) / pageBytes;
			const count = Math.min(left, arena.owner.length - first);
			arena.owner.fill(i, first, first + count);
			base += count * pageBytes;
			left -= count;
		}
	}
}

/** The arena that holds the address, by binary search. */
export function findArena(arenas: readonly HeapArena[], address: number, arenaBytes: number): HeapArena | undefined {
	let low = 0;
	let high = arenas.length - 1;
	while (low <= high) {
		const middle = (low + high) >> 1;
		const arena = arenas[middle];
		if (arena === undefined) return undefined;
		if (address < arena.base) high = middle - 1;
		else if (address >= arena.base + arenaBytes) low = middle + 1;
		else return arena;
	}
	return undefined;
}

/**
 * Looks again at pages without a known owner through heapArena.spans: returns the mspan structs that own them now. Pages
 * that never had one become PAGE_RESERVED: since 1.26 the allocator skips a random number of pages at the heap's start
 * (mheap.go: grow). The list is short on a still target and bounded on a busy one.
 */
export function spansOfUnknownPages(
	view: RuntimeView,
	look: MemoryReader,
	pages: HeapPages,
	limit = 4096,
): Set<number> {
	const offset = view.layout.struct("heapArena").offset("spans");
	const structs = new Set<number>();
	for (const arena of pages.arenas) {
		for (let page = 0; page < arena.owner.length && structs.size < limit; page++) {
			if (arena.owner[page] !== PAGE_UNKNOWN) continue;
			const at = look.locate(arena.struct + offset + page * 8, 8);
			const struct = at < 0 ? 0 : word(look.view, at);
			if (struct !== 0) structs.add(struct);
			else if (at >= 0) arena.owner[page] = PAGE_RESERVED;
		}
	}
	return structs;
}
