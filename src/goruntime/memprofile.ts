import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { type ProfileCycle, readProfileCycle } from "./profile-state.ts";
import type { RuntimeView } from "./runtime-view.ts";

/** What runtime.MemProfile would give (inuseZero true), a row per bucket: sampled allocations by the stack that made them. */
export interface MemProfileRecords {
	readonly count: number;
	/** Row r has the pcs from stackStart[r] to stackStart[r + 1]: return addresses, innermost first, inlined calls each their own. */
	readonly stackStart: Uint32Array;
	readonly pcs: Float64Array;
	readonly allocObjects: Float64Array;
	readonly freeObjects: Float64Array;
	/** bytes of each of the objects: a bucket is of one stack and one size (mprof.go: stkbucket) */
	readonly objectBytes: Float64Array;
	/** whether the runtime counts objects only and tells their size beside (Go 1.27), also where none is counted yet */
	readonly tellsSize: boolean;
	/**
	 * "published": as of the end of the last collection but one, which is what /debug/pprof/heap shows. "all": no collection
	 * has published anything yet, so all that was sampled counts, as runtime.MemProfile does it then.
	 */
	readonly state: "published" | "all";
	readonly cycle: ProfileCycle;
	/** buckets that contradicted themselves and are not in the rows */
	readonly torn: number;
	/** whether the list of buckets went on beyond the limit, into itself, or broke off at memory that could not be read */
	readonly cut: boolean;
}

export interface MemProfileLimits {
	readonly buckets: number;
	/** in all buckets together */
	readonly pcs: number;
}

/** More than any program is known to have: a bucket is a distinct stack and size, and 200,000 are a lot. 400 MiB of columns. */
const LIMITS: MemProfileLimits = { buckets: 1 << 20, pcs: 1 << 25 };

interface RecordShape {
	readonly header: number;
	readonly type: number;
	readonly next: number;
	readonly depth: number;
	readonly maxDepth: number;
	readonly memType: number;
	readonly record: number;
	readonly active: number;
	readonly future: number;
	readonly cycle: number;
	readonly cycles: number;
	readonly size: number;
	readonly tellsSize: boolean;
	readonly allocs: number;
	readonly frees: number;
}

/**
 * Reads the memory profile's buckets (mprof.go: bucket, memRecord) by their list, newest first as runtime.MemProfile gives
 * them. A bucket's header and stack do not change once it is in the list; its counts may be torn by a word while the target
 * runs. Bounded; a list that leads nowhere ends the rows. Returns undefined where mbuckets is not known.
 */
export function readMemProfile(
	view: RuntimeView,
	look: MemoryReader,
	limits: MemProfileLimits = LIMITS,
): MemProfileRecords | undefined {
	const head = view.globals.get("mbuckets");
	if (head === undefined) return undefined;
	const shape = recordShape(view);
	const cycle = readProfileCycle(view, look);
	const rows = new Rows(shape, cycle.flushed ? -1 : cycle.cycle % shape.cycles, limits.pcs);
	const seen = new Set<number>();
	for (let at = look.word(head) ?? 0; at !== 0 && !rows.cut; ) {
		if (seen.size >= limits.buckets || seen.has(at)) rows.cut = true;
		else {
			seen.add(at);
			at = rows.add(look, at);
		}
	}
	return rows.finish(cycle);
}

function recordShape(view: RuntimeView): RecordShape {
	const bucket = view.layout.struct("bucket");
	const record = view.layout.struct("memRecord");
	const cycle = view.layout.struct("memRecordCycle");
	const { constants } = view.layout;
	return {
		header: bucket.size,
		type: bucket.offset("typ"),
		next: bucket.offset("allnext"),
		depth: bucket.offset("nstk"),
		// maxStack before Go 1.23 (32, where it is named); the depth may be set up to this by GODEBUG=profstackdepth since
		maxDepth: 4096,
		memType: constants.has("memProfile") ? constants.number("memProfile") : 1,
		record: record.size,
		active: record.offset("active"),
		future: record.offset("future"),
		cycle: cycle.size,
		cycles: record.field("future").count ?? 3,
		size: bucket.offset("size"),
		tellsSize: !cycle.has("alloc_bytes"),
		allocs: cycle.offset("allocs"),
		frees: cycle.offset("frees"),
	};
}

/** allocs, frees */
const SUMS = 2;

class Rows {
	readonly #shape: RecordShape;
	/** index of the future cycle that counts as published, too; -1 for none */
	readonly #unflushed: number;
	readonly #maxPcs: number;
	/** per row: the published sums, and the sums of everything */
	#published = new Float64Array(SUMS * 256);
	#all = new Float64Array(SUMS * 256);
	#size = new Float64Array(256);
	#stackStart = new Uint32Array(257);
	#pcs = new Float64Array(256 * 32);
	#count = 0;
	#anyPublished = false;
	#torn = 0;
	cut = false;

	constructor(shape: RecordShape, unflushed: number, maxPcs: number) {
		this.#shape = shape;
		this.#maxPcs = maxPcs;
		this.#unflushed = unflushed;
	}

	/** Adds the bucket at an address; returns that of the next one, 0 at the end. */
	add(look: MemoryReader, address: number): number {
		const { header, type, next, depth, size, maxDepth, memType, record } = this.#shape;
		const at = look.locate(address, header);
		if (at < 0) {
			this.cut = true;
			return 0;
		}
		const frames = word(look.view, at + depth);
		const following = word(look.view, at + next);
		const objectBytes = word(look.view, at + size);
		if (word(look.view, at + type) !== memType || frames > maxDepth) {
			// allnext is written before the bucket is published: this is no bucket, and what it points to is none either
			this.#torn++;
			this.cut = true;
			return 0;
		}
		const start = this.#stackStart[this.#count] ?? 0;
		if (start + frames > this.#maxPcs) {
			this.cut = true;
			return 0;
		}
		const body = look.locate(address + header, frames * 8 + record);
		if (body < 0) {
			this.#torn++;
			return following;
		}
		this.#grow(start + frames);
		this.#size[this.#count] = objectBytes;
		for (let i = 0; i < frames; i++) this.#pcs[start + i] = word(look.view, body + i * 8);
		this.#sum(look.view, body + frames * 8);
		this.#stackStart[++this.#count] = start + frames;
		return following;
	}

	#sum(view: DataView, at: number): void {
		const { active, future, cycle, cycles, allocs, frees } = this.#shape;
		const row = this.#count * SUMS;
		for (let f = 0; f < SUMS; f++) {
			const field = f === 0 ? allocs : frees;
			const now = word(view, at + active + field);
			let pending = 0;
			let unflushed = 0;
			for (let c = 0; c < cycles; c++) {
				const value = word(view, at + future + c * cycle + field);
				pending += value;
				if (c === this.#unflushed) unflushed = value;
			}
			this.#published[row + f] = now + unflushed;
			this.#all[row + f] = now + pending;
			// as mprof.go decides whether there is "absolutely no data"
			if (now + unflushed !== 0) this.#anyPublished = true;
		}
	}

	#grow(pcs: number): void {
		if (this.#count + 2 > this.#stackStart.length) {
			this.#stackStart = enlarged(this.#stackStart, new Uint32Array(this.#stackStart.length * 2));
			this.#published = enlarged(this.#published, new Float64Array(this.#published.length * 2));
			this.#all = enlarged(this.#all, new Float64Array(this.#all.length * 2));
			this.#size = enlarged(this.#size, new Float64Array(this.#size.length * 2));
		}
		if (pcs > this.#pcs.length) {
			this.#pcs = enlarged(this.#pcs, new Float64Array(Math.max(pcs, this.#pcs.length * 2)));
		}
	}

	finish(cycle: ProfileCycle): MemProfileRecords {
		const sums = this.#anyPublished ? this.#published : this.#all;
		const column = (f: number) => Float64Array.from({ length: this.#count }, (_, row) => sums[row * SUMS + f] ?? 0);
		return {
			count: this.#count,
			stackStart: this.#stackStart.slice(0, this.#count + 1),
			pcs: this.#pcs.slice(0, this.#stackStart[this.#count]),
			allocObjects: column(0),
			freeObjects: column(1),
			tellsSize: this.#shape.tellsSize,
			objectBytes: this.#size.slice(0, this.#count),
			state: this.#anyPublished ? "published" : "all",
			cycle,
			torn: this.#torn,
			cut: this.cut,
		};
	}
}

function enlarged<T extends Uint32Array | Float64Array>(from: T, to: T): T {
	to.set(from as never);
	return to;
}
