/**
 * Numbers tuples of 32-bit words in the order in which they are first asked for: nodes by function, line and so on. Open
 * addressing over typed arrays, no object per tuple.
 */
export class TupleIndex {
	/** how many different tuples there are */
	count = 0;
	readonly #width: number;
	#words: Int32Array;
	#slots: Int32Array;
	#hashes: Int32Array;

	constructor(width: number, capacity = 256) {
		this.#width = width;
		this.#words = new Int32Array(width * capacity);
		this.#hashes = new Int32Array(capacity);
		this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2))).fill(-1);
	}

	/** The number of the tuple; that of a new one is the count before. Words are taken modulo 2^32. */
	of(tuple: ArrayLike<number>): number {
		const width = this.#width;
		let hash = 0x811c9dc5;
		for (let i = 0; i < width; i++) hash = mixed(hash, tuple[i]! | 0); // the caller gives `width` words
		hash = finished(hash);
		const mask = this.#slots.length - 1;
		let slot = hash & mask;
		for (;;) {
			const row = this.#slots[slot]!; // masked
			if (row < 0) return this.#insert(slot, hash, tuple);
			if (this.#hashes[row] === hash && this.#equals(row, tuple)) return row;
			slot = (slot + 1) & mask;
		}
	}

	/** A word of a tuple, as a signed number. */
	word(row: number, at: number): number {
		return this.#words[row * this.#width + at] ?? 0;
	}

	#equals(row: number, tuple: ArrayLike<number>): boolean {
		const from = row * this.#width;
		for (let i = 0; i < this.#width; i++) if (this.#words[from + i] !== (tuple[i]! | 0)) return false; // as in `of`
		return true;
	}

	#insert(slot: number, hash: number, tuple: ArrayLike<number>): number {
		const row = this.count++;
		if (row === this.#hashes.length) {
			this.#hashes = doubled(this.#hashes);
			this.#words = doubled(this.#words);
		}
		this.#slots[slot] = row;
		this.#hashes[row] = hash;
		for (let i = 0; i < this.#width; i++) this.#words[row * this.#width + i] = tuple[i]!; // as in `of`
		if (this.count * 2 > this.#slots.length) this.#rehash();
		return row;
	}

	#rehash(): void {
		const mask = this.#slots.length * 2 - 1;
		const slots = new Int32Array(mask + 1).fill(-1);
		for (let row = 0; row < this.count; row++) {
			let slot = this.#hashes[row]! & mask; // below the count
			while (slots[slot]! >= 0) slot = (slot + 1) & mask;
			slots[slot] = row;
		}
		this.#slots = slots;
	}
}

function mixed(hash: number, word: number): number {
	const scrambled = Math.imul(word, 0xcc9e2d51);
	const turned = (scrambled << 15) | (scrambled >>> 17);
	const next = hash ^ Math.imul(turned, 0x1b873593);
	return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

/** the finalizer of MurmurHash3 (public domain), whose mixing step is above */
function finished(hash: number): number {
	let h = hash ^ (hash >>> 16);
	h = Math.imul(h, 0x85ebca6b);
	h ^= h >>> 13;
	h = Math.imul(h, 0xc2b2ae35);
	return h ^ (h >>> 16);
}

function doubled(array: Int32Array): Int32Array {
	const larger = new Int32Array(array.length * 2);
	larger.set(array);
	return larger;
}
