import type { MemoryReader, TargetMemory } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { heapConstants } from "./heap-constants.ts";
import type { Layout } from "./layouts/layout.ts";
import { followList } from "./metadata.ts";
import type { GlobalName, Globals } from "./runtime-view.ts";

/** Writable memory of the executable itself: .data, .bss and their like, in the target's address space. */
export interface DataRange {
	readonly start: number;
	readonly end: number;
}

/** Bytes of data and bss that are searched; more than any known program has, and bounded. */
const MAX_DATA = 256 * 2 ** 20;
const PAGE = 4096;

/**
 * Finds the runtime's variables in a binary without symbols, by what they must look like: each candidate position in the
 * writable data is held against the structure that the runtime keeps there, and against what was found before it.
 * Nothing is taken from code, so it holds for every architecture and link mode. A variable is given only when exactly one
 * position fits.
 *
 * @returns the variables found; where `mheap_` is not among them, the layout does not fit this process.
 */
export function scanGlobals(memory: TargetMemory, layout: Layout, ranges: readonly DataRange[]): Globals {
	const look = memory.look();
	const found = new Map<GlobalName, number>();
	const data = new DataWords(look, ranges);
	const heap = new HeapFacts(look, layout);
	const keep = (wanted: readonly Wanted[]) => {
		data.find(wanted).forEach((at, i) => {
			const name = wanted[i]?.name;
			if (at !== undefined && name !== undefined) found.set(name, at - (wanted[i]?.offset ?? 0));
		});
	};
	keep([{ name: "mheap_", offset: layout.struct("mheap").offset("allspans"), fits: (at, w) => Number(heap.isMheap(at, w)) }]);
	const mheap = found.get("mheap_");
	if (mheap === undefined) return found;
	heap.learn(mheap);
	// what is read from the target for a candidate is in memory of the runtime, never in the executable's own code and tables
	const image = imageOf(ranges);
	const away = (w: number) => isPointer(w) && (w < image.start || w >= image.end || ranges.some((r) => w >= r.start && w < r.end));
	keep([
		{ name: "allgs", fits: (at, w) => Number(away(w) && isAllgs(look, layout, at, w)) },
		{ name: "allp", fits: (at, w) => Number(away(w) && isAllp(look, layout, at, w)) },
		{ name: "gcController", offset: layout.struct("gcControllerState").offset("heapInUse"), fits: (at, w) => Number(heap.isController(at, w)) },
		{ name: "memstats", offset: layout.struct("mstats").offset("mspan_sys"), fits: (at, w) => Number(heap.isMemstats(at, w)) },
		{ name: "persistentChunks", fits: (_, w) => heap.persistentChunks(w) },
		{ name: "gcBitsArenas", offset: heapConstants(layout).gcBitsArenaLists[1], fits: (at, w) => Number(heap.isGcBitsArenas(at, w)) },
		{ name: "allm", fits: (_, w) => (away(w) ? machines(look, layout, w) : 0) },
		{ name: "mbuckets", fits: (_, w) => Number(away(w) && isBucketList(look, layout, w, 1, image)) },
		{ name: "bbuckets", fits: (_, w) => Number(away(w) && isBucketList(look, layout, w, 2, image)) },
		{ name: "xbuckets", fits: (_, w) => Number(away(w) && isBucketList(look, layout, w, 3, image)) },
	]);
	const mbuckets = found.get("mbuckets");
	const bucket = mbuckets === undefined ? undefined : look.word(mbuckets);
	if (bucket !== undefined) keep([{ name: "buckhash", fits: (_, w) => Number(isBucketHash(look, layout, w, bucket)) }]);
	return found;
}

/** The span of addresses that the executable's file covers in all likelihood: up to its data, from not far below it. */
function imageOf(ranges: readonly DataRange[]): DataRange {
	const end = Math.max(...ranges.map((r) => r.end));
	return { start: end - IMAGE_REACH, end };
}

/** No executable is known whose code and tables are larger; heap and mappings are farther away than that. */
const IMAGE_REACH = 2 ** 30;

/** How well a position (its address, the word there) fits: 0 not at all; of several, the highest is meant. */
type Fit = (address: number, word: number) => number;

interface Wanted {
	readonly name: GlobalName;
	readonly fits: Fit;
	/** from the variable's start to the word that is looked for */
	readonly offset?: number;
}

interface Best {
	rank: number;
	address: number;
	word: number;
	ambiguous: boolean;
}

/** The words of the data ranges, in order, each with its address. */
class DataWords {
	readonly #look: MemoryReader;
	readonly #ranges: readonly DataRange[];

	constructor(look: MemoryReader, ranges: readonly DataRange[]) {
		this.#look = look;
		this.#ranges = ranges;
	}

	/** For each wanted variable the position that fits best; undefined where none does, or two fit equally and say different things. */
	find(wanted: readonly Wanted[]): (number | undefined)[] {
		const best: Best[] = wanted.map(() => ({ rank: 0, address: 0, word: 0, ambiguous: false }));
		let budget = MAX_DATA;
		for (const range of this.#ranges) {
			for (let page = range.start; page < range.end && budget > 0; page += PAGE - (page % PAGE)) {
				const length = Math.min(range.end, page + PAGE - (page % PAGE)) - page;
				budget -= length;
				this.#searchPage(page, length, wanted, best);
			}
		}
		return best.map((b) => (b.rank === 0 || b.ambiguous ? undefined : b.address));
	}

	#searchPage(page: number, length: number, wanted: readonly Wanted[], best: readonly Best[]): void {
		const at = this.#look.locate(page, length);
		if (at < 0) return;
		const view = this.#look.view;
		for (let i = 0; i + 8 <= length; i += 8) {
			const w = word(view, at + i);
			if (w === 0) continue;
			for (let k = 0; k < wanted.length; k++) {
				const rank = wanted[k]?.fits(page + i, w) ?? 0;
				if (rank > 0) keepBest(best[k], rank, page + i, w);
			}
		}
	}
}

function keepBest(best: Best | undefined, rank: number, address: number, w: number): void {
	if (best === undefined || rank < best.rank) return;
	// two variables that point at the same thing (a list's head and a cursor into it) serve alike
	best.ambiguous = rank === best.rank && w !== best.word;
	if (rank === best.rank) return;
	best.rank = rank;
	best.address = address;
	best.word = w;
}

const MAX_ADDRESS = 2 ** 52;

function isPointer(value: number): boolean {
	return value >= 4096 && value < MAX_ADDRESS && value % 8 === 0;
}

/** Checks that rest on the heap: what mheap_ is, and then what agrees with it. */
class HeapFacts {
	readonly #look: MemoryReader;
	readonly #layout: Layout;
	#pagesInUseBytes = 0;
	#numGc = 0;
	#spanInUse = 0;
	#cacheInUse = 0;
	/** address of a span struct, and of a span's allocBits */
	#spanStruct = 0;
	#bits: number[] = [];

	constructor(look: MemoryReader, layout: Layout) {
		this.#look = look;
		this.#layout = layout;
	}

	/** `address` is that of mheap_.allspans, whose array is page-aligned, since sysAlloc gave it. */
	isMheap(address: number, pointer: number): boolean {
		if (pointer % 4096 !== 0 || pointer >= MAX_ADDRESS) return false;
		const length = this.#look.word(address + 8) ?? 0;
		const capacity = this.#look.word(address + 16) ?? 0;
		if (length === 0 || length > capacity || capacity > 1 << 26) return false;
		const mheap = address - this.#layout.struct("mheap").offset("allspans");
		return mheap > 0 && this.#spansFit(pointer, length) && this.#mheapFits(mheap);
	}

	#spansFit(array: number, length: number): boolean {
		const mspan = this.#layout.struct("mspan");
		const pageSize = heapConstants(this.#layout).pageSize;
		let inUse = 0;
		for (let i = 0; i < Math.min(length, 16); i++) {
			const struct = this.#look.word(array + i * 8) ?? 0;
			const at = isPointer(struct) ? this.#look.locate(struct, mspan.size) : -1;
			if (at < 0) return false;
			const view = this.#look.view;
			const state = view.getUint8(at + mspan.offset("state"));
			if (state > 2) return false;
			if (state !== 1) continue;
			const base = word(view, at + mspan.offset("startAddr"));
			const npages = word(view, at + mspan.offset("npages"));
			const size = word(view, at + mspan.offset("elemsize"));
			if (base === 0 || base % pageSize !== 0 || npages === 0 || npages > 2 ** 31) return false;
			if (size === 0 || size > npages * pageSize) return false;
			if (word(view, at + mspan.offset("limit")) > base + npages * pageSize) return false;
			inUse++;
		}
		return inUse > 0;
	}

	#mheapFits(mheap: number): boolean {
		const struct = this.#layout.struct("mheap");
		const at = this.#look.locate(mheap, struct.size);
		if (at < 0) return false;
		const view = this.#look.view;
		const sweepgen = view.getUint32(at + struct.offset("sweepgen"), true);
		const pagesInUse = word(view, at + struct.offset("pagesInUse"));
		const arenas = word(view, at + struct.offset("arenas"));
		const summary = word(view, at + struct.offset("pages") + this.#layout.struct("pageAlloc").offset("summary"));
		return sweepgen % 2 === 0 && pagesInUse > 0 && pagesInUse < 2 ** 32 && arenas % 4096 === 0 && arenas > 0 && summary % 4096 === 0 && summary > 0;
	}

	/** Takes from mheap_ what the other variables must agree with. */
	learn(mheap: number): void {
		const struct = this.#layout.struct("mheap");
		const allspans = mheap + struct.offset("allspans");
		const fixalloc = this.#layout.struct("fixalloc");
		this.#pagesInUseBytes = (this.#look.word(mheap + struct.offset("pagesInUse")) ?? 0) * heapConstants(this.#layout).pageSize;
		const at = this.#look.locate(mheap + struct.offset("sweepgen"), 4);
		this.#numGc = at < 0 ? 0 : this.#look.view.getUint32(at, true) / 2;
		this.#spanInUse = this.#look.word(mheap + struct.offset("spanalloc") + fixalloc.offset("inuse")) ?? 0;
		this.#cacheInUse = this.#look.word(mheap + struct.offset("cachealloc") + fixalloc.offset("inuse")) ?? 0;
		const array = this.#look.word(allspans) ?? 0;
		const count = this.#look.word(allspans + 8) ?? 0;
		this.#spanStruct = this.#look.word(array) ?? 0;
		const mspan = this.#layout.struct("mspan");
		for (let i = 0; i < count && this.#bits.length < 64; i++) {
			const span = this.#look.locate(this.#look.word(array + i * 8) ?? 0, mspan.size);
			if (span < 0) continue;
			const bits = word(this.#look.view, span + mspan.offset("gcmarkBits"));
			if (this.#look.view.getUint8(span + mspan.offset("state")) === 1 && bits !== 0) this.#bits.push(bits);
		}
	}

	/** gcController counts the same pages in use as mheap_ does; a busy target may have moved between the two reads. */
	isController(address: number, inUse: number): boolean {
		if (Math.abs(inUse - this.#pagesInUseBytes) > this.#pagesInUseBytes / 4 || inUse % 8192 !== 0) return false;
		const struct = this.#layout.struct("gcControllerState");
		const at = this.#look.locate(address - struct.offset("heapInUse"), struct.size);
		if (at < 0) return false;
		const view = this.#look.view;
		const percent = view.getInt32(at + struct.offset("gcPercent"), true);
		const limit = view.getInt32(at + struct.offset("memoryLimit") + 4, true);
		const ready = word(view, at + struct.offset("mappedReady"));
		const released = word(view, at + struct.offset("heapReleased"));
		const total = word(view, at + struct.offset("totalAlloc"));
		const freed = word(view, at + struct.offset("totalFree"));
		return percent >= -1 && limit >= 0 && ready >= inUse && released % 4096 === 0 && total >= freed && total - freed <= inUse * 1.5;
	}

	/** memstats: the GC count is mheap_'s sweep generation, and the fixed allocators' memory stands just above their use. */
	isMemstats(address: number, spans: number): boolean {
		if (!justAbove(spans, this.#spanInUse)) return false;
		const struct = this.#layout.struct("mstats");
		const first = struct.offset("stacks_sys");
		const at = this.#look.locate(address - struct.offset("mspan_sys") + first, struct.size - first);
		if (at < 0) return false;
		const view = this.#look.view;
		const field = (name: string) => at + struct.offset(name) - struct.offset("stacks_sys");
		const numGc = view.getUint32(field("numgc"), true);
		if (Math.abs(numGc - this.#numGc) > 2) return false;
		if (!justAbove(word(view, field("mcache_sys")), this.#cacheInUse)) return false;
		const lastGc = word(view, field("last_gc_unix"));
		return numGc === 0 ? lastGc === 0 : lastGc > 1e18 && lastGc < 4e18;
	}

	/** A list of 256 KiB chunks, one of which holds the first span's struct; its length, since Ps point into it too. */
	persistentChunks(first: number): number {
		if (first % 4096 !== 0 || first >= MAX_ADDRESS) return 0;
		return this.#listHolds(first, 0, heapConstants(this.#layout).persistentChunkBytes, [this.#spanStruct]);
	}

	/** Lists of 64 KiB arenas, one of which holds the mark bits of a span. `address` is that of the struct's field `next`. */
	isGcBitsArenas(address: number, next1: number): boolean {
		if (next1 % 4096 !== 0 || next1 >= MAX_ADDRESS) return false;
		const lists = heapConstants(this.#layout).gcBitsArenaLists;
		const [, next = 8] = lists;
		const heads = lists.map((at) => this.#look.word(address - next + at) ?? 0);
		if (heads.some((head) => head !== 0 && (head % 4096 !== 0 || head >= MAX_ADDRESS))) return false;
		const bytes = heapConstants(this.#layout).gcBitsChunkBytes;
		const nextHead = heads[1] ?? 0;
		return nextHead !== 0 && this.#listHolds(nextHead, 8, bytes, this.#bits) > 0 && heads.every((h) => h === 0 || followList(this.#look, h, 8).length > 0);
	}

	/** The list's length where one of its blocks holds one of the addresses and all of them are sane, else 0. */
	#listHolds(first: number, nextAt: number, bytes: number, addresses: readonly number[]): number {
		const seen = new Set<number>();
		let holds = false;
		for (let at = first; at !== 0; ) {
			if (at % 4096 !== 0 || at >= MAX_ADDRESS || seen.has(at) || seen.size > 1 << 16) return 0;
			seen.add(at);
			if (!holds) holds = addresses.some((a) => a >= at && a < at + bytes);
			const next = this.#look.word(at + nextAt);
			if (next === undefined) return 0;
			at = next;
		}
		return holds ? seen.size : 0;
	}
}

/** fixalloc takes chunks of 16 KiB (mfixalloc.go), so what it took is at most one chunk and the free list above its use. */
function justAbove(taken: number, inUse: number): boolean {
	return taken >= inUse && taken > 0 && taken % 8 === 0 && taken <= inUse * 64 + (1 << 20);
}

function isAllgs(look: MemoryReader, layout: Layout, address: number, array: number): boolean {
	const length = look.word(address + 8) ?? 0;
	const capacity = look.word(address + 16) ?? 0;
	if (length === 0 || length > capacity || capacity > 1 << 26) return false;
	const g = layout.struct("g");
	let mains = 0;
	for (let i = 0; i < Math.min(length, 8); i++) {
		const pointer = look.word(array + i * 8) ?? 0;
		const at = isPointer(pointer) ? look.locate(pointer, g.size) : -1;
		if (at < 0) return false;
		const low = word(look.view, at + g.offset("stack.lo"));
		const high = word(look.view, at + g.offset("stack.hi"));
		const status = look.view.getUint32(at + g.offset("atomicstatus"), true) & ~0x1000;
		const goid = word(look.view, at + g.offset("goid"));
		if (high < low || high - low > 2 ** 31 || status > 11 || goid > 2 ** 40) return false;
		if (goid === 1) mains++;
	}
	return mains === 1;
}

function isAllp(look: MemoryReader, layout: Layout, address: number, array: number): boolean {
	const length = look.word(address + 8) ?? 0;
	const capacity = look.word(address + 16) ?? 0;
	if (length === 0 || length > capacity || capacity > 1 << 16) return false;
	const p = layout.struct("p");
	for (let i = 0; i < length; i++) {
		const pointer = look.word(array + i * 8) ?? 0;
		const at = isPointer(pointer) ? look.locate(pointer, p.offset("mcache") + 8) : -1;
		if (at < 0) return false;
		const id = look.view.getInt32(at + p.offset("id"), true);
		const status = look.view.getUint32(at + p.offset("status"), true);
		if (id !== i || status > 4) return false;
		if (status < 4 && !isPointer(word(look.view, at + p.offset("mcache")))) return false;
	}
	return true;
}

/** allm is the newest M, and each M's g0 points back at it; the length of the list, since the idle list points into it. */
function machines(look: MemoryReader, layout: Layout, first: number): number {
	const m = layout.struct("m");
	const g = layout.struct("g");
	let count = 0;
	for (let pointer = first; pointer !== 0; count++) {
		if (!isPointer(pointer) || count > 1 << 17) return 0;
		const at = look.locate(pointer, m.size);
		if (at < 0) return 0;
		const g0 = word(look.view, at + m.offset("g0"));
		const next = word(look.view, at + m.offset("alllink"));
		if (!isPointer(g0) || look.word(g0 + g.offset("m")) !== pointer) return 0;
		pointer = next;
	}
	return count;
}

const MAX_FRAMES = 1024;

function isBucketList(look: MemoryReader, layout: Layout, pointer: number, type: 1 | 2 | 3, image: DataRange): boolean {
	const bucket = layout.struct("bucket");
	let at = pointer;
	for (let i = 0; i < 4 && at !== 0; i++) {
		const here = isPointer(at) ? look.locate(at, bucket.size) : -1;
		if (here < 0) return false;
		const frames = word(look.view, here + bucket.offset("nstk"));
		// bucketType is an int: 1 memory, 2 block, 3 mutex (mprof.go)
		if (word(look.view, here + bucket.offset("typ")) !== type || frames === 0 || frames > MAX_FRAMES) return false;
		const next = word(look.view, here + bucket.offset("allnext"));
		// the stack that follows is one of code addresses
		const pc = look.word(at + bucket.size) ?? 0;
		if (pc < image.start || pc >= image.end) return false;
		at = next;
	}
	return true;
}

/** The hash table holds the bucket at its hash (mprof.go: stkbucket: hash % buckHashSize). */
function isBucketHash(look: MemoryReader, layout: Layout, table: number, bucket: number): boolean {
	if (table % 4096 !== 0 || table >= MAX_ADDRESS) return false;
	const struct = layout.struct("bucket");
	const at = look.locate(bucket + struct.offset("hash"), 8);
	if (at < 0) return false;
	const slot = Number(look.view.getBigUint64(at, true) % 179999n);
	let entry = look.word(table + slot * 8) ?? 0;
	for (let i = 0; i < 1000 && entry !== 0; i++) {
		if (entry === bucket) return true;
		entry = look.word(entry + struct.offset("next")) ?? 0;
	}
	return false;
}
