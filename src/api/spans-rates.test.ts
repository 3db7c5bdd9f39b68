import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { AllocationCaches, PCache, SetCounts } from "../goruntime/caches.ts";
import { type AllocationPoint, type ClassRates, ratesBetween } from "./spans-rates.ts";

const SLOTS = 8;
const SIZE = 1024;

/** What mcache.go and mcentral.go do with the spans of one span class, and what they really did. */
class Allocator {
	refills = 0;
	allocations = 0;
	sweepgen = 4;
	readonly caches: { free: number; given: number; span: number }[];
	partial: number[] = [];
	readonly counts = { partialPushed: 0, partialPopped: 0, fullPushed: 0 };
	#nextSpan = 0x1000;

	constructor(ps: number) {
		this.caches = Array.from({ length: ps }, () => ({ free: 0, given: 0, span: 0 }));
	}

	allocate(p: number): void {
		const cache = this.caches[p % this.caches.length];
		if (cache === undefined) return;
		if (cache.free === 0) this.#refill(cache);
		cache.free--;
		this.allocations++;
	}

	#refill(cache: { free: number; given: number; span: number }): void {
		if (cache.span !== 0) this.counts.fullPushed++;
		const free = this.partial.shift();
		if (free !== undefined) this.counts.partialPopped++;
		cache.given = free ?? SLOTS;
		cache.free = cache.given;
		cache.span = this.#nextSpan += 0x100;
		this.refills++;
	}

	/** runtime.ReadMemStats: what Ps cache goes back, full or not. */
	flush(): void {
		for (const cache of this.caches) {
			if (cache.span !== 0 && cache.free === 0) this.counts.fullPushed++;
			if (cache.span !== 0 && cache.free > 0) {
				this.counts.partialPushed++;
				this.partial.push(cache.free);
			}
			Object.assign(cache, { free: 0, given: 0, span: 0 });
		}
	}

	/** A GC: caches are flushed, the lists change roles and are counted anew; half of each slot's neighbours died. */
	collect(): void {
		this.flush();
		this.sweepgen += 2;
		this.partial = Array.from({ length: this.counts.fullPushed }, () => SLOTS / 2);
		Object.assign(this.counts, { partialPushed: this.partial.length, partialPopped: 0, fullPushed: 0 });
	}

	point(at: number): AllocationPoint {
		const { partialPushed, partialPopped, fullPushed } = this.counts;
		const caches: AllocationCaches = {
			sweepgen: this.sweepgen,
			ps: this.caches.map((cache, id) => pCache(id, cache)),
			centrals: {
				partialSwept: set(partialPushed, partialPopped),
				partialUnswept: set(0, 0),
				fullSwept: set(fullPushed, 0),
				fullUnswept: set(0, 0),
			},
		};
		return {
			at,
			collections: this.sweepgen / 2,
			byClass: [
				{ Size: 0, Mallocs: 0, Frees: 0 },
				{ Size: SIZE, Mallocs: this.allocations, Frees: 0 },
			],
			tinyAllocs: 0,
			totalAlloc: this.allocations * SIZE,
			caches,
			slots: [0, SLOTS],
		};
	}
}

/** Entries by span class: large ones, then class 1 with and without pointers; only the first of those is used. */
function pCache(id: number, { free, given, span }: { free: number; given: number; span: number }): PCache {
	return {
		id,
		spans: Float64Array.of(0, 0, span, 0),
		freeSlots: Uint16Array.of(0, 0, free, 0),
		givenSlots: Uint16Array.of(0, 0, given, 0),
		tiny: 0,
		tinyUsedBytes: 0,
		stackBytes: [],
		stale: false,
	};
}

function set(pushed: number, popped: number): SetCounts {
	return { pushed: Float64Array.of(0, 0, pushed, 0), popped: Float64Array.of(0, 0, popped, 0) };
}

const steps = fc.array(
	fc.oneof({ weight: 20, arbitrary: fc.nat(7) }, { weight: 1, arbitrary: fc.constant("flush" as const) }),
	{ maxLength: 400 },
);

function take(allocator: Allocator, what: readonly (number | "flush" | "collect")[]): void {
	for (const one of what) {
		if (one === "flush") allocator.flush();
		else if (one === "collect") allocator.collect();
		else allocator.allocate(one);
	}
}

function classRates(before: AllocationPoint, now: AllocationPoint): Required<ClassRates> {
	const rates = ratesBetween(before, now)?.classes[1];
	assert.ok(rates?.refillsPerSecond !== undefined && rates.refillsAtLeast !== undefined && rates.refillsFrom);
	return rates as Required<ClassRates>;
}

describe("refills", () => {
	test("are counted exactly while no GC comes between, whatever was cached, flushed or left over", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 4 }), steps, steps, (ps, first, second) => {
				const allocator = new Allocator(ps);
				take(allocator, first);
				const before = allocator.point(1000);
				const { refills, allocations } = allocator;
				take(allocator, second);
				const rates = classRates(before, allocator.point(3000));
				assert.equal(rates.refillsFrom, "counted");
				assert.equal(rates.refillsPerSecond * 2, allocator.refills - refills);
				assert.equal(rates.refillsAtLeast, allocator.refills - refills);
				assert.equal(rates.allocationsPerSecond * 2, allocator.allocations - allocations);
			}),
		);
	});

	test("are never fewer than the bound where a GC came between", () => {
		const withGc = fc.array(
			fc.oneof(
				{ weight: 40, arbitrary: fc.nat(7) },
				{ weight: 1, arbitrary: fc.constantFrom("flush" as const, "collect" as const) },
			),
			{ maxLength: 600 },
		);
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 4 }), steps, steps, withGc, (ps, first, second, third) => {
				const allocator = new Allocator(ps);
				take(allocator, first);
				const before = allocator.point(1000);
				const { refills } = allocator;
				take(allocator, [...second, "collect", ...third]);
				const rates = classRates(before, allocator.point(2000));
				assert.notEqual(rates.refillsFrom, "counted");
				assert.ok(rates.refillsAtLeast <= allocator.refills - refills);
				assert.ok(rates.refillsPerSecond >= rates.refillsAtLeast);
			}),
		);
	});

	test("are estimated from the slots that cached spans were given", () => {
		const allocator = new Allocator(2);
		take(
			allocator,
			Array.from({ length: 4001 }, (_, i) => i),
		);
		const before = allocator.point(0);
		const { refills } = allocator;
		allocator.collect();
		// the spans of the collection give 4 slots each, so that 4 allocations come to a refill
		take(
			allocator,
			Array.from({ length: 1001 }, (_, i) => i),
		);
		const rates = classRates(before, allocator.point(1000));
		assert.equal(rates.refillsFrom, "estimated");
		const truth = allocator.refills - refills;
		assert.ok(Math.abs(rates.refillsPerSecond - truth) <= 0.4 * truth, `${rates.refillsPerSecond}, in truth ${truth}`);
	});

	test("are not counted while spans are unswept, nor where a cache waits to be swept", () => {
		const allocator = new Allocator(1);
		take(allocator, [0, 0, 0]);
		const now = allocator.point(2000);
		const caches = now.caches as AllocationCaches;
		const unswept = { ...caches, centrals: { ...caches.centrals, fullUnswept: set(3, 1) } };
		assert.notEqual(classRates({ ...now, at: 0, caches: unswept }, now).refillsFrom, "counted");
		const stale = { ...caches, ps: caches.ps.map((p) => ({ ...p, stale: true })) };
		assert.notEqual(classRates({ ...now, at: 0, caches: stale }, now).refillsFrom, "counted");
		assert.equal(classRates({ ...now, at: 0 }, now).refillsFrom, "counted");
	});

	test("are at least so many where nothing is cached that says how many slots a refill gives", () => {
		const allocator = new Allocator(1);
		const before = allocator.point(0);
		allocator.collect();
		take(
			allocator,
			Array.from({ length: 80 }, () => 0),
		);
		allocator.flush();
		const rates = classRates(before, allocator.point(1000));
		assert.deepEqual([rates.refillsFrom, rates.refillsPerSecond, rates.refillsAtLeast], ["at-least", 10, 10]);
	});
});

describe("rates", () => {
	test("of large objects are what the others leave, and they have no refills", () => {
		const point = new Allocator(1).point(0);
		const now: AllocationPoint = {
			...point,
			at: 500,
			byClass: [
				{ Size: 0, Mallocs: 3, Frees: 1 },
				{ Size: SIZE, Mallocs: 10, Frees: 4 },
			],
			totalAlloc: 10 * SIZE + 3 * 100_000,
		};
		const rates = ratesBetween(point, now);
		assert.equal(rates?.bytesPerSecond, 2 * (10 * SIZE + 300_000));
		assert.deepEqual(rates.classes[0], { allocationsPerSecond: 6, freesPerSecond: 2, bytesPerSecond: 600_000 });
		assert.equal(rates.classes[1]?.freesPerSecond, 8);
		assert.equal(rates.allocationsPerSecond, 26);
	});

	test("are absent without time between, and never below 0", () => {
		const point = new Allocator(1).point(0);
		assert.equal(ratesBetween(point, point), undefined);
		const later = { ...point, at: 1000, totalAlloc: 0, byClass: [] };
		const before = { ...point, totalAlloc: 50, tinyAllocs: 9 };
		const rates = ratesBetween(before, later);
		assert.deepEqual([rates?.bytesPerSecond, rates?.tinyPerSecond], [0, 0]);
	});

	test("leave refills out where the caches were not read", () => {
		const allocator = new Allocator(1);
		take(allocator, [0]);
		const before: AllocationPoint = { ...allocator.point(0), caches: undefined };
		const rates = ratesBetween(before, allocator.point(1000));
		assert.equal(rates?.refillsPerSecond, undefined);
		assert.equal(rates?.classes[1]?.refillsFrom, undefined);
	});
});
