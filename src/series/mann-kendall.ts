import { twoSidedP } from "./normal.ts";
import { kendallVariance, MAX_POINTS, orderedPoints, thinned, tieCounts } from "./points.ts";
import { theilSen } from "./theil-sen.ts";

/** Whether a series goes up or down at all, whatever the shape. */
export interface TrendTest {
	/** Kendall's S: pairs that rise less pairs that fall */
	readonly s: number;
	/** S over the number of pairs: 1 always rises, -1 always falls */
	readonly tau: number;
	/** standard score of S, with the corrections below */
	readonly z: number;
	/** probability of an |S| this large without a trend, two-sided */
	readonly p: number;
	/** how much autocorrelation widens the variance of S: 1 for independent noise, never below */
	readonly varianceFactor: number;
	/** points used: those with finite coordinates, before thinning */
	readonly n: number;
}

/**
 * The Mann–Kendall test of trend over evenly spaced readings, corrected for ties and, after Hamed and Rao (1998), for
 * autocorrelation: memory readings follow one another closely, and without the correction every slow wave is a trend.
 * Above 1,000 points stretches of the series are replaced by their medians. Undefined below 4 points.
 */
export function mannKendall(xs: ArrayLike<number>, ys: ArrayLike<number>): TrendTest | undefined {
	const all = orderedPoints(xs, ys);
	const points = thinned(all, MAX_POINTS);
	const n = points.ys.length;
	if (n < 4) return undefined;
	const s = kendallS(points.ys);
	const varianceFactor = autocorrelationFactor(points.ys);
	const variance = kendallVariance(n, tieCounts(points.ys.slice().sort())) * varianceFactor;
	// S moves in steps of two: the continuity correction takes one off.
	const z = s === 0 || variance <= 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(variance);
	return { s, tau: s / ((n * (n - 1)) / 2), z, p: twoSidedP(z), varianceFactor, n: all.xs.length };
}

function kendallS(ys: Float64Array): number {
	let s = 0;
	for (let i = 0; i < ys.length; i++) {
		const y = ys[i]!; // i and j stay below the column's length
		for (let j = i + 1; j < ys.length; j++) s += (ys[j]! > y ? 1 : 0) - (ys[j]! < y ? 1 : 0);
	}
	return s;
}

/**
 * n/n* of Hamed and Rao (1998, J. Hydrology 204): 1 + 2/(n(n-1)(n-2)) Σ (n-i)(n-i-1)(n-i-2) ρ(i), over the lags i whose
 * autocorrelation ρ of the ranks of the detrended series is significant at 5 %. Negative autocorrelation, as a sawtooth
 * has it, would narrow the variance; that is not believed.
 */
function autocorrelationFactor(ys: Float64Array): number {
	const n = ys.length;
	const ranks = averageRanks(residuals(ys));
	const mean = (n + 1) / 2;
	const centred = ranks.map((rank) => rank - mean);
	const energy = centred.reduce((sum, rank) => sum + rank * rank, 0);
	if (energy === 0) return 1;
	const significant = 1.959963984540054 / Math.sqrt(n);
	let sum = 0;
	for (let lag = 1; lag < n; lag++) {
		let product = 0;
		for (let i = 0; i + lag < n; i++) product += centred[i]! * centred[i + lag]!;
		const correlation = product / energy;
		if (Math.abs(correlation) > significant) sum += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation;
	}
	return Math.max(1, 1 + (2 / (n * (n - 1) * (n - 2))) * sum);
}

/** The series less its Theil–Sen line over the index. What is left of a straight line by rounding is 0, not a pattern. */
function residuals(ys: Float64Array): Float64Array {
	const indexes = Float64Array.from(ys, (_, i) => i);
	const { slope, intercept } = theilSen(indexes, ys) ?? { slope: 0, intercept: 0 };
	const rounding = 1e-12 * ys.reduce((largest, y) => Math.max(largest, Math.abs(y)), 0);
	return ys.map((y, i) => {
		const residual = y - intercept - slope * i;
		return Math.abs(residual) <= rounding ? 0 : residual;
	});
}

/** Ranks from 1; equal values share the mean of theirs. */
function averageRanks(values: Float64Array): Float64Array {
	const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
	const ranks = new Float64Array(values.length);
	for (let from = 0; from < order.length; ) {
		let to = from + 1;
		while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
		for (let i = from; i < to; i++) ranks[order[i]!] = (from + 1 + to) / 2;
		from = to;
	}
	return ranks;
}
