/**
 * The quantile of sorted values by linear interpolation between the closest ranks: type 7 of Hyndman and Fan (1996), the
 * default of R, NumPy and spreadsheets. `q` in 0..1. NaN where there are no values. The values must be ascending and
 * free of NaN.
 */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
	const last = sorted.length - 1;
	if (last < 0) return Number.NaN;
	const rank = Math.min(Math.max(q, 0), 1) * last;
	const below = Math.floor(rank);
	const low = sorted[below]!; // 0 ≤ below ≤ last
	if (below === last) return low;
	return low + (sorted[below + 1]! - low) * (rank - below);
}

/** The quantile of values in any order; NaNs among them are left out. */
export function quantile(values: ArrayLike<number>, q: number): number {
	return quantileOfSorted(sortedFinite(values), q);
}

export function median(values: ArrayLike<number>): number {
	return quantile(values, 0.5);
}

/**
 * Median of the absolute deviations from the median: the spread that outliers do not move. Times 1.4826 it estimates the
 * standard deviation of normal noise. NaN where there are no values.
 */
export function mad(values: ArrayLike<number>): number {
	const centre = median(values);
	return median(Float64Array.from(values, (value) => Math.abs(value - centre)));
}

function sortedFinite(values: ArrayLike<number>): Float64Array {
	return Float64Array.from(values)
		.filter((value) => !Number.isNaN(value))
		.sort();
}
