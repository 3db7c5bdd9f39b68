import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { type DataRange, MAX_ADDRESS } from "./data-words.ts";
import { G_DEAD_EXTRA, isDead } from "./goroutines.ts";
import type { Layout } from "./layouts/layout.ts";

function schedulerOffsets(layout: Layout) {
	const g = layout.struct("g");
	const p = layout.struct("p");
	const m = layout.struct("m");
	const bucket = layout.struct("bucket");
	const mcache = layout.struct("mcache");
	return {
		g: {
			size: g.size,
			low: g.offset("stack.lo"),
			high: g.offset("stack.hi"),
			status: g.offset("atomicstatus"),
			goid: g.offset("goid"),
			m: g.offset("m"),
			startPc: g.offset("startpc"),
		},
		p: { length: p.offset("mcache") + 8, id: p.offset("id"), status: p.offset("status"), mcache: p.offset("mcache") },
		mcache: { alloc: mcache.offset("alloc"), spans: mcache.field("alloc").count ?? 0 },
		m: { g0: m.offset("g0"), next: m.offset("alllink") },
		bucket: {
			size: bucket.size,
			frames: bucket.offset("nstk"),
			type: bucket.offset("typ"),
			allnext: bucket.offset("allnext"),
			next: bucket.offset("next"),
			hash: bucket.offset("hash"),
		},
	};
}

/** How many goroutines are looked at of what may be the list of all. */
const FIRST_GS = 8;
const LATER_GS = 4;
const MAX_FRAMES = 1024;
const MAX_MS = 1 << 17;
/** How far lists are compared; a pointer into one that is longer says little less than its head. */
const MAX_BUCKETS = 1 << 12;
/** mprof.go: buckHashSize, the entries of the table of profiling buckets. */
export const BUCKET_HASH_ENTRIES = 179999;
const G_SCAN = 0x1000;

/** What the scheduler's and the profiler's variables must look like. */
export class SchedulerShapes {
	readonly #look: MemoryReader;
	readonly #off: ReturnType<typeof schedulerOffsets>;
	readonly #image: DataRange;

	constructor(look: MemoryReader, layout: Layout, image: DataRange) {
		this.#look = look;
		this.#off = schedulerOffsets(layout);
		this.#image = image;
	}

	/**
	 * Whether it is a slice of pointers to g structs, one of the first of which lives and began with a function of the
	 * executable: 0 if not, else the more, the longer it is. During a GC work.stackRoots is one too, cut from allgs and so
	 * without spare capacity (proc.go: allGsSnapshot).
	 */
	allgs(address: number, array: number): number {
		const length = this.#sliceLength(address, 1 << 26);
		let living = 0;
		// the first few, and from there to the last: allgptr points to the same array, with other variables behind it
		const few = Math.min(length, FIRST_GS);
		for (let i = 0; i < few + LATER_GS; i++) {
			const index = i < few ? i : few + Math.floor(((length - few) * (i - few + 1)) / LATER_GS) - 1;
			const at = this.#target(array + index * 8, this.#off.g.size);
			const state = at < 0 ? "other" : this.#goroutine(at);
			if (state === "other") return 0;
			if (state === "began") living++;
		}
		const spare = (this.#look.word(address + 16) ?? 0) > length;
		return living > 0 ? length * 2 + Number(spare) : 0;
	}

	/** What stands at a position of the view: no g, a dead one, one that began elsewhere, or with a function of the executable. */
	#goroutine(at: number): "other" | "dead" | "elsewhere" | "began" {
		const off = this.#off.g;
		const view = this.#look.view;
		const low = word(view, at + off.low);
		const high = word(view, at + off.high);
		const goid = word(view, at + off.goid);
		const status = view.getUint32(at + off.status, true) & ~G_SCAN;
		if (high < low || high - low > 2 ** 31 || goid > 2 ** 40 || status > G_DEAD_EXTRA) return "other";
		if (isDead(status)) return "dead";
		const start = word(view, at + off.startPc);
		if (high === low || goid === 0 || start >= MAX_ADDRESS) return "other";
		// in a plugin; or nowhere, when made for a thread of C (proc.go: oneNewExtraM)
		return this.#inImage(start) ? "began" : "elsewhere";
	}

	/** A slice of pointers to p structs, whose ids count from 0 and whose caches hold spans; its length. */
	processors(address: number, array: number): number {
		const length = this.#sliceLength(address, 1 << 16);
		const off = this.#off.p;
		let caches = 0;
		for (let i = 0; i < length; i++) {
			const at = this.#target(array + i * 8, off.length);
			if (at < 0) return 0;
			const view = this.#look.view;
			const status = view.getUint32(at + off.status, true);
			if (view.getInt32(at + off.id, true) !== i || status > P_DEAD) return 0;
			if (status === P_DEAD) continue;
			if (!this.#isCache(word(view, at + off.mcache))) return 0;
			caches++;
		}
		return caches === 0 ? 0 : length;
	}

	/** mcache.alloc is full of pointers: to spans, or to the empty span that stands for none (mcache.go: allocmcache). */
	#isCache(mcache: number): boolean {
		const { alloc, spans } = this.#off.mcache;
		const at = isPointer(mcache) ? this.#look.locate(mcache + alloc, spans * 8) : -1;
		for (let i = 0; at >= 0 && i < spans; i++) if (!isPointer(word(this.#look.view, at + i * 8))) return false;
		return at >= 0;
	}

	/** allm is the newest M, and each M's g0 points back at it; the length of the list, since the idle list points into it. */
	machines(first: number): number {
		const off = this.#off;
		let count = 0;
		for (let pointer = first; pointer !== 0; count++) {
			if (!isPointer(pointer) || count > MAX_MS) return 0;
			const g0 = this.#look.word(pointer + off.m.g0) ?? 0;
			if (!isPointer(g0) || this.#look.word(g0 + off.g.m) !== pointer) return 0;
			pointer = this.#look.word(pointer + off.m.next) ?? -1;
		}
		return count;
	}

	/**
	 * How many buckets of a type the list that begins at `pointer` has, since another variable may point into it; 0 where it
	 * is no such list. bucketType is an int: 1 memory, 2 block, 3 mutex (mprof.go). Buckets are never in the executable's own
	 * data, and the stack that follows each is one of code addresses.
	 */
	buckets(pointer: number, type: 1 | 2 | 3): number {
		const off = this.#off.bucket;
		let count = 0;
		for (let at = pointer; at !== 0 && count < MAX_BUCKETS; count++) {
			const here = isPointer(at) && !this.#inImage(at) ? this.#look.locate(at, off.size + 8) : -1;
			if (here < 0) return 0;
			const view = this.#look.view;
			const frames = word(view, here + off.frames);
			if (word(view, here + off.type) !== type || frames === 0 || frames > MAX_FRAMES) return 0;
			if (!this.#inImage(word(view, here + off.size))) return 0;
			at = word(view, here + off.allnext);
		}
		return count;
	}

	#inImage(address: number): boolean {
		return address >= this.#image.start && address < this.#image.end;
	}

	/** The hash table holds the bucket at its hash (mprof.go: stkbucket: hash % buckHashSize). */
	isBucketHash(table: number, bucket: number): boolean {
		const off = this.#off.bucket;
		const at = this.#look.locate(bucket + off.hash, 8);
		if (at < 0) return false;
		const slot = Number(this.#look.view.getBigUint64(at, true) % BigInt(BUCKET_HASH_ENTRIES));
		let entry = this.#look.word(table + slot * 8) ?? 0;
		for (let i = 0; i < 1000 && isPointer(entry); i++) {
			if (entry === bucket) return true;
			entry = this.#look.word(entry + off.next) ?? 0;
		}
		return false;
	}

	#sliceLength(address: number, limit: number): number {
		const length = this.#look.word(address + 8) ?? 0;
		const capacity = this.#look.word(address + 16) ?? 0;
		return length > capacity || capacity > limit ? 0 : length;
	}

	/** Position of what the pointer at `address` points to, or -1. */
	#target(address: number, size: number): number {
		const pointer = this.#look.word(address) ?? 0;
		return isPointer(pointer) ? this.#look.locate(pointer, size) : -1;
	}
}

/** p.status: _Pdead (runtime2.go) */
const P_DEAD = 4;

function isPointer(value: number): boolean {
	return value >= 4096 && value < MAX_ADDRESS && value % 8 === 0;
}
