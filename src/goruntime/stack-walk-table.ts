import { STACK_CUT, type StackTable } from "../evidence/stacks.ts";
import { grown } from "./stack-walk-sites.ts";

/** Places of all distinct stacks together: 64 MiB. */
const MAX_SITES = 1 << 24;
/** Where that is near, only so many innermost frames of a further stack are kept. */
const FEW = 32;

/** Distinct stacks in columns: the same places in the same order are one stack, however many goroutines have it. */
export class DistinctStacks {
	#sites = new Uint32Array(1 << 12);
	#offsets = new Uint32Array(1 << 8);
	#hashes = new Int32Array(1 << 8);
	#end = new Uint8Array(1 << 8);
	#slots = new Int32Array(1 << 9).fill(-1);
	#count = 0;
	#used = 0;

	/** The number of the stack `sites[0..length)`, innermost first, that ended so; -1 where there is no room for it. */
	add(sites: Uint32Array, length: number, end: number): number {
		let kept = length;
		let how = end;
		if (this.#used + length > MAX_SITES - (1 << 22) && length > FEW) {
			kept = FEW;
			how = STACK_CUT;
		}
		if (this.#used + kept > MAX_SITES) return -1;
		let hash = how;
		for (let i = 0; i < kept; i++) hash = Math.imul(hash ^ sites[i]!, 0x01000193) ^ (hash >>> 15); // i < kept <= sites.length
		const mask = this.#slots.length - 1;
		let slot = (Math.imul(hash, 0x9e3779b1) >>> 8) & mask;
		for (; this.#slots[slot] !== -1; slot = (slot + 1) & mask) {
			const stack = this.#slots[slot] ?? -1;
			if (this.#hashes[stack] === hash && this.#same(stack, sites, kept, how)) return stack;
		}
		return this.#append(slot, hash, sites, kept, how);
	}

	/** The table so far; a copy. */
	table(): StackTable {
		const count = this.#count;
		return {
			count,
			offsets: this.#offsets.slice(0, count + 1),
			sites: this.#sites.slice(0, this.#used),
			end: this.#end.slice(0, count),
		};
	}

	#same(stack: number, sites: Uint32Array, length: number, end: number): boolean {
		const from = this.#offsets[stack] ?? 0;
		if ((this.#offsets[stack + 1] ?? 0) - from !== length || this.#end[stack] !== end) return false;
		for (let i = 0; i < length; i++) if (this.#sites[from + i] !== sites[i]) return false;
		return true;
	}

	#append(slot: number, hash: number, sites: Uint32Array, length: number, end: number): number {
		while (this.#used + length > this.#sites.length)
			this.#sites = grown(this.#sites, new Uint32Array(this.#sites.length * 2));
		this.#sites.set(sites.subarray(0, length), this.#used);
		const stack = this.#count++;
		this.#used += length;
		this.#hashes[stack] = hash;
		this.#end[stack] = end;
		this.#offsets[stack + 1] = this.#used;
		this.#slots[slot] = stack;
		if (this.#count + 2 > this.#end.length) this.#grow();
		return stack;
	}

	#grow(): void {
		const size = this.#end.length * 2;
		this.#offsets = grown(this.#offsets, new Uint32Array(size));
		this.#hashes = grown(this.#hashes, new Int32Array(size));
		this.#end = grown(this.#end, new Uint8Array(size));
		this.#slots = new Int32Array(size * 2).fill(-1);
		const mask = this.#slots.length - 1;
		for (let stack = 0; stack < this.#count; stack++) {
			let slot = (Math.imul(this.#hashes[stack] ?? 0, 0x9e3779b1) >>> 8) & mask;
			while (this.#slots[slot] !== -1) slot = (slot + 1) & mask;
			this.#slots[slot] = stack;
		}
	}
}
