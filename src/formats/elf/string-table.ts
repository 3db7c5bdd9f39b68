import type { ByteSource } from "../../bytes/byte-source.ts";
import { scanPieces } from "./read.ts";

/** A hostile table could hold a wanted name a million times. */
const MAX_MATCHES = 1 << 16;

/**
 * Where the wanted names stand in a table of NUL-terminated strings (ELF .strtab, Go funcnametab): offset in the table →
 * name. One pass over the bytes in pieces, nothing decoded, so that a table of 40 MB costs one buffer of 1 MiB. Ends of
 * longer strings are found too: GNU ld merges strings with equal tails, and a symbol then points into the middle of
 * another one's name.
 */
export function findInStringTable(
	source: ByteSource,
	offset: number,
	size: number,
	names: ReadonlySet<string>,
): Map<number, string> {
	const found = new Map<number, string>();
	const wanted = new WantedNames(names);
	if (wanted.longest === 0) return found;
	scanPieces(source, offset, size, wanted.longest, (bytes, at, fresh) => {
		wanted.scan(bytes, fresh, (start, name) => found.set(at - offset + start, name));
		return found.size > MAX_MATCHES;
	});
	return found;
}

interface WantedName {
	readonly name: string;
	readonly bytes: Uint8Array;
}

/** Wanted names by a hash of their last three bytes: at each NUL one table look-up decides that nothing ends there. */
class WantedNames {
	readonly longest: number = 0;
	readonly #flags = new Uint8Array(1 << 16);
	readonly #byHash = new Map<number, WantedName[]>();
	/** names too short for the hash: compared at every NUL */
	readonly #short: WantedName[] = [];

	constructor(names: ReadonlySet<string>) {
		const encoder = new TextEncoder();
		for (const name of names) {
			const bytes = encoder.encode(name);
			if (bytes.length === 0) continue;
			this.longest = Math.max(this.longest, bytes.length);
			if (bytes.length < 3) {
				this.#short.push({ name, bytes });
				continue;
			}
			const hash = hashBefore(bytes, bytes.length);
			this.#flags[hash] = 1;
			const same = this.#byHash.get(hash);
			if (same === undefined) this.#byHash.set(hash, [{ name, bytes }]);
			else same.push({ name, bytes });
		}
	}

	scan(bytes: Uint8Array, from: number, found: (start: number, name: string) => void): void {
		const flags = this.#flags;
		const short = this.#short;
		let ends = 0;
		// indexOf is native: three times as fast as a loop here until that is compiled, and a short command never gets there.
		for (let i = bytes.indexOf(0, from); i >= 0; i = nextEnd(bytes, i + 1, ++ends * SHORT > i - from)) {
			if (i >= 3) {
				const hash = hashBefore(bytes, i);
				if (flags[hash] === 1) this.#compare(this.#byHash.get(hash) ?? [], bytes, i, found);
			}
			if (short.length > 0) this.#compare(short, bytes, i, found);
		}
	}

	#compare(
		candidates: readonly WantedName[],
		bytes: Uint8Array,
		end: number,
		found: (start: number, name: string) => void,
	): void {
		for (const candidate of candidates) {
			const start = end - candidate.bytes.length;
			if (start >= 0 && equalAt(bytes, start, candidate.bytes)) found(start, candidate.name);
		}
	}
}

/** Below this mean length of strings the call of indexOf costs more than the bytes do (hostile tables: nothing but NULs). */
const SHORT = 16;

/** Index of the next NUL, or -1; by a plain loop where strings are short. */
function nextEnd(bytes: Uint8Array, from: number, short: boolean): number {
	if (!short) return bytes.indexOf(0, from);
	const length = bytes.length;
	let i = from;
	while (i < length && bytes[i] !== 0) i++;
	return i < length ? i : -1;
}

/** of the three bytes before `end`, which the caller knows to exist */
function hashBefore(bytes: Uint8Array, end: number): number {
	return (((bytes[end - 1]! * 31 + bytes[end - 2]!) * 31 + bytes[end - 3]!) * 7) & 0xffff;
}

function equalAt(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
	for (let i = 0; i < name.length; i++) {
		if (bytes[start + i] !== name[i]) return false;
	}
	return true;
}
