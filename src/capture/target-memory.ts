import { BlockReader, type LookOptions, type MemoryReader, type TargetMemory } from "../bytes/block-reader.ts";
import type { SafeMemory } from "./linux/safe-memory.ts";
import type { ReadingWitness } from "./record-witness.ts";

/** The memory of a live process: each look asks anew which pages are resident, and reads only those. */
export class LiveMemory implements TargetMemory {
	readonly #memory: SafeMemory;
	/** told of every look and every range that a decoder asked for, when recording for a bundle */
	readonly #witness: Pick<ReadingWitness, "look"> | undefined;

	constructor(memory: SafeMemory, witness?: Pick<ReadingWitness, "look">) {
		this.#memory = memory;
		this.#witness = witness;
	}

	look(options: LookOptions = {}): MemoryReader {
		this.#memory.invalidate();
		return new BlockReader(options.presentOnly === true ? this.#memory.present : this.#memory, {
			...options,
			record: this.#witness?.look(),
		});
	}
}
