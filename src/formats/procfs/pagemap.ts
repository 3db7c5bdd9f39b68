import { FILE_OR_SHARED, MAYBE_ZERO, PRESENT, Residency, SWAPPED, ZERO_PAGE } from "./residency.ts";

/**
 * /proc/PID/pagemap: one little-endian 64-bit entry per page (Documentation/admin-guide/mm/pagemap.rst):
 *   63 present · 62 swapped · 61 file page or shared anonymous · 57 userfaultfd write-protected ·
 *   56 exclusively mapped (Linux 4.2) · 55 soft-dirty · 0-54 page frame number of a present page, 0 where hidden
 *   (without CAP_SYS_ADMIN, Linux 4.2) · of a swapped page 0-4 swap type, 5-54 swap offset.
 *
 * Zero pages. A read of a never-touched private page maps the kernel's zero page: present, but not in Rss. Its entry has
 * bit 63 and the frame number only. The 2 MiB zero page is 512 consecutive frames and, seen on Linux 6.18, its entries have
 * bit 61 as well, though nothing there is a file; neither ever has bit 56. Only the frame number tells them for certain
 * (/proc/kpageflags bit 24, ZERO_PAGE).
 */
const ENTRY_BYTES = 8;

// Bits of an entry's high half, bits 32-63.
const HIGH_PRESENT = 0x8000_0000;
const HIGH_SWAPPED = 0x4000_0000;
const HIGH_EXCLUSIVE = 0x0100_0000;
const HIGH_PFN = 0x007f_ffff;
const HIGH_IN_USE = HIGH_PRESENT | HIGH_SWAPPED;

export interface ResidencyOptions {
	/** bytes; AT_PAGESZ. Default 4096 */
	readonly pageSize?: number;
	/** Tells whether a page frame is one of the kernel's zero pages. Not asked where frame numbers are hidden (0). */
	readonly zeroPfn?: (pfn: number) => boolean;
	/**
	 * Whether the pages being added are of private anonymous memory, where a present page that is not exclusive and whose
	 * frame number is hidden may be a zero page. Asked once per `add`.
	 */
	readonly privateAnonymous?: () => boolean;
}

/** Builds a Residency from pagemap entries, added in ascending order of addresses. */
export class ResidencyBuilder {
	readonly #pageSize: number;
	readonly #zeroPfn: ((pfn: number) => boolean) | undefined;
	readonly #privateAnonymous: (() => boolean) | undefined;
	#starts = new Float64Array(64);
	#ends = new Float64Array(64);
	#kinds = new Uint8Array(64);
	#count = 0;
	#exclusive = 0;

	constructor(options: ResidencyOptions = {}) {
		this.#pageSize = options.pageSize ?? 4096;
		if (!(this.#pageSize >= 1024 && Math.log2(this.#pageSize) % 1 === 0)) {
			throw new RangeError(`page size ${this.#pageSize} is not a power of two from 1024`);
		}
		this.#zeroPfn = options.zeroPfn;
		this.#privateAnonymous = options.privateAnonymous;
	}

	/**
	 * Adds the raw entries of consecutive pages; `startAddress` is the address of the first. A partial entry at the end
	 * is ignored. Throws RangeError where the caller goes backwards or is not on a page's boundary.
	 */
	add(startAddress: number, entries: Uint8Array): void {
		const pageSize = this.#pageSize;
		const lastEnd = this.#count === 0 ? 0 : this.#ends[this.#count - 1]!;
		if (!(startAddress >= lastEnd) || startAddress % pageSize !== 0) {
			throw new RangeError(`pagemap entries for 0x${startAddress.toString(16)} after 0x${lastEnd.toString(16)}`);
		}
		const words = asWords(entries);
		const zeroPfn = this.#zeroPfn;
		const mayBeZero = this.#privateAnonymous?.() ?? false;
		let exclusive = 0;
		let runStart = 0; // page index in `words`
		let runKind = 0;
		let askedPfn = 0; // frame 0 stands for a hidden number and is never a zero page
		let askedIsZero = false;
		const pages = words.length >>> 1;
		for (let page = 0; page < pages; page++) {
			const high = words[2 * page + 1]!;
			let kind = 0;
			if ((high & HIGH_IN_USE) !== 0) {
				// bits 31, 30 and 29 become PRESENT, SWAPPED and FILE_OR_SHARED
				kind = (high >>> 31) | ((high >>> 29) & SWAPPED) | ((high >>> 27) & FILE_OR_SHARED);
				if ((high & HIGH_EXCLUSIVE) !== 0) exclusive++;
				// A zero page is never exclusive; this spares the question for nearly every page of a heap.
				else if ((zeroPfn !== undefined || mayBeZero) && (kind & PRESENT) !== 0) {
					const pfn = words[2 * page]! + (high & HIGH_PFN) * 2 ** 32;
					if (pfn !== askedPfn) {
						askedPfn = pfn;
						askedIsZero = pfn !== 0 && zeroPfn !== undefined && zeroPfn(pfn);
					}
					if (askedIsZero) kind = PRESENT | ZERO_PAGE;
					else if (pfn === 0 && mayBeZero) kind = PRESENT | MAYBE_ZERO;
				}
			}
			if (kind === runKind) continue;
			this.#push(startAddress, runStart, page, runKind);
			runStart = page;
			runKind = kind;
		}
		this.#push(startAddress, runStart, pages, runKind);
		this.#exclusive += exclusive;
	}

	/** The pages added so far. The builder may go on afterwards. */
	build(): Residency {
		return new Residency({
			starts: this.#starts.slice(0, this.#count),
			ends: this.#ends.slice(0, this.#count),
			kinds: this.#kinds.slice(0, this.#count),
			pageSize: this.#pageSize,
			exclusivePages: this.#exclusive,
		});
	}

	#push(base: number, fromPage: number, toPage: number, kind: number): void {
		if (kind === 0 || toPage === fromPage) return;
		const start = base + fromPage * this.#pageSize;
		const end = base + toPage * this.#pageSize;
		const last = this.#count - 1;
		if (last >= 0 && this.#ends[last] === start && this.#kinds[last] === kind) {
			this.#ends[last] = end;
			return;
		}
		if (this.#count === this.#kinds.length) this.#grow();
		this.#starts[this.#count] = start;
		this.#ends[this.#count] = end;
		this.#kinds[this.#count] = kind;
		this.#count++;
	}

	#grow(): void {
		const capacity = this.#count * 2;
		const starts = new Float64Array(capacity);
		const ends = new Float64Array(capacity);
		const kinds = new Uint8Array(capacity);
		starts.set(this.#starts);
		ends.set(this.#ends);
		kinds.set(this.#kinds);
		this.#starts = starts;
		this.#ends = ends;
		this.#kinds = kinds;
	}
}

/** How many frame numbers `RepeatedPfns` remembers at a time: 512 KiB, whatever the size of the address space. */
const TRACKED_FRAMES = 1 << 16;
/** The kernel has one zero page and at most one huge one of 512 frames (64 KiB pages: 8192); KSM adds frames of its own. */
const MAX_CANDIDATES = 1 << 14;

/**
 * Collects the page frames that several pages of a process map: what a zero page looks like from pagemap alone. The
 * caller confirms each in /proc/kpageflags (bit 24), since pages merged by KSM repeat as well. Fixed memory: one table of
 * the frames seen last, so a frame whose only two mappings lie very far apart may be missed.
 */
export class RepeatedPfns {
	readonly #seen = new Float64Array(TRACKED_FRAMES);
	readonly #repeated = new Set<number>();

	add(entries: Uint8Array): void {
		const words = asWords(entries);
		const seen = this.#seen;
		for (let at = 0; at + 1 < words.length; at += 2) {
			const high = words[at + 1]!;
			if ((high & (HIGH_PRESENT | HIGH_EXCLUSIVE)) !== (HIGH_PRESENT | 0)) continue;
			const pfn = words[at]! + (high & HIGH_PFN) * 2 ** 32;
			const slot = pfn % TRACKED_FRAMES;
			if (seen[slot] !== pfn) seen[slot] = pfn;
			else if (pfn !== 0 && this.#repeated.size < MAX_CANDIDATES) this.#repeated.add(pfn);
		}
	}

	/** Frame numbers, ascending; at most 16,384. Empty where frame numbers are hidden. */
	candidates(): number[] {
		return [...this.#repeated].sort((a, b) => a - b);
	}
}

/** The frames that repeat within one block of raw pagemap entries; see `RepeatedPfns`. */
export function findRepeatedPfns(entries: Uint8Array): number[] {
	const repeated = new RepeatedPfns();
	repeated.add(entries);
	return repeated.candidates();
}

/** The entries as 32-bit halves, low first. gomem runs on little-endian machines only (amd64, arm64), as pagemap is. */
function asWords(entries: Uint8Array): Uint32Array {
	const bytes = entries.length - (entries.length % ENTRY_BYTES);
	const aligned = entries.byteOffset % 4 === 0 ? entries : entries.slice(0, bytes);
	return new Uint32Array(aligned.buffer, aligned.byteOffset, bytes / 4);
}
