import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";

/** Writable memory of the executable itself: .data, .bss and their like, in the target's address space. */
export interface DataRange {
	readonly start: number;
	readonly end: number;
}

/** Bytes of data and bss that are searched; more than any known program has, and bounded. */
const MAX_DATA = 256 * 2 ** 20;
const PAGE = 4096;
export const MAX_ADDRESS = 2 ** 52;

/** No executable is known whose code and tables are larger; heap and mappings are farther away from it than that. */
const IMAGE_REACH = 2 ** 30;

/** How well a position (its address, the word there) fits: 0 not at all; of several, the highest is meant. */
export type Fit = (address: number, word: number) => number;

export interface Wanted<Name extends string> {
	readonly name: Name;
	/**
	 * What the word must be for `fits` to be asked: "pointer" into memory other than the executable's code and tables,
	 * "page" a page-aligned one, "number" anything but zero.
	 */
	readonly when: "pointer" | "page" | "number";
	readonly fits: Fit;
	/** from the variable's start to the word that is looked for */
	readonly offset?: number;
}

interface Best {
	rank: number;
	address: number;
	word: number;
	ambiguous: boolean;
}

/** The words of the data ranges, searched for variables by what they must hold. */
export class DataWords {
	readonly #look: MemoryReader;
	readonly #ranges: readonly DataRange[];
	/** addresses that the executable's file covers: from where it is loaded, or in all likelihood, up to its data */
	readonly image: DataRange;

	constructor(look: MemoryReader, ranges: readonly DataRange[], loadedAt?: number) {
		this.#look = look;
		this.#ranges = ranges;
		const end = Math.max(0, ...ranges.map((r) => r.end));
		this.image = { start: Math.max(PAGE, loadedAt ?? end - IMAGE_REACH), end };
	}

	/** The variables that one position fits best; left out where none does, or two fit equally and say different things. */
	find<Name extends string>(wanted: readonly Wanted<Name>[]): Map<Name, number> {
		const best: Best[] = wanted.map(() => ({ rank: 0, address: 0, word: 0, ambiguous: false }));
		const asked = (when: Wanted<Name>["when"]) =>
			wanted.flatMap((w, k) => (w.when === when ? [{ fits: w.fits, best: best[k] as Best }] : []));
		const kinds = { pointer: asked("pointer"), page: asked("page"), number: asked("number") };
		let budget = MAX_DATA;
		for (const range of this.#ranges) {
			for (let page = range.start; page < range.end && budget > 0; page += PAGE - (page % PAGE)) {
				const length = Math.min(range.end, page + PAGE - (page % PAGE)) - page;
				budget -= length;
				this.#searchPage(page, length, kinds);
			}
		}
		const found = new Map<Name, number>();
		wanted.forEach((w, k) => {
			const b = best[k];
			if (b !== undefined && b.rank > 0 && !b.ambiguous) found.set(w.name, b.address - (w.offset ?? 0));
		});
		return found;
	}

	#searchPage(
		page: number,
		length: number,
		kinds: Readonly<Record<"pointer" | "page" | "number", readonly Asked[]>>,
	): void {
		const at = this.#look.locate(page, length);
		if (at < 0) return;
		const view = this.#look.view;
		for (let i = 0; i + 8 <= length; i += 8) {
			const low = view.getUint32(at + i, true);
			const w = low + view.getUint32(at + i + 4, true) * 2 ** 32;
			if (w === 0) continue;
			for (const one of kinds.number) keepBest(one, page + i, w);
			if ((low & 7) !== 0 || w < PAGE || w >= MAX_ADDRESS || !this.#isAway(w)) continue;
			for (const one of kinds.pointer) keepBest(one, page + i, w);
			if ((low & (PAGE - 1)) === 0) for (const one of kinds.page) keepBest(one, page + i, w);
		}
	}

	/** Not in the executable's own code and tables, whose pages nobody wants to read for this. */
	#isAway(w: number): boolean {
		return w < this.image.start || w >= this.image.end || this.#ranges.some((r) => w >= r.start && w < r.end);
	}
}

interface Asked {
	readonly fits: Fit;
	readonly best: Best;
}

function keepBest({ fits, best }: Asked, address: number, w: number): void {
	const rank = fits(address, w);
	if (rank === 0 || rank < best.rank) return;
	// two variables that point at the same thing (a list's head and a cursor into it) serve alike
	best.ambiguous = rank === best.rank && w !== best.word;
	if (rank === best.rank) return;
	best.rank = rank;
	best.address = address;
	best.word = w;
}

/** Follows a list of blocks whose next pointer stands at `nextAt`, until it ends, breaks off, repeats or has `limit` blocks. */
export function followList(look: MemoryReader, first: number, nextAt: number, limit = 1 << 20): number[] {
	const out: number[] = [];
	const seen = new Set<number>();
	for (let at = first; at !== 0 && !seen.has(at) && out.length < limit; ) {
		const here = look.locate(at + nextAt, 8);
		if (here < 0) break;
		seen.add(at);
		out.push(at);
		at = word(look.view, here);
	}
	return out;
}
