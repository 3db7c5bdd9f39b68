import { Cursor } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import type { AbbreviationTable } from "./abbrev.ts";
import { UT_COMPILE, UT_PARTIAL, UT_SKELETON, UT_SPLIT_COMPILE, UT_SPLIT_TYPE, UT_TYPE } from "./constants.ts";

/** The header of a unit of .debug_info (DWARF 5, sections 7.4 and 7.5.1). */
export interface UnitHeader {
	/** offset of the unit in .debug_info: what DW_FORM_ref4 counts from */
	readonly start: number;
	/** one past its last byte */
	readonly end: number;
	/** offset of its first entry */
	readonly entries: number;
	readonly version: number;
	/** 4, or 8 in 64-bit DWARF */
	readonly offsetSize: 4 | 8;
	readonly abbreviations: number;
	/** a compilation unit with addresses of 8 bytes: the others are passed over */
	readonly readable: boolean;
}

/** A unit whose entries are read. */
export interface Unit extends UnitHeader {
	readonly table: AbbreviationTable;
	/** offset in .debug_addr of the unit's addresses, and in .debug_str_offsets of its strings */
	addrBase: number;
	strOffsetsBase: number;
}

/** The largest C++ and Rust programs have some 10^5. */
const MAX_UNITS = 1 << 20;

/** The headers of all units, one after another. Throws ParseError where one is cut off, or of a version that is unknown. */
export function* unitHeaders(info: Uint8Array): Generator<UnitHeader> {
	const cursor = new Cursor(info, "dwarf .debug_info");
	for (let units = 0; cursor.remaining > 0; units++) {
		if (units >= MAX_UNITS) throw cursor.error("units", `at most ${MAX_UNITS}`, "more");
		const header = readHeader(cursor);
		yield header;
		cursor.seek(header.end, "next unit");
	}
}

function readHeader(cursor: Cursor): UnitHeader {
	const start = cursor.at;
	let length = cursor.u32("unit length");
	let offsetSize: 4 | 8 = 4;
	if (length === 0xffffffff) {
		length = cursor.u64("unit length");
		offsetSize = 8;
	} else if (length >= 0xfffffff0) throw cursor.error("unit length", "a length", `0x${length.toString(16)}`);
	const end = cursor.at + length;
	if (end > cursor.bytes.length) {
		throw cursor.error("unit length", `at most ${cursor.remaining} bytes`, String(length));
	}
	const offset = (field: string) => (offsetSize === 4 ? cursor.u32(field) : cursor.u64(field));
	const version = cursor.u16("version");
	if (version < 2 || version > 5) throw cursor.error("version", "DWARF 2 to 5", String(version));
	let type = UT_COMPILE;
	let abbreviations: number;
	let addressSize: number;
	if (version >= 5) {
		type = cursor.u8("unit type");
		addressSize = cursor.u8("address size");
		abbreviations = offset("abbreviations");
		if (type === UT_SKELETON || type === UT_SPLIT_COMPILE) cursor.skip(8, "unit id");
		else if (type === UT_TYPE || type === UT_SPLIT_TYPE) cursor.skip(8 + offsetSize, "type signature");
	} else {
		abbreviations = offset("abbreviations");
		addressSize = cursor.u8("address size");
	}
	if (cursor.at > end) throw cursor.error("unit header", "within its unit", "past its end");
	const readable = addressSize === 8 && (type === UT_COMPILE || type === UT_PARTIAL);
	return { start, end, entries: cursor.at, version, offsetSize, abbreviations, readable };
}

export function unitError(at: number, field: string, expected: string, actual: string): ParseError {
	return new ParseError({ format: "dwarf .debug_info", offset: at, field, expected, actual });
}
