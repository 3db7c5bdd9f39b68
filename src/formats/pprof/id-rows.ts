import { ParseError } from "../../bytes/parse-error.ts";
import { type Uint64Column, uint64Text } from "./columns.ts";
import { FORMAT } from "./wire.ts";

/** Ids that are not made to collide need some dozens at most; those that are may not take quadratic time. */
const MAX_PROBES = 1024;

/**
 * From the ids of a table to its rows. Ids are mostly 1, 2, 3 …, then a plain table does; else (addresses, hashes as ids)
 * open addressing. Throws ParseError where an id is zero or comes twice (profile.proto: "Unique nonzero id").
 */
export class IdRows {
	readonly count: number;
	/** the ids are 1, 2, 3 …, in this order: each is its row + 1 */
	readonly sequential: boolean;
	/** row + 1 by id, 0 where there is none; undefined where the ids are sparse */
	readonly #dense: Uint32Array | undefined;
	readonly #ids: Uint64Column;
	/** row + 1 by hash */
	readonly #slots: Uint32Array;

	constructor(ids: Uint64Column, what: string) {
		const count = ids.low.length;
		let largest = 0;
		let sequential = true;
		for (let row = 0; row < count; row++) {
			const low = ids.low[row] ?? 0;
			const high = ids.high[row] ?? 0;
			if (low === 0 && high === 0) {
				throw new ParseError({ format: FORMAT, field: `${what}.id`, expected: "an id that is not 0", actual: "0" });
			}
			largest = Math.max(largest, high === 0 ? low : Number.POSITIVE_INFINITY);
			sequential &&= low === row + 1 && high === 0;
		}
		this.#ids = ids;
		this.count = count;
		this.sequential = sequential;
		this.#dense = largest <= 4 * count + 64 ? new Uint32Array(largest + 1) : undefined;
		const slots = this.#dense === undefined ? 2 ** Math.ceil(Math.log2(count * 2 + 2)) : 0;
		this.#slots = new Uint32Array(slots);
		for (let row = 0; row < count; row++) {
			if (!this.#add(row)) {
				throw new ParseError({
					format: FORMAT,
					field: `${what}.id`,
					expected: "ids that are unique",
					actual: `${uint64Text(ids, row)} twice`,
				});
			}
		}
	}

	/** The row of an id, or -1. */
	row(low: number, high: number): number {
		if (this.#dense !== undefined) return high === 0 ? (this.#dense[low] ?? 0) - 1 : -1;
		return (this.#slots[this.#slot(low, high)] ?? 0) - 1;
	}

	#add(row: number): boolean {
		const low = this.#ids.low[row] ?? 0;
		if (this.#dense !== undefined) {
			if (this.#dense[low] !== 0) return false;
			this.#dense[low] = row + 1;
			return true;
		}
		const slot = this.#slot(low, this.#ids.high[row] ?? 0);
		if (this.#slots[slot] !== 0) return false;
		this.#slots[slot] = row + 1;
		return true;
	}

	#slot(low: number, high: number): number {
		const mask = this.#slots.length - 1;
		// the multipliers of MurmurHash3's finaliser and one of xxHash32
		let hash = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
		hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
		let slot = (hash ^ (hash >>> 15)) & mask;
		for (let probes = 0; probes < MAX_PROBES; probes++) {
			const found = this.#slots[slot] ?? 0;
			if (found === 0) return slot;
			if (this.#ids.low[found - 1] === low && this.#ids.high[found - 1] === high) return slot;
			slot = (slot + 1) & mask;
		}
		throw new ParseError({ format: FORMAT, expected: "ids that spread", actual: `${MAX_PROBES} that collide` });
	}
}
