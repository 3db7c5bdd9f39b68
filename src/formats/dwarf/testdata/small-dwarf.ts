// For tests: writes small DWARF by hand. Not imported by anything that ships.
import type { DwarfSections } from "../sections.ts";

export type Bytes = readonly number[];

export const u16 = (n: number): Bytes => [n & 0xff, (n >> 8) & 0xff];
export const u32 = (n: number): Bytes => [...u16(n & 0xffff), ...u16((n >>> 16) & 0xffff)];
export const u64 = (n: number): Bytes => [...u32(n >>> 0), ...u32(Math.floor(n / 2 ** 32))];
export const text = (s: string): Bytes => [...new TextEncoder().encode(s), 0];

export function uleb(n: number): Bytes {
	const out: number[] = [];
	for (; n >= 0x80; n = Math.floor(n / 128)) out.push((n % 128) + 128);
	return [...out, n];
}

/** Signed LEB128, up to 2^31. */
export function sleb(n: number): Bytes {
	const out: number[] = [];
	for (let rest = n; ; rest >>= 7) {
		const low = rest & 0x7f;
		if (rest >> 7 === 0 && (low & 0x40) === 0) return [...out, low];
		if (rest >> 7 === -1 && (low & 0x40) !== 0) return [...out, low];
		out.push(low | 0x80);
	}
}

export interface Attribute {
	readonly at: number;
	readonly form: number;
	/** the bytes in the entry */
	readonly value: Bytes;
	/** of DW_FORM_implicit_const: stands in the abbreviation */
	readonly implicit?: number;
}

export interface Entry {
	readonly tag: number;
	readonly attributes: readonly Attribute[];
	readonly children?: readonly Entry[];
}

export const attribute = (at: number, form: number, value: Bytes = []): Attribute => ({ at, form, value });
export const named = (name: string): Attribute => attribute(0x03, 0x08, text(name));
/** DW_AT_language DW_LANG_Go, as one byte */
export const inGo = attribute(0x13, 0x0b, [0x16]);

export interface UnitOptions {
	readonly version?: number;
	/** 64-bit DWARF */
	readonly wide?: boolean;
	readonly unitType?: number;
	readonly addressSize?: number;
}

/** One unit with its abbreviations: an abbreviation for each entry. Other sections empty unless given. */
export function unitOf(root: Entry, options: UnitOptions = {}, others: Partial<DwarfSections> = {}): DwarfSections {
	const { version = 5, wide = false, unitType = 1, addressSize = 8 } = options;
	const abbrev: number[] = [];
	const body: number[] = [];
	let code = 0;
	const write = (entry: Entry): void => {
		code++;
		const children = entry.children !== undefined;
		abbrev.push(...uleb(code), ...uleb(entry.tag), children ? 1 : 0);
		body.push(...uleb(code));
		for (const { at, form, value, implicit } of entry.attributes) {
			abbrev.push(...uleb(at), ...uleb(form), ...(implicit === undefined ? [] : sleb(implicit)));
			body.push(...value);
		}
		abbrev.push(0, 0);
		for (const child of entry.children ?? []) write(child);
		if (children) body.push(0);
	};
	write(root);
	abbrev.push(0);
	const offset = wide ? u64(0) : u32(0);
	const head =
		version >= 5 ? [...u16(version), unitType, addressSize, ...offset] : [...u16(version), ...offset, addressSize];
	const length = head.length + body.length;
	const start = wide ? [...u32(0xffffffff), ...u64(length)] : u32(length);
	const none = new Uint8Array(0);
	return {
		info: Uint8Array.from([...start, ...head, ...body]),
		abbrev: Uint8Array.from(abbrev),
		str: none,
		lineStr: none,
		strOffsets: none,
		addr: none,
		...others,
	};
}

export function goUnit(children: readonly Entry[], options: UnitOptions = {}, others: Partial<DwarfSections> = {}) {
	return unitOf({ tag: 0x11, attributes: [named("runtime"), inGo], children }, options, others);
}
