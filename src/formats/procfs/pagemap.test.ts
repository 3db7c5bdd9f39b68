import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ParseError } from "../../bytes/parse-error.ts";
import { findRepeatedPfns, RepeatedPfns, ResidencyBuilder } from "./pagemap.ts";
import { FILE_OR_SHARED, MAYBE_ZERO, PRESENT, type Residency, SWAPPED, ZERO_PAGE } from "./residency.ts";
import { deserialiseResidency, serialiseResidency } from "./residency-codec.ts";

const PAGE = 4096;

interface Entry {
	readonly bits: readonly number[];
	readonly pfn?: number;
}

function encode(entries: readonly Entry[]): Uint8Array {
	const words = new BigUint64Array(entries.length);
	for (const [i, entry] of entries.entries()) {
		words[i] = entry.bits.reduce((word, bit) => word | (1n << BigInt(bit)), BigInt(entry.pfn ?? 0));
	}
	return new Uint8Array(words.buffer);
}

function runsOf(residency: Residency): number[][] {
	const runs: number[][] = [];
	residency.forEachRun(0, Infinity, (start, end, kind) => runs.push([start, end, kind]));
	return runs;
}

test("equal kinds join into runs, across blocks too; absent pages leave gaps", () => {
	const builder = new ResidencyBuilder();
	builder.add(0x10000, encode([{ bits: [63] }, { bits: [63, 56, 55] }, { bits: [] }, { bits: [57] }, { bits: [62] }]));
	builder.add(0x15000, encode([{ bits: [62] }, { bits: [63, 61] }]));
	const residency = builder.build();
	assert.deepEqual(runsOf(residency), [
		[0x10000, 0x12000, PRESENT],
		[0x14000, 0x16000, SWAPPED],
		[0x16000, 0x17000, PRESENT | FILE_OR_SHARED],
	]);
	assert.deepEqual(residency.counts, { present: 3, zero: 0, swapped: 2, fileOrShared: 1, exclusive: 1 });
	assert.equal(residency.presentBytes(0x11000, 0x17000), 2 * PAGE);
	assert.equal(residency.presentBytes(0x11800, 0x11900), 0x100);
	assert.equal(residency.kindAt(0x12000), 0);
	assert.equal(residency.kindAt(0x15fff), SWAPPED);
	assert.equal(residency.kindAt(0x17000), 0);
});

test("zero pages are told by their frame, and the huge zero page's file bit is not believed", () => {
	const zero = (pfn: number): boolean => pfn === 7 || (pfn >= 512 && pfn < 1024);
	const builder = new ResidencyBuilder({ zeroPfn: zero });
	const pages: Entry[] = [
		{ bits: [63], pfn: 7 },
		{ bits: [63], pfn: 7 },
		{ bits: [63, 61], pfn: 512 },
		{ bits: [63, 61], pfn: 9 },
		{ bits: [63, 56], pfn: 7 },
		{ bits: [62], pfn: 7 },
	];
	builder.add(0, encode(pages));
	const residency = builder.build();
	assert.deepEqual(runsOf(residency), [
		[0, 3 * PAGE, PRESENT | ZERO_PAGE],
		[3 * PAGE, 4 * PAGE, PRESENT | FILE_OR_SHARED],
		[4 * PAGE, 5 * PAGE, PRESENT],
		[5 * PAGE, 6 * PAGE, SWAPPED],
	]);
	assert.equal(residency.residentBytes, 2 * PAGE);
	assert.equal(residency.residentBytesIn(0, 4 * PAGE), PAGE);
	assert.equal(residency.residentBytesIn(3 * PAGE + 100, 4 * PAGE + 100), PAGE);
	assert.equal(residency.presentBytes(0, 10 * PAGE), 5 * PAGE);
});

test("repeated frames are found; exclusive, swapped and hidden ones are no candidates", () => {
	const entries: Entry[] = [
		{ bits: [63], pfn: 5 },
		{ bits: [63, 61], pfn: 2 ** 40 },
		{ bits: [63, 61], pfn: 6 },
		{ bits: [63], pfn: 5 },
		{ bits: [63, 56], pfn: 6 },
		{ bits: [62], pfn: 6 },
		{ bits: [63, 61], pfn: 2 ** 40 },
		{ bits: [63] },
		{ bits: [63] },
	];
	assert.deepEqual(findRepeatedPfns(encode(entries)), [5, 2 ** 40]);
	const across = new RepeatedPfns();
	across.add(encode(entries.slice(0, 3)));
	across.add(encode(entries.slice(2, 3)));
	assert.deepEqual(across.candidates(), [6]);
});

test("a caller that goes backwards is told so", () => {
	const builder = new ResidencyBuilder();
	builder.add(0x2000, encode([{ bits: [63] }]));
	assert.throws(() => builder.add(0x2000, encode([{ bits: [63] }])), RangeError);
	assert.throws(() => builder.add(0x3001, encode([])), RangeError);
});

const anyEntries = fc.array(
	fc.record({
		bits: fc.subarray([63, 62, 61, 57, 56, 55]),
		pfn: fc.constantFrom(0, 1, 2, 3),
	}),
	{ maxLength: 200 },
);

test("property: runs say of each page what its entry says; the serial form comes back the same", () => {
	fc.assert(
		fc.property(anyEntries, fc.nat(40), fc.integer({ min: 0, max: 2 ** 35 }), (entries, cut, firstPage) => {
			const start = firstPage * PAGE;
			const raw = encode(entries);
			const builder = new ResidencyBuilder({ zeroPfn: (pfn) => pfn === 2 });
			const split = Math.min(cut, entries.length) * 8;
			builder.add(start, raw.subarray(0, split));
			builder.add(start + (split / 8) * PAGE, raw.subarray(split));
			const residency = builder.build();
			let resident = 0;
			for (const [i, entry] of entries.entries()) {
				let kind = entry.bits.includes(63) ? PRESENT : 0;
				if (entry.bits.includes(62)) kind |= SWAPPED;
				if (kind !== 0 && entry.bits.includes(61)) kind |= FILE_OR_SHARED;
				if ((kind & PRESENT) !== 0 && entry.pfn === 2 && !entry.bits.includes(56)) kind = PRESENT | ZERO_PAGE;
				assert.equal(residency.kindAt(start + i * PAGE), kind);
				if ((kind & PRESENT) !== 0 && (kind & ZERO_PAGE) === 0) resident++;
			}
			assert.equal(residency.residentBytes, resident * PAGE);
			assert.equal(residency.residentBytesIn(0, 2 ** 53), resident * PAGE);
			for (let i = 1; i < residency.runCount; i++) {
				const joined = residency.starts[i] === residency.ends[i - 1] && residency.kinds[i] === residency.kinds[i - 1];
				assert.equal(joined, false);
			}
			const back = deserialiseResidency(serialiseResidency(residency));
			assert.deepEqual(back, residency);
		}),
	);
});

test("torn and hostile serial forms end in ParseError", () => {
	const builder = new ResidencyBuilder();
	let random = 1;
	const next = (): number => {
		random = (random * 1103515245 + 12345) % 2 ** 31;
		return random >>> 16;
	};
	const bits = [[], [63], [62], [63, 61]] as const;
	builder.add(0xc000000000, encode(Array.from({ length: 400 }, () => ({ bits: bits[next() % 4] ?? [] }))));
	const bytes = serialiseResidency(builder.build());
	for (let length = 0; length < bytes.length; length++) {
		assert.throws(() => deserialiseResidency(bytes.subarray(0, length)), ParseError);
	}
	for (let i = 0; i < 5000; i++) {
		const flipped = bytes.slice();
		const at = next() % bytes.length;
		flipped[at] = flipped[at]! ^ (1 << (next() % 8));
		try {
			deserialiseResidency(flipped);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
		}
	}
});

test("serial form: a page that may be a zero page is stored as resident, and moves no other", () => {
	const entries = new Uint8Array(4 * 8);
	// present, not exclusive, frame number hidden; the third is exclusive, the fourth absent
	for (const page of [0, 1, 2]) entries[page * 8 + 7] = 0x80;
	entries[2 * 8 + 7] = 0x81;
	const builder = new ResidencyBuilder({ privateAnonymous: () => true });
	builder.add(0x10000, entries);
	const undecided = builder.build();
	const stored = deserialiseResidency(serialiseResidency(undecided));
	assert.equal(undecided.kindAt(0x10000), PRESENT | MAYBE_ZERO);
	assert.equal(stored.kindAt(0x10000), PRESENT);
	assert.equal(stored.residentBytesIn(0, 0x20000), undecided.residentBytesIn(0, 0x20000));
	assert.equal(stored.kindAt(0x13000), 0);
	const decided = undecided.settleZeroPages([{ start: 0x10000, end: 0x14000, rss: 4096 }]);
	assert.equal(decided.residentBytes, 4096);
});
