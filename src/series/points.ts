import { median } from "./quantile.ts";

/** Points of a series in order of x, as columns of equal length. */
export interface Points {
	readonly xs: Float64Array;
	readonly ys: Float64Array;
}

/** More points than this make no estimate better and every pairwise method slow: 1,000 points are 499,500 pairs. */
export const MAX_POINTS = 1000;

/** The points with two finite coordinates, by ascending x. Throws RangeError where the columns differ in length. */
export function orderedPoints(xs: ArrayLike<number>, ys: ArrayLike<number>): Points {
	if (xs.length !== ys.length) throw new RangeError(`${xs.length} xs and ${ys.length} ys`);
	let order: number[] = [];
	let ascending = true;
	let previous = -Infinity;
	for (let i = 0; i < xs.length; i++) {
		const x = xs[i]!; // i is inside both
		if (!Number.isFinite(x) || !Number.isFinite(ys[i])) continue;
		if (x < previous) ascending = false;
		previous = x;
		order.push(i);
	}
	if (!ascending) order = order.sort((a, b) => xs[a]! - xs[b]!);
	return { xs: Float64Array.from(order, (i) => xs[i]!), ys: Float64Array.from(order, (i) => ys[i]!) };
}

/**
 * At most `limit` points: the medians of x and y of as many stretches of equal count. A line through the points stays a
 * line through the medians; single outliers and a sawtooth shorter than a stretch drop out, which taking every k-th
 * point would turn into a false period.
 */
export function thinned(points: Points, limit: number = MAX_POINTS): Points {
	const { length } = points.xs;
	if (length <= limit) return points;
	const xs = new Float64Array(limit);
	const ys = new Float64Array(limit);
	for (let i = 0; i < limit; i++) {
		const from = Math.floor((i * length) / limit);
		const to = Math.floor(((i + 1) * length) / limit);
		xs[i] = median(points.xs.subarray(from, to));
		ys[i] = median(points.ys.subarray(from, to));
	}
	return { xs, ys };
}

/** How often each value occurs that occurs more than once. `sorted` is ascending. */
export function tieCounts(sorted: Float64Array): number[] {
	const ties: number[] = [];
	for (let from = 0; from < sorted.length; ) {
		let to = from + 1;
		while (to < sorted.length && sorted[to] === sorted[from]) to++;
		if (to - from > 1) ties.push(to - from);
		from = to;
	}
	return ties;
}

/**
 * Variance of Kendall's S without a trend, with the correction for ties: [n(n-1)(2n+5) - Σ t(t-1)(2t+5)] / 18
 * (Kendall, Rank Correlation Methods, 1975; Sen 1968).
 */
export function kendallVariance(n: number, ties: readonly number[]): number {
	const term = (k: number): number => k * (k - 1) * (2 * k + 5);
	return (term(n) - ties.reduce((sum, k) => sum + term(k), 0)) / 18;
}
