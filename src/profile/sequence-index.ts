/**
 * Numbers sequences of 32-bit words in the order in which they are first asked for: stacks with their labels, the lines of a
 * location, nodes by function, line and so on. Open addressing over one growing buffer, no object per sequence.
 */
export class SequenceIndex {
	count = 0;
	#words: Int32Array;
	#starts: Uint32Array;
	#hashes: Int32Array;
	#slots: Int32Array;

	/** So many sequences of so many words in all fit in without growing. */
	constructor(expected = 64, words = 1024) {
		this.#words = new Int32Array(words);
		this.#starts = new Uint32Array(expected + 1);
		this.#hashes = new Int32Array(expected + 1);
		this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(expected * 2))).fill(-1);
	}

	/** The number of the sequence words[0] to words[length - 1]; that of a new one is the count before. */
	of(words: Int32Array, length: number): number {
		let hash = length;
		for (let i = 0; i < length; i++) hash = (Math.imul(hash ^ words[i]!, 0x9e3779b1) + (hash >>> 15)) | 0;
		hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
		hash ^= hash >>> 13;
		const mask = this.#slots.length - 1;
		let slot = hash & mask;
		for (;;) {
			const row = this.#slots[slot]!; // masked
			if (row < 0) return this.#insert(slot, hash, words, length);
			if (this.#hashes[row] === hash && this.#equals(row, words, length)) return row;
			slot = (slot + 1) & mask;
		}
	}

	/** A word of a sequence, as a signed number. */
	word(row: number, at: number): number {
		return this.#words[(this.#starts[row] ?? 0) + at] ?? 0;
	}

	#equals(row: number, words: Int32Array, length: number): boolean {
		const start = this.#starts[row]!;
		if (this.#starts[row + 1]! - start !== length) return false;
		for (let i = 0; i < length; i++) if (this.#words[start + i] !== words[i]) return false;
		return true;
	}

	#insert(slot: number, hash: number, words: Int32Array, length: number): number {
		const row = this.count++;
		if (row + 1 === this.#starts.length) {
			const starts = new Uint32Array(this.#starts.length * 2);
			starts.set(this.#starts);
			this.#starts = starts;
			const hashes = new Int32Array(starts.length);
			hashes.set(this.#hashes);
			this.#hashes = hashes;
		}
		const start = this.#starts[row]!;
		if (start + length > this.#words.length) {
			const larger = new Int32Array(Math.max(start + length, this.#words.length * 2));
			larger.set(this.#words);
			this.#words = larger;
		}
		this.#words.set(words.subarray(0, length), start);
		this.#starts[row + 1] = start + length;
		this.#hashes[row] = hash;
		this.#slots[slot] = row;
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
