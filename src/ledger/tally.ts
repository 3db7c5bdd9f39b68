/** Adds up bytes by line id, and remembers the largest single ranges of each. */
export class Tally {
	readonly #bytes = new Map<string, number>();

	add(id: string, bytes: number): void {
		if (bytes !== 0) this.#bytes.set(id, (this.#bytes.get(id) ?? 0) + bytes);
	}

	get(id: string): number {
		return this.#bytes.get(id) ?? 0;
	}

	/** Moves up to `bytes` from one line to another; returns how many there were to move. */
	move(from: string, to: string, bytes: number): number {
		const moved = Math.max(0, Math.min(bytes, this.get(from)));
		this.add(from, -moved);
		this.add(to, moved);
		return moved;
	}

	get total(): number {
		let sum = 0;
		for (const bytes of this.#bytes.values()) sum += bytes;
		return sum;
	}

	entries(): IterableIterator<[string, number]> {
		return this.#bytes.entries();
	}
}
