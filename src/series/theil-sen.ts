import { kendallVariance, MAX_POINTS, orderedPoints, type Points, thinned, tieCounts } from "./points.ts";
import { median, quantileOfSorted } from "./quantile.ts";

/** A line y = intercept + slope·x that up to 29 % of arbitrary outliers do not move. */
export interface TrendLine {
	/** y per x: the median of the slopes of all pairs of points */
	readonly slope: number;
	/** bounds of the slope at 95 % confidence */
	readonly low: number;
	readonly high: number;
	/** median(y) - slope·median(x) */
	readonly intercept: number;
	/** points used: those with finite coordinates, before thinning */
	readonly n: number;
}

export interface TheilSenOptions {
	/**
	 * By how much autocorrelation widens the variance (`varianceFactor` of mannKendall). Memory readings follow one another
	 * closely; without it the bounds of such a series are too narrow. Default 1: independent noise.
	 */
	readonly varianceFactor?: number;
}

/** The 97.5 % quantile of the standard normal distribution. */
const Z_95 = 1.959963984540054;

/**
 * The Theil–Sen estimator (Theil 1950; Sen 1968, whose confidence bounds of the slope come from the variance of Kendall's S).
 * At most half a million pairs are looked at: above 1,000 points stretches of the series are replaced by their medians.
 * Undefined where there are not two points at different x.
 */
export function theilSen(
	xs: ArrayLike<number>,
	ys: ArrayLike<number>,
	options: TheilSenOptions = {},
): TrendLine | undefined {
	const all = orderedPoints(xs, ys);
	const points = thinned(all, MAX_POINTS);
	const slopes = pairSlopes(points);
	if (slopes.length === 0) return undefined;
	const slope = quantileOfSorted(slopes, 0.5);
	const ties = [...tieCounts(points.xs), ...tieCounts(points.ys.slice().sort())];
	const variance = Math.max(0, kendallVariance(points.xs.length, ties)) * Math.max(0, options.varianceFactor ?? 1);
	const half = Z_95 * Math.sqrt(variance);
	// Ranks of the bounds among the N slopes, from 1: (N - C)/2 and (N + C)/2 + 1 (Gilbert 1987, section 16.5).
	const lowRank = Math.round((slopes.length - half) / 2) - 1;
	const highRank = Math.round((slopes.length + half) / 2);
	return {
		slope,
		low: slopes[Math.max(lowRank, 0)]!, // there is at least one slope
		high: slopes[Math.min(highRank, slopes.length - 1)]!,
		intercept: median(points.ys) - slope * median(points.xs),
		n: all.xs.length,
	};
}

/** Slopes of all pairs at different x, ascending. */
function pairSlopes({ xs, ys }: Points): Float64Array {
	const n = xs.length;
	const slopes = new Float64Array((n * (n - 1)) / 2);
	let count = 0;
	for (let i = 0; i < n; i++) {
		const x = xs[i]!; // i and j stay below the columns' length
		const y = ys[i]!;
		for (let j = i + 1; j < n; j++) {
			const run = xs[j]! - x;
			if (run > 0) slopes[count++] = (ys[j]! - y) / run;
		}
	}
	return slopes.subarray(0, count).sort();
}
