import type { ByteSource } from "../bytes/byte-source.ts";
import type { CoreSegment } from "../formats/core/model.ts";
import { PF_W } from "../formats/elf/constants.ts";
import { PRESENT, Residency } from "../formats/procfs/residency.ts";

export interface PageScanLimits {
	/** bytes that are looked at */
	readonly bytes: number;
	readonly milliseconds: number;
}

/** 64 GiB at some GiB a second; a core on a slow disk is read for half a minute. */
export const PAGE_SCAN_LIMITS: PageScanLimits = { bytes: 64 * 2 ** 30, milliseconds: 30_000 };

/** What a core holds, page by page. */
export interface CorePages {
	/** the pages that are not all zero, as present */
	readonly residency: Residency;
	/** bytes of pages that are all zero */
	readonly zeroBytes: number;
	/** bytes beyond the limits: taken as not zero without a look */
	readonly uncheckedBytes: number;
	readonly bytesRead: number;
}

const PAGE = 4096;
const BLOCK = 1 << 20;
/** Between pauses in which a signal is heard. */
const UNTIL_PAUSE = 64 * 2 ** 20;

/**
 * Looks which pages of a core are all zero. Linux leaves a hole in the file for pages that were never touched, gdb writes
 * zeros for them: neither can be told from a page that was in memory and held zeros, so none of them is counted.
 */
export async function readCorePages(
	segments: readonly CoreSegment[],
	source: ByteSource,
	limits: PageScanLimits = PAGE_SCAN_LIMITS,
): Promise<CorePages> {
	const runs = new Runs();
	const buffer = new Uint8Array(BLOCK);
	const words = new Int32Array(buffer.buffer);
	const started = performance.now();
	let read = 0;
	let unchecked = 0;
	let pause = UNTIL_PAUSE;
	// what the program could write first: gdb also dumps the address space that Go reserves, gigabytes of zeros
	const order = [...segments].sort((a, b) => (b.flags & PF_W) - (a.flags & PF_W));
	for (const segment of order) {
		for (let at = 0; at < segment.present; ) {
			if (read >= limits.bytes || performance.now() - started > limits.milliseconds) {
				runs.add(segment.start + at, segment.present - at);
				unchecked += segment.present - at;
				break;
			}
			const want = Math.min(BLOCK, segment.present - at);
			const got = source.readInto(segment.offset + at, want === BLOCK ? buffer : buffer.subarray(0, want));
			if (got === 0) break;
			// the last page of a file that ends within it counts by what is there
			if (got % PAGE !== 0) buffer.fill(0, got, Math.ceil(got / PAGE) * PAGE);
			for (let page = 0; page < got; page += PAGE) {
				if (!isZero(words, page / 4)) runs.add(segment.start + at + page, Math.min(PAGE, got - page));
			}
			at += got;
			read += got;
			if (read < pause) continue;
			pause = read + UNTIL_PAUSE;
			await new Promise((resolve) => setImmediate(resolve));
		}
	}
	const residency = runs.residency();
	return {
		residency,
		zeroBytes: Math.max(0, segments.reduce((n, s) => n + s.present, 0) - residency.residentBytes),
		uncheckedBytes: unchecked,
		bytesRead: read,
	};
}

/** Whether the 1,024 words from `from` on are 0. Pages that are not say so in their first words nearly always. */
function isZero(words: Int32Array, from: number): boolean {
	// `from` + 1,024 is within the block
	for (let i = from; i < from + PAGE / 4; i += 4) {
		if ((words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]!) !== 0) return false;
	}
	return true;
}

/** Runs of bytes in growing columns; what follows without a gap is joined. */
class Runs {
	#starts = new Float64Array(256);
	#ends = new Float64Array(256);
	#count = 0;

	add(start: number, size: number): void {
		const last = this.#count - 1;
		if (last >= 0 && this.#ends[last] === start) {
			this.#ends[last] = start + size;
			return;
		}
		if (this.#count === this.#starts.length) this.#grow();
		this.#starts[this.#count] = start;
		this.#ends[this.#count] = start + size;
		this.#count++;
	}

	residency(): Residency {
		const order = new Uint32Array(this.#count).map((_, i) => i).sort((a, b) => this.#starts[a]! - this.#starts[b]!); // both < count
		return new Residency({
			starts: Float64Array.from(order, (i) => this.#starts[i]!), // as above
			ends: Float64Array.from(order, (i) => this.#ends[i]!),
			kinds: new Uint8Array(this.#count).fill(PRESENT),
			pageSize: PAGE,
			exclusivePages: 0,
		});
	}

	#grow(): void {
		const starts = new Float64Array(this.#count * 2);
		const ends = new Float64Array(this.#count * 2);
		starts.set(this.#starts);
		ends.set(this.#ends);
		this.#starts = starts;
		this.#ends = ends;
	}
}
