import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";

/** What a read costs besides its bytes. */
const PER_READ = 64;

/**
 * A look that ends: when as much was asked of it as was agreed, nothing is there any more. For searches whose length hostile
 * memory could choose, as every word of it may seem to begin a long list.
 */
export class BoundedReader implements MemoryReader {
	readonly #look: MemoryReader;
	#left: number;

	/** @param budget bytes, 64 more for each read */
	constructor(look: MemoryReader, budget: number) {
		this.#look = look;
		this.#left = budget;
	}

	get view(): DataView {
		return this.#look.view;
	}

	/** what may still be asked; negative when the look has ended */
	get left(): number {
		return this.#left;
	}

	locate(address: number, length: number): number {
		this.#left -= PER_READ + Math.max(0, length);
		return this.#left < 0 ? -1 : this.#look.locate(address, length);
	}

	word(address: number): number | undefined {
		const at = this.locate(address, 8);
		return at < 0 ? undefined : word(this.view, at);
	}

	copy(address: number, length: number): Uint8Array | undefined {
		const at = this.locate(address, length);
		if (at < 0) return undefined;
		const { buffer, byteOffset } = this.view;
		return new Uint8Array(buffer, byteOffset + at, length).slice();
	}
}
