/**
 * Numbers pairs of 32-bit words in the order in which they are first asked for: edges by caller and callee, tree nodes by
 * parent and place. A pair stands with its number in the hash table itself, so that a look-up touches one cache line:
 * with a million pairs that is most of the time.
 */
export class PairIndex {
	/** how many different pairs there are */
	count = 0;
	/** four words a slot: the pair, its number + 1 (0: empty), nothing */
	#slots: Int32Array;
	#mask: number;
	#first: Int32Array;
	#second: Int32Array;

	/** `expected` pairs fit in without growing. */
	constructor(expected = 256) {
		const slots = 2 ** Math.ceil(Math.log2(Math.max(expected, 16) * 1.5));
		this.#slots = new Int32Array(slots * 4);
		this.#mask = slots - 1;
		this.#first = new Int32Array(expected);
		this.#second = new Int32Array(expected);
	}

	/** The number of the pair; that of a new one is the count before. Words are taken modulo 2^32. */
	of(first: number, second: number): number {
		const slots = this.#slots;
		const a = first | 0;
		const b = second | 0;
		let slot = hashed(a, b) & this.#mask;
		for (;;) {
			const at = slot * 4;
			const row = slots[at + 2]!; // masked
			if (row === 0) return this.#insert(at, a, b);
			if (slots[at] === a && slots[at + 1] === b) return row - 1;
			slot = (slot + 1) & this.#mask;
		}
	}

	/** The first words of all pairs, by number. */
	firsts(): Int32Array {
		return this.#first.slice(0, this.count);
	}

	seconds(): Int32Array {
		return this.#second.slice(0, this.count);
	}

	#insert(at: number, a: number, b: number): number {
		const row = this.count++;
		if (row === this.#first.length) {
			this.#first = doubled(this.#first);
			this.#second = doubled(this.#second);
		}
		this.#first[row] = a;
		this.#second[row] = b;
		this.#slots[at] = a;
		this.#slots[at + 1] = b;
		this.#slots[at + 2] = row + 1;
		if (this.count * 3 > (this.#mask + 1) * 2) this.#rehash();
		return row;
	}

	#rehash(): void {
		const before = this.#slots;
		const mask = this.#mask * 2 + 1;
		const slots = new Int32Array((mask + 1) * 4);
		for (let from = 0; from < before.length; from += 4) {
			if (before[from + 2] === 0) continue;
			let slot = hashed(before[from]!, before[from + 1]!) & mask;
			while (slots[slot * 4 + 2] !== 0) slot = (slot + 1) & mask;
			slots[slot * 4] = before[from]!;
			slots[slot * 4 + 1] = before[from + 1]!;
			slots[slot * 4 + 2] = before[from + 2]!;
		}
		this.#slots = slots;
		this.#mask = mask;
	}
}

/** Two rounds of multiply and shift: rows are small numbers that follow one another. */
function hashed(a: number, b: number): number {
	let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
	return hash ^ (hash >>> 16);
}

function doubled(array: Int32Array): Int32Array {
	const larger = new Int32Array(array.length * 2);
	larger.set(array);
	return larger;
}
