import type { MemoryReader } from "../bytes/block-reader.ts";
import { signedWord, word } from "../bytes/cursor.ts";
import { followList, MAX_ADDRESS } from "./data-words.ts";
import { type HeapConstants, heapConstants } from "./heap-constants.ts";
import type { Layout } from "./layouts/layout.ts";

/** Offsets that the checks on the heap's variables need, looked up once. */
function heapOffsets(layout: Layout) {
	const mspan = layout.struct("mspan");
	const mheap = layout.struct("mheap");
	const pacer = layout.struct("gcControllerState");
	const stats = layout.struct("mstats");
	const inuse = layout.struct("fixalloc").offset("inuse");
	const delta = layout.struct("heapStatsDelta");
	const heapStats = stats.offset("heapStats") + layout.struct("consistentHeapStats").offset("stats");
	return {
		span: {
			size: mspan.size,
			state: mspan.offset("state"),
			base: mspan.offset("startAddr"),
			npages: mspan.offset("npages"),
			elemsize: mspan.offset("elemsize"),
			limit: mspan.offset("limit"),
			marks: mspan.offset("gcmarkBits"),
		},
		mheap: {
			size: mheap.size,
			allspans: mheap.offset("allspans"),
			sweepgen: mheap.offset("sweepgen"),
			pagesInUse: mheap.offset("pagesInUse"),
			arenas: mheap.offset("arenas"),
			summary: mheap.offset("pages") + layout.struct("pageAlloc").offset("summary"),
			spansInUse: mheap.offset("spanalloc") + inuse,
			cachesInUse: mheap.offset("cachealloc") + inuse,
		},
		pacer: {
			size: pacer.size,
			heapInUse: pacer.offset("heapInUse"),
			percent: pacer.offset("gcPercent"),
			minimum: pacer.offset("heapMinimum"),
			limit: pacer.offset("memoryLimit"),
			ready: pacer.offset("mappedReady"),
			released: pacer.offset("heapReleased"),
			total: pacer.offset("totalAlloc"),
			freed: pacer.offset("totalFree"),
		},
		stats: {
			// from the first of the sums to the end: heapStats before them is large and says nothing here
			first: stats.offset("stacks_sys"),
			size: stats.size,
			spans: stats.offset("mspan_sys"),
			caches: stats.offset("mcache_sys"),
			gcMisc: stats.offset("gcMiscSys"),
			other: stats.offset("other_sys"),
			numgc: stats.offset("numgc"),
			numforcedgc: stats.offset("numforcedgc"),
			lastGc: stats.offset("last_gc_unix"),
			pauses: stats.offset("pause_total_ns"),
			enabled: stats.offset("enablegc"),
			// memstats.heapStats.stats[i]: three slots whose sums are the heap in use, and all that is committed
			inHeap: [0, 1, 2].map((i) => heapStats + i * delta.size + delta.offset("inHeap")),
			committed: [0, 1, 2].map((i) => heapStats + i * delta.size + delta.offset("committed")),
		},
	};
}

/** Checks that rest on the heap: what mheap_ is, and then what agrees with it. */
export class HeapShapes {
	readonly #look: MemoryReader;
	readonly #off: ReturnType<typeof heapOffsets>;
	readonly #c: HeapConstants;
	/** defaultHeapMinimum: the smallest goal at GOGC=100 */
	readonly #heapMinimum: number;
	#pagesInUseBytes = 0;
	#numGc = 0;
	#spansInUse = 0;
	#cachesInUse = 0;
	/** address of a span struct, and of the mark bits of some spans */
	#spanStruct = 0;
	readonly #bits: number[] = [];

	constructor(look: MemoryReader, layout: Layout) {
		this.#look = look;
		this.#off = heapOffsets(layout);
		this.#c = heapConstants(layout);
		this.#heapMinimum = layout.constants.number("defaultHeapMinimum");
	}

	/** `address` is that of mheap_.allspans, whose array is page-aligned, since sysAlloc gave it. */
	isAllspans(address: number, array: number): boolean {
		const length = this.#look.word(address + 8) ?? 0;
		const capacity = this.#look.word(address + 16) ?? 0;
		if (length === 0 || length > capacity || capacity > 1 << 26) return false;
		const mheap = address - this.#off.mheap.allspans;
		return mheap > 0 && this.#spansFit(array, length) && this.#mheapFits(mheap);
	}

	#spansFit(array: number, length: number): boolean {
		const off = this.#off.span;
		let inUse = 0;
		for (let i = 0; i < Math.min(length, 16); i++) {
			const struct = this.#look.word(array + i * 8) ?? 0;
			const at = struct % 8 === 0 && struct > 0 ? this.#look.locate(struct, off.size) : -1;
			if (at < 0) return false;
			const view = this.#look.view;
			const state = view.getUint8(at + off.state);
			if (state > 2) return false;
			if (state !== 1) continue;
			const base = word(view, at + off.base);
			const npages = word(view, at + off.npages);
			const size = word(view, at + off.elemsize);
			const bytes = npages * this.#c.pageSize;
			if (base === 0 || base % this.#c.pageSize !== 0 || npages === 0 || npages > 2 ** 31) return false;
			if (size === 0 || size > bytes || word(view, at + off.limit) > base + bytes) return false;
			inUse++;
		}
		return inUse > 0;
	}

	#mheapFits(mheap: number): boolean {
		const off = this.#off.mheap;
		const at = this.#look.locate(mheap, off.size);
		if (at < 0) return false;
		const view = this.#look.view;
		const pagesInUse = word(view, at + off.pagesInUse);
		const arenas = word(view, at + off.arenas);
		const summary = word(view, at + off.summary);
		if (view.getUint32(at + off.sweepgen, true) % 2 !== 0 || pagesInUse === 0 || pagesInUse >= 2 ** 32) return false;
		return arenas % 4096 === 0 && arenas > 0 && summary % 4096 === 0 && summary > 0;
	}

	/** Takes from mheap_ what the other variables must agree with. */
	learn(mheap: number): void {
		const off = this.#off.mheap;
		const at = this.#look.locate(mheap, off.size);
		if (at < 0) return;
		const view = this.#look.view;
		this.#pagesInUseBytes = word(view, at + off.pagesInUse) * this.#c.pageSize;
		this.#numGc = view.getUint32(at + off.sweepgen, true) / 2;
		this.#spansInUse = word(view, at + off.spansInUse);
		this.#cachesInUse = word(view, at + off.cachesInUse);
		const array = word(view, at + off.allspans);
		const count = word(view, at + off.allspans + 8);
		this.#spanStruct = this.#look.word(array) ?? 0;
		for (let i = 0; i < count && this.#bits.length < 64; i++) {
			const span = this.#look.locate(this.#look.word(array + i * 8) ?? 0, this.#off.span.size);
			if (span < 0 || this.#look.view.getUint8(span + this.#off.span.state) !== 1) continue;
			this.#bits.push(word(this.#look.view, span + this.#off.span.marks));
		}
	}

	/**
	 * gcController counts the same pages in use as mheap_ does; a busy target may have moved between the two reads, so the very
	 * same number counts more. So does a minimum that is not 0: with it, GOGC would be 0, and zeros stand in many places.
	 */
	heapInUse(address: number, inUse: number): number {
		const away = Math.abs(inUse - this.#pagesInUseBytes);
		if (away > this.#pagesInUseBytes || inUse % this.#c.pageSize !== 0) return 0;
		const off = this.#off.pacer;
		const at = this.#look.locate(address - off.heapInUse, off.size);
		if (at < 0) return 0;
		const view = this.#look.view;
		const percent = view.getInt32(at + off.percent, true);
		const minimum = word(view, at + off.minimum);
		const total = word(view, at + off.total);
		const freed = word(view, at + off.freed);
		// mgcpacer.go, setGCPercent: the minimum follows from GOGC, and so says that this is the struct
		if (percent < -1 || minimum !== this.#minimumAt(percent)) return 0;
		const limit = word(view, at + off.limit);
		if (limit === 0 || limit > 2 ** 63 || word(view, at + off.ready) < inUse) return 0;
		if (word(view, at + off.released) % 4096 !== 0 || total < freed || total - freed > inUse * 1.5) return 0;
		// a program that allocates flat out doubles its heap while it is searched; then only a minimum that is not 0 tells
		if (away > this.#pagesInUseBytes / 4) return minimum === 0 ? 0 : 1;
		return (away === 0 ? 3 : 1) + (minimum === 0 ? 1 : 2);
	}

	/** heapMinimum as the runtime computes it, in 64 bits that overflow for GOGC=off (-1). */
	#minimumAt(percent: number): number {
		return Number(BigInt.asUintN(64, BigInt(this.#heapMinimum) * BigInt.asUintN(64, BigInt(percent))) / 100n);
	}

	/**
	 * memstats: the GC count is mheap_'s sweep generation, or as far from it as collections may have come between the reads
	 * (the nearer, the more it counts; so does the heap in use, where it is exactly mheap_'s), and the fixed allocators'
	 * memory stands just above their use.
	 */
	mspanSys(address: number, spans: number): number {
		if (!justAbove(spans, this.#spansInUse)) return 0;
		const off = this.#off.stats;
		const at = this.#look.locate(address - off.spans + off.first, off.size - off.first);
		if (at < 0) return 0;
		const view = this.#look.view;
		const field = (offset: number) => word(view, at + offset - off.first);
		const numGc = view.getUint32(at + off.numgc - off.first, true);
		const cycles = Math.abs(numGc - this.#numGc);
		if (cycles > MAX_CYCLES || !justAbove(field(off.caches), this.#cachesInUse)) return 0;
		// the page allocator's own tables are in gcMiscSys from the start
		if (field(off.gcMisc) < this.#c.pageSize || field(off.gcMisc) > MAX_ADDRESS || field(off.other) > MAX_ADDRESS)
			return 0;
		// a bool, and a count of some of the GCs; before the first of them nothing was paused for one
		if (view.getUint8(at + off.enabled - off.first) > 1) return 0;
		if (view.getUint32(at + off.numforcedgc - off.first, true) > numGc + 1) return 0;
		const lastGc = field(off.lastGc);
		if (numGc === 0 ? lastGc !== 0 || field(off.pauses) !== 0 : !(lastGc > 1e18 && lastGc < 4e18)) return 0;
		const inHeap = this.#sum(address - off.spans, off.inHeap);
		const committed = this.#sum(address - off.spans, off.committed);
		const away = Math.abs(inHeap - this.#pagesInUseBytes);
		if (!(away <= this.#pagesInUseBytes && committed >= inHeap - away && committed < MAX_ADDRESS)) return 0;
		// collections in between, or a heap that swings: only where the last one was timed, which little else looks like
		if (cycles > 1 || away > this.#pagesInUseBytes / 4) return numGc === 0 ? 0 : 1;
		// in a young process any address of code may be near the heap in use; the very same number is told apart from it
		return (cycles === 0 ? 3 : 2) + (away === 0 ? 2 : 0);
	}

	/** NaN where one of the slots cannot be read. */
	#sum(memstats: number, offsets: readonly number[]): number {
		let sum = 0;
		for (const offset of offsets) {
			const at = this.#look.locate(memstats + offset, 8);
			sum += at < 0 ? Number.NaN : signedWord(this.#look.view, at);
		}
		return sum;
	}

	/** A list of 256 KiB chunks, one of which holds the first span's struct; its length, since Ps point into it too. */
	persistentChunks(first: number): number {
		return this.#listHolds(first, 0, this.#c.persistentChunkBytes, [this.#spanStruct]);
	}

	/**
	 * Four lists of 64 KiB arenas, one of which holds the mark bits of spans: how many arenas there are in all. `address` is that
	 * of the list `next`. A neighbour that takes three of the lists for its own has fewer, or as many where the fourth is
	 * empty: then the lower address counts, and either reaches the same arenas.
	 */
	gcBitsNext(address: number, first: number): number {
		const bytes = this.#c.gcBitsChunkBytes;
		if (this.#listHolds(first, 8, bytes, this.#bits) === 0) return 0;
		const [, next] = this.#c.gcBitsArenaLists;
		let arenas = 0;
		for (const at of this.#c.gcBitsArenaLists) {
			const head = this.#look.word(address - next + at) ?? 0;
			if (head === 0) continue;
			const blocks = head % 4096 === 0 && head < MAX_ADDRESS ? followList(this.#look, head, 8, MAX_BLOCKS) : [];
			if (blocks.length === 0) return 0;
			arenas += blocks.length;
		}
		return arenas + 1 - address / MAX_ADDRESS;
	}

	/** The list's length where one of its blocks holds one of the addresses and all of them are sane, else 0. */
	#listHolds(first: number, nextAt: number, bytes: number, addresses: readonly number[]): number {
		const blocks = followList(this.#look, first, nextAt, MAX_BLOCKS);
		const last = blocks.at(-1);
		if (last === undefined || blocks.some((at) => at % 4096 !== 0 || at >= MAX_ADDRESS)) return 0;
		if (this.#look.word(last + nextAt) !== 0) return 0;
		return blocks.some((at) => addresses.some((a) => a >= at && a < at + bytes)) ? blocks.length : 0;
	}
}

/** 65,536 persistent chunks would be 16 GiB of metadata. */
/** A program that allocates flat out collects a few dozen times while its data is searched. */
const MAX_CYCLES = 256;
const MAX_BLOCKS = 1 << 16;

/** fixalloc takes chunks of 16 KiB (mfixalloc.go); what it took is not far above its use while the heap lives. */
function justAbove(taken: number, inUse: number): boolean {
	return taken >= inUse && taken % 8 === 0 && taken <= inUse * 64 + (1 << 20);
}
