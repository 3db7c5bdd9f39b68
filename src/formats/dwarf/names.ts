import { decodeUtf8 } from "../../bytes/cursor.ts";
import type { DwarfSections } from "./sections.ts";

/**
 * A name as a number: which section its bytes are in, and where. Names of a program are read when they are asked for, since
 * most never are.
 */
export type NameRef = number;

const SECTION = 2 ** 40;

export const nameIn = {
	/** in the entry itself, in .debug_info */
	info: (offset: number): NameRef => offset,
	str: (offset: number): NameRef => SECTION + offset,
	lineStr: (offset: number): NameRef => 2 * SECTION + offset,
} as const;

/** Whether the name stands in the entry itself, so that no other entry has the same reference. */
export function isOwn(ref: NameRef): boolean {
	return ref < SECTION;
}

/** Longest name that is read; a generic type of many arguments has some thousand bytes. What is longer is cut. */
const MAX_NAME = 1 << 16;
/** A name's hash is over its first bytes: hostile entries could all point at one long string. */
const HASHED = 256;

/** The names of a DWARF, by reference. */
export class Names {
	readonly #sections: readonly Uint8Array[];

	constructor(sections: DwarfSections) {
		this.#sections = [sections.info, sections.str, sections.lineStr];
	}

	/** "" for a name that is absent (NaN) or outside of its section. */
	text(ref: NameRef): string {
		const { bytes, at } = this.#find(ref);
		const part = bytes.subarray(at, at + MAX_NAME);
		const end = part.indexOf(0);
		return decodeUtf8(end < 0 ? part : part.subarray(0, end));
	}

	/** Whether the name is this text, given as its UTF-8 bytes. */
	equals(ref: NameRef, text: Uint8Array): boolean {
		const { bytes, at } = this.#find(ref);
		for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
		return bytes[at + text.length] === 0;
	}

	/** FNV-1a of the name's first 256 bytes; that of the empty string for an absent name. */
	hash(ref: NameRef): number {
		const { bytes, at } = this.#find(ref);
		const end = Math.min(bytes.length, at + HASHED);
		let hash = 0x811c9dc5;
		for (let i = at; i < end; i++) {
			const byte = bytes[i]!; // i < bytes.length
			if (byte === 0) break;
			hash = Math.imul(hash ^ byte, 0x01000193);
		}
		return hash >>> 0;
	}

	#find(ref: NameRef): { bytes: Uint8Array; at: number } {
		const section = Math.floor(ref / SECTION);
		return { bytes: this.#sections[section] ?? NOTHING, at: ref - section * SECTION };
	}
}

const NOTHING = new Uint8Array(0);

/** The hash that Names.hash gives a name with these UTF-8 bytes. */
export function hashOf(text: Uint8Array): number {
	let hash = 0x811c9dc5;
	for (const byte of text.subarray(0, HASHED)) hash = Math.imul(hash ^ byte, 0x01000193);
	return hash >>> 0;
}
