import { BlockReader, type LookOptions, type MemoryReader, type TargetMemory } from "../bytes/block-reader.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import type { SafeMemory } from "./linux/safe-memory.ts";

/** Thrown out of a decoder whose time is over: none of them takes it for a torn reading. */
export class DeadlinePassed extends Error {
	constructor() {
		super("the time for this process is over");
		this.name = "DeadlinePassed";
	}
}

/** A moment after which no more is read for one process. */
export class Deadline {
	readonly milliseconds: number;
	#until: number;

	constructor(milliseconds: number) {
		this.milliseconds = milliseconds;
		this.#until = performance.now() + milliseconds;
	}

	/** Throws DeadlinePassed. */
	check(): void {
		if (performance.now() > this.#until) throw new DeadlinePassed();
	}
}

/** A source that stops answering, by DeadlinePassed, once the time is over. */
export class TimedSource implements ByteSource {
	readonly size?: number;
	readonly #source: ByteSource;
	readonly #deadline: () => Deadline;

	constructor(source: ByteSource, deadline: () => Deadline) {
		this.#source = source;
		this.#deadline = deadline;
		if (source.size !== undefined) this.size = source.size;
	}

	readInto(offset: number, into: Uint8Array): number {
		this.#deadline().check();
		return this.#source.readInto(offset, into);
	}
}

/** The memory of a live process, read against the deadline that is set for the round. */
export class TimedMemory implements TargetMemory {
	deadline: Deadline;
	readonly #memory: SafeMemory;
	readonly #source: TimedSource;

	constructor(memory: SafeMemory, deadline: Deadline) {
		this.#memory = memory;
		this.deadline = deadline;
		this.#source = new TimedSource(memory, () => this.deadline);
	}

	look(options: LookOptions = {}): MemoryReader {
		this.#memory.invalidate();
		return new BlockReader(this.#source, options);
	}
}
