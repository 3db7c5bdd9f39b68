import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lttb } from "./down-sample.ts";
import { mannKendall } from "./mann-kendall.ts";
import { twoSidedP } from "./normal.ts";
import { mad, median, quantile } from "./quantile.ts";
import { theilSen } from "./theil-sen.ts";
import { windows } from "./windows.ts";

/** The noise that the expected values below were made with, in -0.5..0.5. */
function noise(seed: number, count: number): number[] {
	let state = seed;
	return Array.from({ length: count }, () => {
		state = Number((BigInt(state) * 1103515245n + 12345n) % 2147483648n);
		return (state >> 8) / 2 ** 23 - 0.5;
	});
}

function close(actual: number | undefined, expected: number, relative = 1e-9): void {
	const difference = Math.abs((actual ?? Number.NaN) - expected);
	assert.ok(difference <= relative * Math.max(1e-300, Math.abs(expected)), `${actual}, expected ${expected}`);
}

const INDEX = Array.from({ length: 30 }, (_, i) => i);
const RISING = noise(7, 30).map((e, i) => 0.3 * i + 2 * e);
/** Rounded, so that values tie. */
const STEPS = RISING.map((y) => Math.round(y));

test("Theil–Sen: slope, bounds and intercept of scipy.stats.theilslopes 1.17.1", () => {
	const line = theilSen(INDEX, RISING);
	close(line?.slope, 0.29913830757141113);
	close(line?.low, 0.26880173683166503);
	close(line?.high, 0.32908829053243);
	close(line?.intercept, 0.10637938976287842);
	const steps = theilSen(INDEX, STEPS);
	close(steps?.slope, 0.3076923076923077);
	close(steps?.low, 0.2727272727272727);
	close(steps?.high, 0.3333333333333333);
	close(steps?.intercept, -0.4615384615384617);
	const outlier = theilSen([0, 1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 100, 6, 7, 8]);
	assert.deepEqual(outlier, { slope: 1, low: 1, high: 1, intercept: 1.5, n: 8 });
});

test("Theil–Sen: what cannot have a slope has none", () => {
	assert.equal(theilSen([], []), undefined);
	assert.equal(theilSen([1], [1]), undefined);
	assert.equal(theilSen([1, 1, 1], [1, 2, 3]), undefined);
	assert.equal(theilSen([1, Number.NaN], [1, 2]), undefined);
	assert.deepEqual(theilSen([2, 1], [20, 10]), { slope: 10, low: 10, high: 10, intercept: 0, n: 2 });
	assert.throws(() => theilSen([1, 2], [1]), RangeError);
});

test("Theil–Sen: 100,000 points with a sawtooth and spikes still give the leak's slope, in bounded time", () => {
	const xs = Array.from({ length: 100_000 }, (_, i) => i);
	const errors = noise(11, xs.length);
	const ys = xs.map((x, i) => 5 + 0.01 * x + 40 * ((x % 37) / 37) + (errors[i] ?? 0) + (x % 101 === 0 ? 1e6 : 0));
	const started = performance.now();
	const line = theilSen(xs, ys);
	const elapsed = performance.now() - started;
	close(line?.slope, 0.01, 0.001);
	assert.equal(line?.n, 100_000);
	assert.ok(elapsed < 30_000, `${elapsed} ms`);
});

test("Theil–Sen: a wider variance widens the bounds", () => {
	const plain = theilSen(INDEX, RISING);
	const wide = theilSen(INDEX, RISING, { varianceFactor: 4 });
	assert.ok((wide?.low ?? 0) < (plain?.low ?? 0) && (wide?.high ?? 0) > (plain?.high ?? 0));
});

test("property: Theil–Sen follows shift, scale and order of the points, and finds an exact line", () => {
	const points = fc.array(fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 })), {
		minLength: 2,
		maxLength: 40,
	});
	fc.assert(
		fc.property(points, fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 9 }), (pairs, shift, scale) => {
			const xs = pairs.map(([x]) => x);
			const ys = pairs.map(([, y]) => y);
			const line = theilSen(xs, ys);
			const reversed = theilSen(xs.toReversed(), ys.toReversed());
			assert.equal(reversed?.n, line?.n);
			const moved = theilSen(
				xs,
				ys.map((y, i) => scale * y + shift * (xs[i] ?? 0)),
			);
			if (line === undefined) return assert.equal(moved, undefined);
			assert.ok(line.low <= line.slope && line.slope <= line.high);
			assert.ok(Math.abs((moved?.slope ?? Number.NaN) - (scale * line.slope + shift)) < 1e-6);
			const exact = theilSen(
				xs,
				xs.map((x) => 3 * x - 7),
			);
			assert.equal(exact?.slope, 3);
			assert.equal(exact?.intercept, -7);
		}),
	);
});

test("Mann–Kendall: S, tau and p of pymannkendall 1.4.3, with ties", () => {
	const rising = mannKendall(INDEX, RISING);
	assert.equal(rising?.s, 381);
	close(rising?.tau, 0.8758620689655172);
	if (rising?.varianceFactor === 1) close(rising.z, 6.779591781330599);
	const steps = mannKendall(INDEX, STEPS);
	assert.equal(steps?.s, 372);
	close(steps?.z, 6.6655072157238235 / Math.sqrt(steps?.varianceFactor ?? 1));
});

test("Mann–Kendall: Hamed and Rao's correction of an autocorrelated series, as pymannkendall 1.4.3", () => {
	let last = 0;
	const walk = [0, ...noise(3, 60).map((e) => (last = 0.8 * last + e))];
	const trend = mannKendall(
		walk.map((_, i) => i),
		walk,
	);
	assert.equal(trend?.s, 116);
	close(trend?.varianceFactor, 2.9474807900249633);
	close(trend?.z, 0.4168369390416296);
	close(trend?.p, 0.6767976815814605, 1e-6);
});

test("Mann–Kendall: false alarms on slow waves stay rare, real growth is seen", () => {
	let alarms = 0;
	let uncorrected = 0;
	for (let seed = 1; seed <= 200; seed++) {
		let last = 0;
		const walk = noise(seed * 7919, 120).map((e) => (last = 0.7 * last + e));
		const trend = mannKendall(
			walk.map((_, i) => i),
			walk,
		);
		if ((trend?.p ?? 1) < 0.05) alarms++;
		if (twoSidedP((trend?.z ?? 0) * Math.sqrt(trend?.varianceFactor ?? 1)) < 0.05) uncorrected++;
	}
	assert.ok(alarms < uncorrected / 2, `${alarms} alarms of 200, ${uncorrected} without the correction`);
	const straight = mannKendall(
		INDEX,
		INDEX.map((i) => 0.1 * i),
	);
	assert.equal(straight?.tau, 1);
	assert.equal(straight?.varianceFactor, 1);
	assert.ok((straight?.p ?? 1) < 1e-9);
	assert.equal(mannKendall([1, 2, 3], [1, 2, 3]), undefined);
	assert.equal(
		mannKendall(
			INDEX,
			INDEX.map(() => 5),
		)?.p,
		1,
	);
});

test("normal: two-sided probabilities of scipy.stats.norm", () => {
	close(twoSidedP(0), 1, 1e-6);
	close(twoSidedP(0.5), 0.6170750774519738, 1e-6);
	close(twoSidedP(-1.96), 0.04999579029644087, 1e-6);
	close(twoSidedP(3), 0.0026997960632601866, 1e-6);
	close(twoSidedP(6), 1.973175290075389e-9, 1e-6);
});

test("quantiles and spread of numpy.quantile and scipy.stats.median_abs_deviation", () => {
	const values = [3, 1, 4, 1, 5, 9, 2, 6];
	for (const [q, expected] of [
		[0, 1],
		[0.1, 1],
		[0.25, 1.75],
		[0.5, 3.5],
		[0.9, 6.9],
		[1, 9],
	] as const) {
		close(quantile(values, q), expected);
	}
	assert.equal(mad(values), 2);
	assert.equal(median([Number.NaN, 1]), 1);
	assert.ok(Number.isNaN(median([])));
	fc.assert(
		fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (array) => {
			const sorted = array.toSorted((a, b) => a - b);
			const middle = median(array);
			assert.ok(sorted.filter((value) => value <= middle).length * 2 >= array.length);
			assert.ok(sorted.filter((value) => value >= middle).length * 2 >= array.length);
			assert.equal(quantile(array, 1), sorted.at(-1));
		}),
	);
});

test("windows: aligned, without gaps, every point in one", () => {
	assert.deepEqual(windows([5, 12, 13, 31], 10), [
		{ start: 0, end: 10, from: 0, to: 1 },
		{ start: 10, end: 20, from: 1, to: 3 },
		{ start: 20, end: 30, from: 3, to: 3 },
		{ start: 30, end: 40, from: 3, to: 4 },
	]);
	assert.deepEqual(windows([], 10), []);
	assert.throws(() => windows([0, 1e9], 1e-3), RangeError);
	assert.throws(() => windows([0], 0), RangeError);
	fc.assert(
		fc.property(fc.array(fc.integer({ min: -500, max: 500 })), fc.integer({ min: 1, max: 70 }), (array, width) => {
			const xs = array.toSorted((a, b) => a - b);
			const all = windows(xs, width);
			assert.equal(
				all.reduce((sum, { from, to }) => sum + to - from, 0),
				xs.length,
			);
			for (const { start, end, from, to } of all) {
				for (const x of xs.slice(from, to)) assert.ok(start <= x && x < end);
			}
		}),
	);
});

test("LTTB: keeps ends and peaks, in order", () => {
	const ys = Array.from({ length: 1000 }, (_, i) => (i === 517 ? 100 : i === 801 ? -50 : Math.sin(i / 40)));
	const xs = ys.map((_, i) => i);
	const kept = [...lttb(xs, ys, 50)];
	assert.equal(kept.length, 50);
	assert.ok(kept.includes(0) && kept.includes(999) && kept.includes(517) && kept.includes(801));
	// By hand: of {1,2}, index 2 is farther from the line (0,0)-(3.5,0.5); of {3,4}, 3 from the line (2,9)-(5,0): 5 against 3.
	assert.deepEqual([...lttb([0, 1, 2, 3, 4, 5], [0, 1, 9, 1, 0, 0], 4)], [0, 2, 3, 5]);
	fc.assert(
		fc.property(fc.array(fc.integer({ min: -99, max: 99 }), { maxLength: 80 }), fc.nat(90), (values, count) => {
			const indices = [
				...lttb(
					values.map((_, i) => i),
					values,
					count,
				),
			];
			assert.equal(indices.length, Math.min(count, values.length));
			for (const [i, index] of indices.entries()) assert.ok(index < values.length && index > (indices[i - 1] ?? -1));
		}),
	);
});
