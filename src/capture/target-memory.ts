import { BlockReader, type MemoryReader, type TargetMemory } from "../bytes/block-reader.ts";
import type { SafeMemory } from "./linux/safe-memory.ts";

/** The memory of a live process: each look asks anew which pages are resident, and reads only those. */
export class LiveMemory implements TargetMemory {
	readonly #memory: SafeMemory;
	/** told of every range that a decoder asked for, when recording for a bundle */
	readonly #onRead: ((address: number, bytes: Uint8Array) => void) | undefined;

	constructor(memory: SafeMemory, onRead?: (address: number, bytes: Uint8Array) => void) {
		this.#memory = memory;
		this.#onRead = onRead;
	}

	look(): MemoryReader {
		this.#memory.invalidate();
		return new BlockReader(this.#memory, { onRead: this.#onRead });
	}
}
