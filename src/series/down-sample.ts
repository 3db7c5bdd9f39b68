/**
 * Indices of at most `count` points that keep the look of a line: Largest-Triangle-Three-Buckets (Steinarsson,
 * "Downsampling Time Series for Visual Representation", 2013). The first and the last point stay; between them each of
 * count-2 buckets of equal size gives the point that makes the largest triangle with the one chosen before and the mean of
 * the next bucket. xs ascending, ys finite. Ascending indices; all of them where there are not more than `count`.
 */
export function lttb(xs: ArrayLike<number>, ys: ArrayLike<number>, count: number): Uint32Array {
	const n = Math.min(xs.length, ys.length);
	if (count >= n) return Uint32Array.from({ length: n }, (_, i) => i);
	if (count < 3) return Uint32Array.from(count < 1 ? [] : count < 2 ? [0] : [0, n - 1]);
	const chosen = new Uint32Array(count);
	const width = (n - 2) / (count - 2);
	/** where bucket b of the points between the first and the last starts */
	const startOf = (bucket: number): number => Math.min(Math.floor(bucket * width) + 1, n - 1);
	let previous = 0;
	for (let bucket = 0; bucket < count - 2; bucket++) {
		const nextFrom = startOf(bucket + 1);
		const [x, y] = meanOf(xs, ys, nextFrom, bucket === count - 3 ? n : startOf(bucket + 2));
		previous = largestTriangle(xs, ys, previous, startOf(bucket), nextFrom, x, y);
		chosen[bucket + 1] = previous;
	}
	chosen[count - 1] = n - 1;
	return chosen;
}

function meanOf(xs: ArrayLike<number>, ys: ArrayLike<number>, from: number, to: number): [x: number, y: number] {
	let x = 0;
	let y = 0;
	for (let i = from; i < to; i++) {
		x += xs[i]!; // i is inside both columns
		y += ys[i]!;
	}
	return [x / (to - from), y / (to - from)];
}

/** The point of [from, to) that makes the largest triangle with point `a` and the point (x, y). */
function largestTriangle(
	xs: ArrayLike<number>,
	ys: ArrayLike<number>,
	a: number,
	from: number,
	to: number,
	x: number,
	y: number,
): number {
	let best = from;
	let largest = -1;
	for (let i = from; i < to; i++) {
		const area = Math.abs((xs[a]! - x) * (ys[i]! - ys[a]!) - (xs[a]! - xs[i]!) * (y - ys[a]!));
		if (area > largest) {
			largest = area;
			best = i;
		}
	}
	return best;
}
