/** The page is in memory (pagemap bit 63). */
export const PRESENT = 1;
/** The page is in swap (pagemap bit 62). */
export const SWAPPED = 2;
/** The page belongs to a file or to shared anonymous memory (pagemap bit 61). */
export const FILE_OR_SHARED = 4;
/** The page is one of the kernel's zero pages: present in pagemap, not part of Rss. Always together with PRESENT. */
export const ZERO_PAGE = 16;

/**
 * The page may be a zero page: of private anonymous memory, present and not exclusively mapped, its frame number hidden.
 * The other possibility is memory shared with a forked child. `settleZeroPages` decides by what smaps counts.
 */
export const MAYBE_ZERO = 32;

/** Every bit that a run's kind may have. */
export const KIND_MASK: number = PRESENT | SWAPPED | FILE_OR_SHARED | ZERO_PAGE | MAYBE_ZERO;

export interface PageCounts {
	/** pages in memory, the zero pages among them */
	readonly present: number;
	/** mappings of the kernel's zero pages, as far as their frame numbers were visible */
	readonly zero: number;
	readonly swapped: number;
	/** present pages that belong to a file or to shared anonymous memory */
	readonly fileOrShared: number;
	/** present pages that are mapped here and nowhere else (pagemap bit 56); not part of a run's kind */
	readonly exclusive: number;
}

export interface ResidencyColumns {
	/** byte address of each run's first page, ascending */
	readonly starts: Float64Array;
	/** byte address just past each run's last page; runs never overlap */
	readonly ends: Float64Array;
	/** PRESENT | SWAPPED | FILE_OR_SHARED | ZERO_PAGE */
	readonly kinds: Uint8Array;
	/** bytes */
	readonly pageSize: number;
	/** pages */
	readonly exclusivePages: number;
}

/**
 * Which pages of an address space are in memory or in swap: runs of consecutive pages of equal kind, in ascending
 * order; what no run covers is absent. Addresses and sizes in bytes.
 */
export class Residency implements ResidencyColumns {
	readonly starts: Float64Array;
	readonly ends: Float64Array;
	readonly kinds: Uint8Array;
	readonly pageSize: number;
	readonly exclusivePages: number;
	readonly counts: PageCounts;
	/** pages by kind: index = kind bits */
	readonly pagesByKind: Float64Array;
	/** bytes of present pages (zero pages left out) in the runs before each index; made when first asked for */
	#residentBefore: Float64Array | undefined;

	constructor(columns: ResidencyColumns) {
		this.starts = columns.starts;
		this.ends = columns.ends;
		this.kinds = columns.kinds;
		this.pageSize = columns.pageSize;
		this.exclusivePages = columns.exclusivePages;
		this.pagesByKind = countByKind(columns);
		this.counts = sumCounts(this.pagesByKind, columns.exclusivePages);
	}

	get runCount(): number {
		return this.starts.length;
	}

	/** Bytes of the whole address space that count in Rss: present pages without zero pages. */
	get residentBytes(): number {
		return (this.counts.present - this.counts.zero) * this.pageSize;
	}

	get swappedBytes(): number {
		return this.counts.swapped * this.pageSize;
	}

	/** Bytes of [start, end) that are present, zero pages included: what can be read without adding to the target. */
	presentBytes(start: number, end: number): number {
		let bytes = 0;
		this.forEachRun(start, end, (from, to, kind) => {
			if ((kind & PRESENT) !== 0) bytes += to - from;
		});
		return bytes;
	}

	/** Bytes of [start, end) that count in Rss. Logarithmic in the number of runs. */
	residentBytesIn(start: number, end: number): number {
		return end > start ? this.#residentUpTo(end) - this.#residentUpTo(start) : 0;
	}

	/**
	 * Decides for pages that may be zero pages, mapping by mapping: where smaps counts less in Rss than is present, by about
	 * as much as those pages are, they are. Returns a residency without MAYBE_ZERO.
	 */
	settleZeroPages(
		mappings: Iterable<{ readonly start: number; readonly end: number; readonly rss: number }>,
	): Residency {
		if (!this.kinds.some((kind) => (kind & MAYBE_ZERO) !== 0)) return this;
		const kinds = this.kinds.map((kind) => kind & ~MAYBE_ZERO);
		for (const mapping of mappings) {
			let maybe = 0;
			this.forEachRun(mapping.start, mapping.end, (from, to, kind) => {
				if ((kind & MAYBE_ZERO) !== 0) maybe += to - from;
			});
			if (maybe === 0) continue;
			const excess = this.residentBytesIn(mapping.start, mapping.end) - mapping.rss;
			if (Math.abs(excess - maybe) > Math.max(16 * this.pageSize, maybe * 0.1)) continue;
			for (let i = this.#firstEndingAfter(mapping.start); i < kinds.length && this.starts[i]! < mapping.end; i++) {
				if ((this.kinds[i]! & MAYBE_ZERO) !== 0) kinds[i] = PRESENT | ZERO_PAGE;
			}
		}
		return new Residency({
			starts: this.starts,
			ends: this.ends,
			kinds,
			pageSize: this.pageSize,
			exclusivePages: this.exclusivePages,
		});
	}

	/** The kind of the page that holds an address; 0 where it is absent. */
	kindAt(address: number): number {
		const i = this.#firstEndingAfter(address);
		return i < this.starts.length && this.starts[i]! <= address ? this.kinds[i]! : 0;
	}

	/** Calls back for the parts of runs inside [start, end), in ascending order, clipped to it. */
	forEachRun(start: number, end: number, callback: (start: number, end: number, kind: number) => void): void {
		const { starts, ends, kinds } = this;
		// i stays below the columns' length, so each of them has an element there
		for (let i = this.#firstEndingAfter(start); i < starts.length && starts[i]! < end; i++) {
			callback(Math.max(starts[i]!, start), Math.min(ends[i]!, end), kinds[i]!);
		}
	}

	/** Index of the first run whose end is above the address; the number of runs where there is none. */
	#firstEndingAfter(address: number): number {
		let low = 0;
		let high = this.ends.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.ends[middle]! > address) high = middle;
			else low = middle + 1;
		}
		return low;
	}

	#residentUpTo(address: number): number {
		this.#residentBefore ??= sumResident(this);
		const i = this.#firstEndingAfter(address);
		const before = this.#residentBefore[i]!; // the column is one longer than the runs
		if (i === this.starts.length || !isResident(this.kinds[i]!)) return before;
		return before + Math.max(0, address - this.starts[i]!);
	}
}

function isResident(kind: number): boolean {
	return (kind & (PRESENT | ZERO_PAGE)) === PRESENT;
}

function sumResident(columns: ResidencyColumns): Float64Array {
	const sums = new Float64Array(columns.starts.length + 1);
	let sum = 0;
	for (let i = 0; i < columns.starts.length; i++) {
		if (isResident(columns.kinds[i]!)) sum += columns.ends[i]! - columns.starts[i]!;
		sums[i + 1] = sum;
	}
	return sums;
}

function countByKind(columns: ResidencyColumns): Float64Array {
	const pages = new Float64Array(KIND_MASK + 1);
	for (let i = 0; i < columns.starts.length; i++) {
		const kind = columns.kinds[i]! & KIND_MASK;
		pages[kind] = pages[kind]! + (columns.ends[i]! - columns.starts[i]!) / columns.pageSize;
	}
	return pages;
}

function sumCounts(pagesByKind: Float64Array, exclusive: number): PageCounts {
	const sum = (bits: number): number =>
		pagesByKind.reduce((total, pages, kind) => ((kind & bits) === bits ? total + pages : total), 0);
	return {
		present: sum(PRESENT),
		zero: sum(PRESENT | ZERO_PAGE),
		swapped: sum(SWAPPED),
		fileOrShared: sum(PRESENT | FILE_OR_SHARED),
		exclusive,
	};
}
