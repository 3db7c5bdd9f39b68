import type { ByteSource } from "../../bytes/byte-source.ts";
import { RecordedMemory } from "./recorded-memory.ts";

const PAGE = 4096;

/** Bytes recorded at most, by default. Reading a runtime's own tables takes some tens of MiB. */
const DEFAULT_MAX_BYTES = 512 * 2 ** 20;

/** The recorded bytes of one 4 KiB page. */
interface Page {
	readonly bytes: Uint8Array;
	/** one bit per byte that was recorded; undefined once all of them were */
	recorded: Uint8Array | undefined;
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
	readonly #maxPages: number;
	readonly #pages = new Map<number, Page>();
	#overflowed = false;

	/** @param options.maxBytes bytes kept, counted by 4 KiB pages; what comes after is read but not recorded */
	constructor(source: ByteSource, options: { readonly maxBytes?: number } = {}) {
		this.#source = source;
		this.#maxPages = Math.ceil((options.maxBytes ?? DEFAULT_MAX_BYTES) / PAGE);
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

	/** Records bytes that were read elsewhere. They are copied. */
	record(offset: number, bytes: Uint8Array): void {
		let done = 0;
		while (done < bytes.length) {
			const address = offset + done;
			const index = Math.floor(address / PAGE);
			const within = address - index * PAGE;
			const count = Math.min(PAGE - within, bytes.length - done);
			const page = this.#pages.get(index) ?? this.#newPage(index);
			if (page === undefined) return;
			page.bytes.set(bytes.subarray(done, done + count), within);
			if (page.recorded !== undefined) mark(page, within, within + count);
			done += count;
		}
	}

	/** What was recorded so far. */
	finish(): RecordedMemory {
		const indexes = Float64Array.from(this.#pages.keys()).sort();
		const starts: number[] = [];
		const ends: number[] = [];
		let total = 0;
		this.#forEachRun(indexes, (start, bytes) => {
			if (ends.at(-1) === start) ends[ends.length - 1] = start + bytes.length;
			else {
				starts.push(start);
				ends.push(start + bytes.length);
			}
			total += bytes.length;
		});
		const all = new Uint8Array(total);
		let at = 0;
		this.#forEachRun(indexes, (_, bytes) => {
			all.set(bytes, at);
			at += bytes.length;
		});
		return new RecordedMemory(Float64Array.from(starts), Float64Array.from(ends), all);
	}

	#newPage(index: number): Page | undefined {
		if (this.#pages.size >= this.#maxPages) {
			this.#overflowed = true;
			return undefined;
		}
		const page: Page = { bytes: new Uint8Array(PAGE), recorded: new Uint8Array(PAGE / 8) };
		this.#pages.set(index, page);
		return page;
	}

	/** Calls back for each run of recorded bytes within each page, in ascending order. */
	#forEachRun(indexes: Float64Array, callback: (start: number, bytes: Uint8Array) => void): void {
		for (const index of indexes) {
			const page = this.#pages.get(index);
			if (page === undefined) continue;
			const base = index * PAGE;
			let at = nextBit(page.recorded, 0, 1);
			while (at < PAGE) {
				const end = nextBit(page.recorded, at, 0);
				callback(base + at, page.bytes.subarray(at, end));
				at = nextBit(page.recorded, end, 1);
			}
		}
	}
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

/** Position of the first byte from `from` on whose bit is `value`; PAGE where there is none. `bits` undefined: all set. */
function nextBit(bits: Uint8Array | undefined, from: number, value: 0 | 1): number {
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
