import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { MAX_ADDRESS } from "./data-words.ts";
import type { Layout } from "./layouts/layout.ts";

/** More interface tables than this no program has: 8 MiB of pointers. */
const MAX_ITABS = 1 << 20;

/** What two more of the runtime's variables must look like: the table of interface tables, and the collector's state. */
export class GcShapes {
	readonly #look: MemoryReader;
	readonly #table: {
		readonly size: number;
		readonly count: number;
		readonly entries: number;
		readonly least: number;
	};
	readonly #work: {
		readonly end: number;
		readonly markEnd: number;
		readonly cycles: number;
	};
	readonly #stats: { readonly lastGc: number; readonly numGc: number };

	constructor(look: MemoryReader, layout: Layout) {
		this.#look = look;
		const table = layout.struct("itabTableType");
		const entries = table.field("entries");
		this.#table = {
			size: table.offset("size"),
			count: table.offset("count"),
			entries: entries.offset,
			least: entries.count ?? 512,
		};
		const work = layout.struct("workType");
		this.#work = {
			end: work.offset("tEnd"),
			markEnd: work.offset("tMarkTerm"),
			cycles: work.offset("cycles"),
		};
		const stats = layout.struct("mstats");
		this.#stats = { lastGc: stats.offset("last_gc_nanotime"), numGc: stats.offset("numgc") };
	}

	/** iface.go: a power of two of slots, at most three quarters of them taken, and `count` says how many. */
	isItabTable(pointer: number): boolean {
		const off = this.#table;
		const slots = this.#look.word(pointer + off.size) ?? 0;
		const count = this.#look.word(pointer + off.count) ?? 0;
		if (slots < off.least || slots > MAX_ITABS || !Number.isInteger(Math.log2(slots))) return false;
		if (count === 0 || count > slots * 0.75 + 1) return false;
		const at = this.#look.locate(pointer + off.entries, slots * 8);
		if (at < 0) return false;
		let taken = 0;
		for (let i = 0; i < slots; i++) {
			const itab = word(this.#look.view, at + i * 8);
			if (itab === 0) continue;
			if (itab >= MAX_ADDRESS || itab % 8 !== 0) return false;
			taken++;
		}
		return taken === count;
	}

	/** When the last GC ended, as memstats has it: runtime nanotime, 0 before the first. */
	lastGcEnd(memstats: number): number {
		return this.#look.word(memstats + this.#stats.lastGc) ?? 0;
	}

	/**
	 * mgc.go, gcMarkTermination: work.tEnd is the very time that memstats.last_gc_nanotime is; work.cycles counts the GCs
	 * that began, memstats.numgc those that ended. `address` is that of tEnd.
	 */
	isWork(address: number, memstats: number): boolean {
		const off = this.#work;
		const start = address - off.end;
		const numGc = this.#u32(memstats + this.#stats.numGc);
		const cycles = this.#u32(start + off.cycles);
		const markEnd = this.#look.word(start + off.markEnd);
		const end = this.#look.word(address);
		if (cycles === undefined || numGc === undefined) return false;
		if (markEnd === undefined || end === undefined || markEnd > end) return false;
		return cycles >= numGc && cycles - numGc <= 1;
	}

	#u32(address: number): number | undefined {
		const at = this.#look.locate(address, 4);
		return at < 0 ? undefined : this.#look.view.getUint32(at, true);
	}
}
