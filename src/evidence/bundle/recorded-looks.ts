import type { MemoryReader, TargetMemory } from "../../bytes/block-reader.ts";
import { Cursor, word } from "../../bytes/cursor.ts";
import { RecordedMemory } from "./recorded-memory.ts";

/** "GMLK" and version 1. */
export const LOOKS_MAGIC: Uint8Array = Uint8Array.of(0x47, 0x4d, 0x4c, 0x4b, 1);

/** A reading takes some ten looks. */
const MAX_LOOKS = 1000;
/** On a process that stands still there are some tens: lists end at the address 0. */
export const MAX_MISSES = 100_000;

export interface RecordedLook {
	readonly memory: RecordedMemory;
	/** addresses at which it found less than was asked for: there other looks do not stand in */
	readonly misses: ReadonlySet<number>;
}

/**
 * The memory of a recorded process. The n-th look sees what the n-th look at the living process saw: its own recording
 * counts first, then that of the first look, which a recorder leaves out of the others. What neither saw comes from any
 * look; looks beyond the recorded ones are as the last.
 *
 * Serial form: "GMLK", version 1, then varints: the number of looks, and for each the length of its RecordedMemory in
 * bytes, the number of misses and each one's distance from the one before; then the RecordedMemory of each.
 */
export class RecordedLooks implements TargetMemory {
	readonly #looks: readonly RecordedLook[];
	#next = 0;

	constructor(looks: readonly RecordedLook[]) {
		this.#looks = looks;
	}

	/** Throws ParseError where it is not the serial form. The bytes are not copied. */
	static parse(data: Uint8Array): RecordedLooks {
		const cursor = new Cursor(data, "recorded looks");
		for (const byte of LOOKS_MAGIC) {
			if (cursor.u8("magic") !== byte) throw cursor.error("magic", "GMLK and version 1", "something else");
		}
		const count = cursor.uvarint("look count");
		const limit = Math.min(MAX_LOOKS, cursor.remaining);
		if (count > limit) throw cursor.error("look count", `up to ${limit}`, String(count));
		const heads: { length: number; misses: Set<number> }[] = [];
		for (let i = 0; i < count; i++) heads.push({ length: cursor.uvarint("look length"), misses: readMisses(cursor) });
		const looks = heads.map(({ length, misses }) => ({
			memory: RecordedMemory.parse(cursor.take(length, "look")),
			misses,
		}));
		if (cursor.remaining > 0) throw cursor.error("end", "no more bytes", `${cursor.remaining} left`);
		return new RecordedLooks(looks);
	}

	look(): MemoryReader {
		const own = Math.min(this.#next++, this.#looks.length - 1);
		const counting = new Set(
			[this.#looks[own], ...this.#looks].flatMap((look) => (look === undefined ? [] : [look.memory])),
		);
		return new Replay([...counting], this.#looks[own]?.misses ?? new Set());
	}
}

function readMisses(cursor: Cursor): Set<number> {
	const count = cursor.uvarint("miss count");
	const limit = Math.min(MAX_MISSES, cursor.remaining);
	if (count > limit) throw cursor.error("miss count", `up to ${limit}`, String(count));
	const misses = new Set<number>();
	let address = 0;
	for (let i = 0; i < count; i++) {
		address += cursor.uvarint("miss");
		misses.add(address);
	}
	return misses;
}

/** Serves ranges from recordings, those that count most first. */
class Replay implements MemoryReader {
	view: DataView = new DataView(new ArrayBuffer(0));
	readonly #recordings: readonly RecordedMemory[];
	readonly #views: readonly DataView[];
	readonly #misses: ReadonlySet<number>;

	constructor(recordings: readonly RecordedMemory[], misses: ReadonlySet<number>) {
		this.#recordings = recordings;
		this.#misses = misses;
		this.#views = recordings.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
	}

	locate(address: number, length: number): number {
		if (!(length > 0)) return length === 0 ? 0 : -1;
		if (this.#misses.has(address)) return -1;
		for (let k = 0; k < this.#recordings.length; k++) {
			const memory = this.#recordings[k]!; // k < length, and views are as many
			const i = memory.firstEndingAfter(address);
			const start = memory.starts[i] ?? Number.POSITIVE_INFINITY;
			if (start >= address + length) continue;
			if (start > address || (memory.ends[i] ?? 0) < address + length) return this.#compose(address, length);
			this.view = this.#views[k]!;
			return memory.positionOf(i) + address - start;
		}
		return -1;
	}

	word(address: number): number | undefined {
		const at = this.locate(address, 8);
		return at < 0 ? undefined : word(this.view, at);
	}

	copy(address: number, length: number): Uint8Array | undefined {
		const at = this.locate(address, length);
		return at < 0 ? undefined : new Uint8Array(this.view.buffer, this.view.byteOffset + at, length).slice();
	}

	/** Puts a range together of which several recordings hold parts; -1 where some of it is in none. */
	#compose(address: number, length: number): number {
		const out = new Uint8Array(length);
		const have = new Uint8Array(length);
		let missing = length;
		for (const memory of this.#recordings) {
			const { starts, ends, bytes } = memory;
			for (let i = memory.firstEndingAfter(address); i < starts.length; i++) {
				const start = starts[i]!; // i < length, and ends is as long
				if (start >= address + length) break;
				const to = Math.min(ends[i]!, address + length);
				const position = memory.positionOf(i) - start;
				for (let at = Math.max(start, address); at < to; at++) {
					if (have[at - address] === 1) continue;
					have[at - address] = 1;
					out[at - address] = bytes[position + at]!; // inside of range i
					missing--;
				}
			}
			if (missing === 0) {
				this.view = new DataView(out.buffer);
				return 0;
			}
		}
		return -1;
	}
}
