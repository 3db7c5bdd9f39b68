import type { ByteSource } from "../../bytes/byte-source.ts";
import { RecordedMemory, recordedMemoryHead } from "./recorded-memory.ts";

const PAGE = 4096;
/** A page and its bits. */
const PAGE_WITH_BITS = PAGE + PAGE / 8;
/** So many bytes are copied one by one: a view of them for `set` costs more. */
const SMALL = 256;
/** Recordings are compared by so many bytes: the gap between two ranges takes about four. */
const CELL = 64;
/** Pages are allocated so many at a time: tens of thousands of small buffers would take half as much again. */
const SLAB_PAGES = 64;

/** Bytes recorded at most, by default. Reading a runtime's own tables takes some tens of MiB. */
const DEFAULT_MAX_BYTES = 512 * 2 ** 20;

/** The recorded bytes of one 4 KiB page. */
interface Page {
	readonly bytes: Uint8Array;
	/** one bit per byte that was recorded; undefined once all of them were */
	recorded: Uint8Array | undefined;
}

/** How many pages several recordings may still take together. */
export interface PageBudget {
	pages: number;
}

/**
 * A ByteSource that keeps what was read through it. Where a range was read more than once, the later bytes count; a
 * later read that found less than an earlier one does not take the earlier bytes away.
 *
 * It records whatever passes through: give it only to readers whose bytes may be kept (never stack words or contents of
 * heap objects). A reader that reads larger blocks than it needs calls `record` for the ranges that it served instead.
 */
export class RecordingSource implements ByteSource {
	readonly #source: ByteSource;
	readonly #budget: PageBudget;
	readonly #pages = new Map<number, Page>();
	#slab: Uint8Array = new Uint8Array(0);
	#slabUsed = SLAB_PAGES;
	#lastIndex = -1;
	#last: Page | undefined;
	#overflowed = false;

	/**
	 * @param options.maxBytes bytes kept, counted by 4 KiB pages; what comes after is read but not recorded
	 * @param options.budget the same, shared with other recordings
	 */
	constructor(source: ByteSource, options: { readonly maxBytes?: number; readonly budget?: PageBudget } = {}) {
		this.#source = source;
		this.#budget = options.budget ?? pageBudget(options.maxBytes);
	}

	/** Whether something was not recorded because of the limit. */
	get overflowed(): boolean {
		return this.#overflowed;
	}

	readInto(offset: number, into: Uint8Array): number {
		const got = this.#source.readInto(offset, into);
		if (got > 0) this.record(offset, into.subarray(0, got));
		return got;
	}

	/** Records bytes[from] to bytes[to - 1], which were read elsewhere at `offset`. They are copied. */
	record(offset: number, bytes: Uint8Array, from = 0, to: number = bytes.length): void {
		for (let done = from; done < to; ) {
			const address = offset + done - from;
			const index = Math.floor(address / PAGE);
			const within = address - index * PAGE;
			const count = Math.min(PAGE - within, to - done);
			const page = index === this.#lastIndex ? this.#last : (this.#pages.get(index) ?? this.#newPage(index));
			if (page === undefined) return;
			this.#lastIndex = index;
			this.#last = page;
			if (count > SMALL) page.bytes.set(bytes.subarray(done, done + count), within);
			else for (let i = 0; i < count; i++) page.bytes[within + i] = bytes[done + i]!; // below `to`
			if (page.recorded !== undefined) mark(page, within, within + count);
			done += count;
		}
	}

	/** Copies the recorded bytes of [offset, offset + into.length) into `into`, and leaves the others there as they are. */
	overlay(offset: number, into: Uint8Array): void {
		for (let done = 0; done < into.length; ) {
			const index = Math.floor((offset + done) / PAGE);
			const within = offset + done - index * PAGE;
			const count = Math.min(PAGE - within, into.length - done);
			const page = this.#pages.get(index);
			for (let at = nextBit(page, within, 1); at < within + count; ) {
				const end = Math.min(nextBit(page, at, 0), within + count);
				const to = done + at - within;
				into.set(page?.bytes.subarray(at, end) ?? [], to);
				at = nextBit(page, end, 1);
			}
			done += count;
		}
	}

	/** What was recorded so far. */
	finish(): RecordedMemory {
		const { starts, ends, runs, total } = this.#collect();
		const all = new Uint8Array(total);
		let at = 0;
		for (const run of runs) {
			all.set(run, at);
			at += run.length;
		}
		return new RecordedMemory(Float64Array.from(starts), Float64Array.from(ends), all);
	}

	/**
	 * The serial form of `finish()`, in pieces: the recorded bytes are not copied, and must not be changed meanwhile.
	 *
	 * @param base leaves out most of what is recorded there with the same bytes
	 */
	pieces(base?: RecordingSource): Uint8Array[] {
		const { starts, ends, runs } = this.#collect(base);
		return [recordedMemoryHead(starts, ends), ...runs];
	}

	#collect(base?: RecordingSource): { starts: number[]; ends: number[]; runs: Uint8Array[]; total: number } {
		const starts: number[] = [];
		const ends: number[] = [];
		const runs: Uint8Array[] = [];
		let total = 0;
		const add = (start: number, bytes: Uint8Array) => {
			if (ends.at(-1) === start) ends[ends.length - 1] = start + bytes.length;
			else {
				starts.push(start);
				ends.push(start + bytes.length);
			}
			runs.push(bytes);
			total += bytes.length;
		};
		const addOthers = (start: number, bytes: Uint8Array) => base?.forEachOther(start, bytes, add);
		this.#forEachRun(Float64Array.from(this.#pages.keys()).sort(), base === undefined ? add : addOthers);
		return { starts, ends, runs, total };
	}

	/** Calls back for the parts of bytes within one page, in cells, that are not recorded here as they are. */
	forEachOther(start: number, bytes: Uint8Array, callback: (start: number, bytes: Uint8Array) => void): void {
		const index = Math.floor(start / PAGE);
		const page = this.#pages.get(index);
		const offset = start - index * PAGE;
		for (let at = 0; at < bytes.length; ) {
			const end = Math.min(bytes.length, at + CELL - ((offset + at) % CELL));
			const from = offset + at;
			const recorded = nextBit(page, from, 1) === from && nextBit(page, from, 0) >= offset + end;
			const cell = bytes.subarray(at, end);
			if (!recorded || !cell.every((byte, i) => byte === page?.bytes[from + i])) callback(start + at, cell);
			at = end;
		}
	}

	#newPage(index: number): Page | undefined {
		if (this.#budget.pages <= 0) {
			this.#overflowed = true;
			return undefined;
		}
		this.#budget.pages--;
		if (this.#slabUsed === SLAB_PAGES) {
			this.#slab = new Uint8Array(SLAB_PAGES * PAGE_WITH_BITS);
			this.#slabUsed = 0;
		}
		const at = this.#slabUsed++ * PAGE_WITH_BITS;
		const page: Page = {
			bytes: this.#slab.subarray(at, at + PAGE),
			recorded: this.#slab.subarray(at + PAGE, at + PAGE_WITH_BITS),
		};
		this.#pages.set(index, page);
		return page;
	}

	/** Calls back for each run of recorded bytes within each page, in ascending order. */
	#forEachRun(indexes: Float64Array, callback: (start: number, bytes: Uint8Array) => void): void {
		for (const index of indexes) {
			const page = this.#pages.get(index);
			if (page === undefined) continue;
			const base = index * PAGE;
			let at = nextBit(page, 0, 1);
			while (at < PAGE) {
				const end = nextBit(page, at, 0);
				callback(base + at, page.bytes.subarray(at, end));
				at = nextBit(page, end, 1);
			}
		}
	}
}

/** The budget for so many bytes, or the default. */
export function pageBudget(maxBytes = DEFAULT_MAX_BYTES): PageBudget {
	return { pages: Math.ceil(maxBytes / PAGE) };
}

function mark(page: Page, from: number, to: number): void {
	if (to - from === PAGE) {
		page.recorded = undefined;
		return;
	}
	const bits = page.recorded;
	if (bits === undefined) return;
	// `from` and `to` are within the page, so every index below is within its bits
	for (let at = from; at < to; ) {
		if ((at & 7) === 0 && to - at >= 8) {
			const whole = (to - at) >>> 3;
			bits.fill(0xff, at >>> 3, (at >>> 3) + whole);
			at += whole * 8;
		} else {
			bits[at >>> 3] = bits[at >>> 3]! | (1 << (at & 7));
			at++;
		}
	}
}

/** Position of the first byte from `from` on that is recorded (1) or is not (0); PAGE where there is none. */
function nextBit(page: Page | undefined, from: number, value: 0 | 1): number {
	if (page === undefined) return value === 0 ? from : PAGE;
	const bits = page.recorded;
	if (bits === undefined) return value === 1 ? from : PAGE;
	const skip = value === 1 ? 0 : 0xff;
	let at = from;
	while (at < PAGE) {
		const byte = bits[at >>> 3]!; // at < PAGE
		if ((at & 7) === 0 && byte === skip) at += 8;
		else if (((byte >>> (at & 7)) & 1) === value) return at;
		else at++;
	}
	return PAGE;
}
