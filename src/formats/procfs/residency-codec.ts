import { ByteWriter } from "../../bytes/byte-writer.ts";
import { Cursor } from "../../bytes/cursor.ts";
import { KIND_MASK, MAYBE_ZERO, PRESENT, Residency, SWAPPED } from "./residency.ts";

/*
 * The serial form of a Residency, for the bundle: "GMR1", then unsigned LEB128 varints:
 *   log2 of the page size · exclusive pages · number of runs · per run: gap × 32 + kind, length
 * where gap is the pages between the previous run's end (0 at first) and this run's start, and length its pages. A run
 * takes three to four bytes where a Float64 pair and a kind take seventeen.
 */
const MAGIC = 0x31524d47; // "GMR1", little-endian
const KIND_SCALE = 32;
const MAX_PAGE_SHIFT = 24;
/** Runs of one address space: at 17 bytes each they take 1.1 GiB. */
const MAX_RUNS = 1 << 26;
/** Linux has no user-space address above this (x86-64 with five-level page tables: 2^56; gomem's numbers: 2^53). */
const MAX_ADDRESS = 2 ** 53 - 1;

export function serialiseResidency(residency: Residency): Uint8Array {
	const { starts, ends, kinds, pageSize } = residency;
	const writer = new ByteWriter(32 + starts.length * 4);
	writer.u32(MAGIC);
	writer.uvarint(Math.log2(pageSize));
	writer.uvarint(residency.exclusivePages);
	writer.uvarint(starts.length);
	let previousEnd = 0;
	for (let i = 0; i < starts.length; i++) {
		const start = starts[i]!;
		const end = ends[i]!;
		// five bits hold every kind that is decided; an undecided page counts as resident, here as everywhere
		const kind = kinds[i]! & ~MAYBE_ZERO;
		writer.uvarint(((start - previousEnd) / pageSize) * KIND_SCALE + kind);
		writer.uvarint((end - start) / pageSize);
		previousEnd = end;
	}
	return writer.finish();
}

/** Reads what `serialiseResidency` wrote. Throws ParseError for anything else, trailing bytes included. */
export function deserialiseResidency(bytes: Uint8Array): Residency {
	const cursor = new Cursor(bytes, "residency");
	if (cursor.u32("magic") !== MAGIC) throw cursor.error("magic", "GMR1", "something else");
	const shift = cursor.uvarint("page size");
	if (shift < 10 || shift > MAX_PAGE_SHIFT) throw cursor.error("page size", "2^10 to 2^24 bytes", `2^${shift}`);
	const pageSize = 2 ** shift;
	const exclusivePages = cursor.uvarint("exclusive pages");
	const count = cursor.uvarint("runs");
	// A run is two varints of a byte each at least.
	const limit = Math.min(MAX_RUNS, Math.floor(cursor.remaining / 2));
	if (count > limit) throw cursor.error("runs", `at most ${limit}`, String(count));
	const starts = new Float64Array(count);
	const ends = new Float64Array(count);
	const kinds = new Uint8Array(count);
	let previousEnd = 0;
	for (let i = 0; i < count; i++) {
		const gapAndKind = cursor.uvarint("run start");
		const kind = gapAndKind % KIND_SCALE;
		if ((kind & ~KIND_MASK) !== 0 || (kind & (PRESENT | SWAPPED)) === 0) {
			throw cursor.error("run kind", "a present or swapped kind", String(kind));
		}
		const start = previousEnd + Math.floor(gapAndKind / KIND_SCALE) * pageSize;
		const length = cursor.uvarint("run length");
		const end = start + length * pageSize;
		if (length === 0 || end > MAX_ADDRESS) throw cursor.error("run length", "pages below 2^53", String(length));
		starts[i] = start;
		ends[i] = end;
		kinds[i] = kind;
		previousEnd = end;
	}
	if (cursor.remaining > 0) throw cursor.error("end", "no more bytes", `${cursor.remaining} left`);
	const residency = new Residency({ starts, ends, kinds, pageSize, exclusivePages });
	const { present, swapped } = residency.counts;
	if (exclusivePages > present + swapped) {
		throw cursor.error("exclusive pages", `at most ${present + swapped}`, String(exclusivePages));
	}
	return residency;
}
