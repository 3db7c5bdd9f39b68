import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SpansResult } from "../../api/spans.ts";
import { visible } from "../table.ts";
import { terminalFor } from "../terminal.ts";
import { render } from "./spans.ts";

const KiB = 1024;
const MiB = 2 ** 20;
const plain = terminalFor({}, "never", {});

type Row = SpansResult["classes"][number];
type Span = SpansResult["sparsest"]["spans"][number];

/** A class of spans of 8 KiB whose slots are `used` of 1 allocated. */
function row(sizeClass: number, size: number, spans: number, used: number, more: Partial<Row> = {}): Row {
	const slots = spans * Math.floor(8192 / size);
	const objects = Math.round(slots * used);
	const spanBytes = spans * 8192;
	const amounts = { spans, objects, freeSlots: slots - objects, wasteBytes: spanBytes - objects * size };
	return {
		class: sizeClass,
		size,
		...amounts,
		residentBytes: spanBytes,
		deadObjects: 0,
		spanBytes,
		objectBytes: objects * size,
		deadBytes: 0,
		freeSlotBytes: (slots - objects) * size,
		tailBytes: spanBytes - slots * size,
		bitmapBytes: 0,
		residentWasteBytes: spanBytes - objects * size,
		noscan: { ...amounts, residentBytes: spanBytes },
		cached: 1,
		cachedFreeSlots: 3,
		central: { partialSwept: spans - 1, partialUnswept: 0, fullSwept: 0, fullUnswept: 0 },
		...more,
	};
}

const span: Span = {
	startAddr: "0xc000123000",
	npages: 1,
	class: 18,
	elemsize: 256,
	noscan: true,
	nelems: 32,
	allocCount: 3,
	freeindex: 7,
	deadObjects: 1,
	liveBytes: 512,
	wasteBytes: 8192 - 768,
	residentBytes: 4096,
	sweep: "cached, unswept",
	cachedBy: 12,
	needzero: true,
};

function result(classes: readonly Row[], more: Partial<SpansResult> = {}): SpansResult {
	const sum = (of: (row: Row) => number) => classes.reduce((all, one) => all + of(one), 0);
	return {
		target: { pid: 4242, name: "orders-api", goVersion: "go1.26.8", exe: "/srv/orders-api" },
		at: "2026-11-23T12:00:00.000Z",
		classes: [...classes],
		totals: {
			spans: sum((one) => one.spans),
			objects: sum((one) => one.objects),
			freeSlots: sum((one) => one.freeSlots),
			wasteBytes: sum((one) => one.wasteBytes),
			residentBytes: sum((one) => one.residentBytes ?? 0),
			deadObjects: 10,
			spanBytes: sum((one) => one.spanBytes),
			objectBytes: sum((one) => one.objectBytes),
			deadBytes: 2 * KiB,
			freeSlotBytes: sum((one) => one.freeSlotBytes),
			tailBytes: sum((one) => one.tailBytes),
			bitmapBytes: 0,
			residentWasteBytes: sum((one) => one.residentWasteBytes ?? 0),
		},
		accounts: { heapInuseBytes: 0, heapAllocBytes: 0, heapObjects: 0 },
		occupancy: [
			{ upTo: 0, spans: 2, spanBytes: 16 * KiB, liveBytes: 0 },
			{ upTo: 0.125, spans: 900, spanBytes: 7 * MiB, liveBytes: 128 * KiB },
			{ upTo: 0.75, spans: 0, spanBytes: 0, liveBytes: 0 },
			{ upTo: 1, spans: 40, spanBytes: 320 * KiB, liveBytes: 300 * KiB },
		],
		sparsest: { spans: [span], leftOut: { spans: 899, spanBytes: 7 * MiB } },
		caches: [
			{ p: 0, spans: 3, freeSlots: 20, freeSlotBytes: 900, tinyUsedBytes: 0, stackBytes: [0, 0, 0, 0], stale: true },
			{
				p: 1,
				spans: 5,
				freeSlots: 30,
				freeSlotBytes: 1124,
				tinyBlock: "0xc000001230",
				tinyUsedBytes: 13,
				stackBytes: [4096, 8192, 0, 0],
				stale: false,
			},
		],
		next: [{ command: "gomem spans 4242 --class 40", says: "its spans: 99 % of the waste is slots of 256 B" }],
		view: { all: false, caches: false },
		blur: { heapBytes: 0, paused: false },
		unavailable: [],
		cost: { wallMs: 90, pausedMs: 0, bytesRead: 6 * MiB },
		...more,
	};
}

const many = Array.from({ length: 20 }, (_, i) => row(i + 1, 8 * (i + 1), 10 + i, 0.9));
const fragmented = row(40, 256, 5000, 1 / 16);

describe("the screen of spans", () => {
	test("has what HeapInuse is made of, the classes with the most waste first, and what to type next", () => {
		const text = render(result([...many, fragmented]), plain);
		assert.match(text, /HeapInuse +42\.1 MiB = 5\.2 MiB objects \+ 36\.9 MiB free slots \+ 15\.3 KiB tails/);
		assert.match(text, /HeapAlloc .* 2\.0 KiB of it garbage, not yet swept/);
		assert.match(text, /2 Ps cache 8 spans with 2\.0 KiB in 50 free slots · 12\.0 KiB of free stacks/);
		const lines = text.split("\n");
		const head = lines.findIndex((line) => /class +slot +spans/.test(line));
		assert.match(lines[head + 1] ?? "", /^ +40 +256 B +5,000 +10,000 +150,000 +6 % +36\.6 MiB/);
		assert.match(text, /… 9 more classes, .* waste \(--all\)/);
		assert.match(text, /Next +gomem spans 4242 --class 40 +its spans: 99 % of the waste is slots of 256 B/);
		assert.match(text, /it stood still/);
	});

	test("says how full spans are by fractions, and leaves empty rows out", () => {
		const text = render(result([fragmented]), plain);
		assert.match(text, /none: garbage, not yet swept +2 +16\.0 KiB/);
		assert.match(text, /up to 1\/8 +900 +7\.0 MiB +128\.0 KiB/);
		assert.match(text, /above 3\/4 +40 +300\.0 KiB/);
		assert.doesNotMatch(text, /up to 3\/4/);
		assert.match(text, /0xc000123000 +1 +256 B +3 of 32 +1 +7\.3 KiB +4\.0 KiB +P 12, unswept +noscan\n/);
		assert.match(text, /… 899 more, 7\.0 MiB \(--limit\)/);
	});

	test("lists one class in place of them", () => {
		const list = { class: 40, sort: "live" as const, spans: [span], leftOut: { spans: 4999, spanBytes: 39 * MiB } };
		const text = render(result([...many, fragmented], { list }), plain);
		assert.match(text, /Spans of class 40, fewest live bytes first/);
		assert.match(text, /0xc000123000 +1 +3 of 32 +1 +7 +7\.3 KiB +4\.0 KiB +P 12, unswept +noscan\n/);
		assert.match(text, /… 4,999 more, 39\.0 MiB/);
		assert.doesNotMatch(text, /How full|The sparsest|Next/);
		assert.match(render(result(many, { list: { ...list, class: 60, spans: [] } }), plain), /no spans of class 60/);
	});

	test("has rates from the second reading on, and says which refills are estimates", () => {
		const rates = { allocationsPerSecond: 1000, freesPerSecond: 0, bytesPerSecond: 256_000 };
		const seen = [
			{
				...fragmented,
				rates: { ...rates, refillsPerSecond: 50, refillsAtLeast: 10, refillsFrom: "estimated" as const },
			},
			row(41, 288, 4, 0.5, { rates: { ...rates, refillsPerSecond: 4, refillsAtLeast: 4, refillsFrom: "counted" } }),
			row(42, 320, 4, 0.5, { rates: { ...rates, refillsPerSecond: 30, refillsAtLeast: 30, refillsFrom: "at-least" } }),
		];
		const all = { allocationsPerSecond: 3000, tinyPerSecond: 7, bytesPerSecond: 768_000, refillsPerSecond: 84 };
		const text = render(result(seen, { rates: { ...all, seconds: 2, collections: 1 } }), plain);
		assert.match(text, /3,000 objects\/s, 750\.0 KiB\/s · 7\.0\/s in tiny blocks · 84 refills\/s · over 2 s, 1 GC\n/);
		assert.match(text, /~50 +1 in 20/);
		assert.match(text, / 4\.0 +1 in 250/);
		assert.match(text, /≥30 +1 in 33/);
		assert.match(text, /~ estimated .*\n.*≥ at least so many/);
		assert.doesNotMatch(text, /The sparsest/);
	});

	test("shows caches and central lists where they were asked for", () => {
		const text = render(result([fragmented], { view: { all: true, caches: true } }), plain);
		assert.match(text, /\n +0 +3 +20 +900 B .* stale\n/);
		assert.match(text, /\n +1 +5 +30 +1\.1 KiB +13 of 16 B +4\.0 KiB +8\.0 KiB +0 B +0 B\n/);
		assert.match(text, /\n +40 +256 B +1 +3 +4,999 +0 +0 +0\n/);
	});

	test("of a core speaks of what the core holds, and keeps the next command whole", () => {
		const core = {
			file: "/var/crash/core.4242",
			maker: "kernel",
			zeroBytes: 0,
			fileBytesLeftOut: 0,
			anonymousBytesLeftOut: 0,
			missingBytes: 0,
			uncheckedBytes: 0,
		} as const;
		const command = `gomem spans /var/crash/${"deep/".repeat(20)}core.4242 --class 40`;
		const text = render(result([fragmented], { core, next: [{ command, says: "its spans" }] }), plain);
		assert.match(text, /in the core 39\.1 MiB/);
		assert.match(text, /of it noscan +in the core\n/);
		assert.doesNotMatch(text, /resident|target not paused/);
		assert.ok(text.includes(`${command}\n        its spans\n`));
	});

	test("fits the terminal, and says what is missing", () => {
		const wide = row(55, 12_288, 1_234_567, 0.123, { residentBytes: 9_876_543_210 });
		const list = {
			class: 55,
			sort: "waste" as const,
			spans: [{ ...span, startAddr: "0x7fffffffe000", nelems: 1024, allocCount: 1000 }],
			leftOut: { spans: 1, spanBytes: 1 },
		};
		const missing = {
			unavailable: [{ part: "pagemap", why: "no right to read it" }],
			view: { all: true, caches: true },
		};
		for (const r of [result([wide], missing), result([wide], { ...missing, list })]) {
			for (const columns of [60, 100]) {
				const text = render(r, { ...plain, columns });
				for (const line of text.split("\n")) assert.ok(visible(line) <= columns || line.includes("  Next  "), line);
				assert.match(text, /missing: pagemap: no right/);
			}
		}
	});
});
