import type { LookRecord } from "../../bytes/block-reader.ts";
import { BufferSource } from "../../bytes/byte-source.ts";
import { ByteWriter } from "../../bytes/byte-writer.ts";
import { joined } from "./codec.ts";
import { LOOKS_MAGIC, MAX_MISSES } from "./recorded-looks.ts";
import { pageBudget, RecordingSource } from "./recording-source.ts";

const NOTHING = new BufferSource(new Uint8Array(0));

/**
 * Records a moving target: what each look saw, look by look, so that a replay decodes what was decoded live, torn or not.
 * The first look is kept whole; of a later one only what the first did not see, or saw otherwise.
 */
export class LookRecorder {
	readonly #looks: RecordingSource[] = [];
	/** addresses at which a look found less than was asked for */
	readonly #misses: Set<number>[] = [];
	readonly #budget: { pages: number };

	/** @param maxBytes bytes kept, counted by 4 KiB pages; beyond it `overflowed` says that the recording is of no use */
	constructor(maxBytes?: number) {
		this.#budget = pageBudget(maxBytes);
	}

	get overflowed(): boolean {
		return this.#looks.some((look) => look.overflowed);
	}

	/** Begins a look; returns what is to be told of each range that it serves. Looks may overlap in time. */
	look(): LookRecord {
		const recording = new RecordingSource(NOTHING, { budget: this.#budget });
		const misses = new Set<number>();
		this.#looks.push(recording);
		this.#misses.push(misses);
		return {
			read: (address, bytes, from, to) => recording.record(address, bytes, from, to),
			miss(address) {
				if (Number.isSafeInteger(address) && address >= 0 && misses.size < MAX_MISSES) misses.add(address);
			},
			recall: (address, into) => recording.overlay(address, into),
		};
	}

	/** The serial form, see RecordedLooks. */
	serialise(): Uint8Array {
		return joined(this.pieces());
	}

	/** The serial form in pieces, views of what was recorded: nothing may be recorded while they are used. */
	pieces(): Uint8Array[] {
		const [first] = this.#looks;
		const looks = this.#looks.map((look) => look.pieces(look === first ? undefined : first));
		const head = new ByteWriter();
		head.raw(LOOKS_MAGIC);
		head.uvarint(looks.length);
		for (const [i, pieces] of looks.entries()) {
			head.uvarint(lengthOf(pieces));
			const misses = Float64Array.from(this.#misses[i] ?? []).sort();
			head.uvarint(misses.length);
			let before = 0;
			for (const address of misses) {
				head.uvarint(address - before);
				before = address;
			}
		}
		return [head.finish(), ...looks.flat()];
	}
}

function lengthOf(pieces: readonly Uint8Array[]): number {
	return pieces.reduce((n, piece) => n + piece.length, 0);
}
