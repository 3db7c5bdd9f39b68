/**
 * Sets of code points as ascending pairs [first, last, first, last …] that neither touch nor overlap, and what Go's
 * regexp/syntax package (Go 1.26, src/regexp/syntax/perl_groups.go) calls by name.
 */
export type Ranges = readonly number[];

export const LAST_CODE_POINT = 0x10ffff;

export const anyRune: Ranges = [0, LAST_CODE_POINT];
export const anyButNewline: Ranges = [0, 9, 11, LAST_CODE_POINT];
const digits: Ranges = [0x30, 0x39];
const spaces: Ranges = [9, 10, 12, 13, 32, 32];
export const wordRunes: Ranges = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];

/** \d \s \w; the capital letter is the complement. */
export const perlClasses: Readonly<Record<string, Ranges>> = { d: digits, s: spaces, w: wordRunes };

/** [[:name:]] */
export const posixClasses: Readonly<Record<string, Ranges>> = {
	alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
	alpha: [0x41, 0x5a, 0x61, 0x7a],
	ascii: [0, 0x7f],
	blank: [9, 9, 32, 32],
	cntrl: [0, 0x1f, 0x7f, 0x7f],
	digit: digits,
	graph: [0x21, 0x7e],
	lower: [0x61, 0x7a],
	print: [0x20, 0x7e],
	punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
	space: [9, 13, 32, 32],
	upper: [0x41, 0x5a],
	word: wordRunes,
	xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
};

/** Pairs in any order, made ascending and joined where they touch. */
export function normalized(pairs: Ranges): Ranges {
	const sorted: [number, number][] = [];
	for (let i = 0; i < pairs.length; i += 2) sorted.push([pairs[i] ?? 0, pairs[i + 1] ?? 0]);
	sorted.sort((a, b) => a[0] - b[0]);
	const out: number[] = [];
	for (const [first, last] of sorted) {
		const end = out.at(-1);
		if (end !== undefined && first <= end + 1) out[out.length - 1] = Math.max(end, last);
		else out.push(first, last);
	}
	return out;
}

export function complement(ranges: Ranges): Ranges {
	const out: number[] = [];
	let next = 0;
	for (let i = 0; i < ranges.length; i += 2) {
		const first = ranges[i] ?? 0;
		if (first > next) out.push(next, first - 1);
		next = (ranges[i + 1] ?? 0) + 1;
	}
	if (next <= LAST_CODE_POINT) out.push(next, LAST_CODE_POINT);
	return out;
}

export function contains(ranges: Ranges, rune: number): boolean {
	for (let i = 0; i < ranges.length; i += 2) {
		if (rune < (ranges[i] ?? 0)) return false;
		if (rune <= (ranges[i + 1] ?? 0)) return true;
	}
	return false;
}

/** The ranges and whatever differs from them only by case (unicode.SimpleFold). */
export function folded(ranges: Ranges): Ranges {
	const out = [...ranges];
	for (const orbit of foldOrbits()) {
		if (orbit.some((rune) => contains(ranges, rune))) for (const rune of orbit) out.push(rune, rune);
	}
	return normalized(out);
}

let orbits: readonly (readonly number[])[] | undefined;

/** Code points that are equal but for case, by the case mappings of the engine: k, K and the Kelvin sign are one orbit. */
function foldOrbits(): readonly (readonly number[])[] {
	if (orbits !== undefined) return orbits;
	const byLower = new Map<string, number[]>();
	// No letter with case stands above the Adlam block (Unicode 16, U+1E943).
	for (let rune = 0x41; rune <= 0x1e943; rune++) {
		if (rune === 0xd800) rune = 0xe000;
		const char = String.fromCodePoint(rune);
		const upper = char.toUpperCase();
		const lower = (upper.length === char.length ? upper : char).toLowerCase();
		if (upper === char && lower === char) continue;
		const known = byLower.get(lower);
		if (known === undefined) byLower.set(lower, [rune]);
		else known.push(rune);
	}
	orbits = [...byLower.values()].filter((orbit) => orbit.length > 1);
	return orbits;
}

const unicodeClasses = new Map<string, Ranges | undefined>();

/** \p{name}: a general category or a script; undefined where there is none of that name. */
export function unicodeClass(name: string): Ranges | undefined {
	if (name === "Any") return anyRune;
	if (!/^[A-Za-z_]{1,40}$/.test(name)) return undefined;
	if (!unicodeClasses.has(name)) unicodeClasses.set(name, scanned(name));
	return unicodeClasses.get(name);
}

function scanned(name: string): Ranges | undefined {
	let property: RegExp;
	try {
		const spelled = /^[A-Z][a-z]?$/.test(name) ? `General_Category=${name}` : `Script=${name}`;
		property = new RegExp(`^\\p{${spelled}}$`, "u");
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
	const out: number[] = [];
	for (let rune = 0; rune <= LAST_CODE_POINT; rune++) {
		if (!property.test(String.fromCodePoint(rune))) continue;
		if (out.at(-1) === rune - 1) out[out.length - 1] = rune;
		else out.push(rune, rune);
	}
	return out;
}
