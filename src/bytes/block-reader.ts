import type { ByteSource } from "./byte-source.ts";
import { word } from "./cursor.ts";

const PAGE = 4096;

/** One look at an address space: many small reads without an allocation each. */
export interface MemoryReader {
	/** the bytes that the last successful `locate` found, at the position it returned */
	readonly view: DataView;
	/** Position of the `length` bytes at `address` in `view`, or -1 where they are not all there. */
	locate(address: number, length: number): number;
	/** The word at `address` as a number (exact below 2^53), or undefined where it is not there. */
	word(address: number): number | undefined;
	/** A copy of the bytes, or undefined where they are not all there. The caller bounds `length`. */
	copy(address: number, length: number): Uint8Array | undefined;
}

/** Another process's memory. Each look sees what was there when it read; later looks may differ on a moving target. */
export interface TargetMemory {
	look(options?: LookOptions): MemoryReader;
}

export interface LookOptions {
	/** leave out never-touched pages instead of reading them as zeros: for a search through memory that is mostly untouched */
	readonly presentOnly?: boolean;
	/** a power of two from 4 KiB to 64 KiB (default 64 KiB: as fast as larger ones on /proc/PID/mem); small for scattered reads */
	readonly blockBytes?: number;
	/** how many blocks are kept; the oldest go first */
	readonly maxBlocks?: number;
}

/** Records one look. */
export interface LookRecord {
	/**
	 * Told of each range that was served: bytes[from] to bytes[to - 1], which stand at `address`. The others there were read
	 * around it and are not to be kept. An array for each of a million small reads would cost more than the reads.
	 */
	read(address: number, bytes: Uint8Array, from: number, to: number): void;
	/** Told of a range that is not all there. */
	miss(address: number): void;
	/** Puts what it was told of [address, address + into.length) into `into`, and leaves the rest. */
	recall(address: number, into: Uint8Array): void;
}

interface Block {
	readonly view: DataView;
	readonly bytes: Uint8Array;
	/** bit i: the i-th 4 KiB page of the block was there */
	readonly valid: number;
}

/**
 * Serves many small reads from a few large ones, without an allocation per read: `locate(address, length)` points
 * `view` at the block that holds the bytes and returns the position in it.
 *
 * What was read once stays as it was read, so one BlockReader is one look at a moving target; make a new one to look again.
 * That holds as long as the blocks are kept, and where a record is kept always.
 * Holes in a block (absent or unmapped pages) cost nothing but themselves.
 */
export class BlockReader implements MemoryReader {
	/** the block (or scratch copy) that the last successful `locate` found */
	view: DataView;
	readonly #source: ByteSource;
	readonly #blockBytes: number;
	readonly #maxBlocks: number;
	readonly #record: LookRecord | undefined;
	/** blocks that were let go, where a record is kept: read again, they are to be as they were */
	readonly #evicted = new Set<number>();
	readonly #blocks = new Map<number, Block>();
	/** the bytes of `view` */
	#found: Uint8Array = new Uint8Array(0);
	#lastIndex = -1;
	#last: Block | undefined;

	constructor(source: ByteSource, options: LookOptions & { readonly record?: LookRecord | undefined } = {}) {
		this.#source = source;
		this.#blockBytes = options.blockBytes ?? 65536;
		this.#maxBlocks = options.maxBlocks ?? 256;
		this.#record = options.record;
		this.view = new DataView(new ArrayBuffer(0));
	}

	locate(address: number, length: number): number {
		const at = this.#find(address, length);
		if (this.#record !== undefined) {
			if (at < 0) this.#record.miss(address);
			else this.#record.read(address, this.#found, at, at + length);
		}
		return at;
	}

	#find(address: number, length: number): number {
		const index = Math.floor(address / this.#blockBytes);
		const within = address - index * this.#blockBytes;
		if (!(within >= 0) || length < 0) return -1;
		if (within + length <= this.#blockBytes) {
			const block = index === this.#lastIndex ? this.#last : this.#load(index);
			if (block === undefined || !covers(block.valid, within, length)) return -1;
			this.view = block.view;
			this.#found = block.bytes;
			return within;
		}
		const copy = new Uint8Array(length);
		if (this.#gather(address, copy) !== length) return -1;
		this.view = new DataView(copy.buffer);
		this.#found = copy;
		return 0;
	}

	word(address: number): number | undefined {
		return wordOf(this, address);
	}

	copy(address: number, length: number): Uint8Array | undefined {
		return copyOf(this, address, length);
	}

	/** Copies what is there from `address` on, up to the first missing byte; returns the count. */
	#gather(address: number, into: Uint8Array): number {
		let done = 0;
		while (done < into.length) {
			const index = Math.floor((address + done) / this.#blockBytes);
			const within = address + done - index * this.#blockBytes;
			const block = this.#load(index);
			const count = Math.min(this.#blockBytes - within, into.length - done);
			if (block === undefined || !covers(block.valid, within, count)) return done;
			into.set(block.bytes.subarray(within, within + count), done);
			done += count;
		}
		return done;
	}

	#load(index: number): Block | undefined {
		let block = this.#blocks.get(index);
		if (block === undefined) {
			block = this.#read(index);
			if (this.#evicted.has(index)) this.#record?.recall(index * this.#blockBytes, block.bytes);
			if (this.#blocks.size >= this.#maxBlocks) this.#evictOldest();
			this.#blocks.set(index, block);
		}
		this.#lastIndex = index;
		this.#last = block;
		return block;
	}

	#evictOldest(): void {
		const oldest = this.#blocks.keys().next().value;
		if (oldest === undefined) return;
		this.#blocks.delete(oldest);
		if (this.#record !== undefined) this.#evicted.add(oldest);
	}

	/** the buffer of a block in which nothing was there, for the next one */
	#spare: Uint8Array<ArrayBuffer> | undefined;

	#read(index: number): Block {
		const bytes = this.#spare ?? new Uint8Array(this.#blockBytes);
		this.#spare = undefined;
		const base = index * this.#blockBytes;
		let valid = 0;
		let at = 0;
		while (at < bytes.length) {
			const got = this.#source.readInto(base + at, at === 0 ? bytes : bytes.subarray(at));
			const end = at + got;
			// a recording may hold parts of pages: those are served by exact reads only, see RecordedMemory
			for (let page = Math.floor(at / PAGE); page * PAGE < end; page++) {
				if (Math.min((page + 1) * PAGE, bytes.length) <= end) valid |= 1 << page;
			}
			at = (Math.floor(end / PAGE) + 1) * PAGE;
		}
		if (valid === 0) {
			this.#spare = bytes;
			return NOTHING;
		}
		return { view: new DataView(bytes.buffer), bytes, valid };
	}
}

const NOTHING: Block = { view: new DataView(new ArrayBuffer(0)), bytes: new Uint8Array(0), valid: 0 };

/** Reads each range by itself: for recordings, which hold exactly the ranges that were read. */
export class ExactReader implements MemoryReader {
	view: DataView = new DataView(new ArrayBuffer(0));
	readonly #source: ByteSource;

	constructor(source: ByteSource) {
		this.#source = source;
	}

	locate(address: number, length: number): number {
		const bytes = new Uint8Array(length);
		if (this.#source.readInto(address, bytes) !== length) return -1;
		this.view = new DataView(bytes.buffer);
		return 0;
	}

	word(address: number): number | undefined {
		return wordOf(this, address);
	}

	copy(address: number, length: number): Uint8Array | undefined {
		return copyOf(this, address, length);
	}
}

function wordOf(reader: MemoryReader, address: number): number | undefined {
	const at = reader.locate(address, 8);
	return at < 0 ? undefined : word(reader.view, at);
}

function copyOf(reader: MemoryReader, address: number, length: number): Uint8Array | undefined {
	const at = reader.locate(address, length);
	return at < 0 ? undefined : new Uint8Array(reader.view.buffer, reader.view.byteOffset + at, length).slice();
}

function covers(valid: number, at: number, length: number): boolean {
	const first = Math.floor(at / PAGE);
	const last = Math.floor((at + Math.max(length, 1) - 1) / PAGE);
	const mask = (last - first === 31 ? -1 : (1 << (last - first + 1)) - 1) << first;
	return (valid & mask) === mask;
}
