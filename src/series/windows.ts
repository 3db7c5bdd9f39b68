/** A stretch of a series: the points of indices [from, to), whose x are in [start, end). */
export interface SeriesWindow {
	readonly start: number;
	readonly end: number;
	readonly from: number;
	readonly to: number;
}

/** A series of months in windows of seconds: more is a mistake of the caller. */
const MAX_WINDOWS = 1 << 20;

/**
 * Splits ascending xs into windows of equal width, aligned to multiples of the width, from the first point's to the last
 * one's; windows without points are among them. Throws RangeError for a width that is not above 0 or makes more than a
 * million windows.
 */
export function windows(xs: ArrayLike<number>, width: number): SeriesWindow[] {
	const first = xs[0];
	const last = xs[xs.length - 1];
	if (first === undefined || last === undefined) return [];
	const firstWindow = Math.floor(first / width);
	const count = Math.floor(last / width) - firstWindow + 1;
	if (!(width > 0) || !(count <= MAX_WINDOWS)) throw new RangeError(`${count} windows of width ${width}`);
	const result: SeriesWindow[] = [];
	let from = 0;
	for (let i = 0; i < count; i++) {
		const end = (firstWindow + i + 1) * width;
		let to = from;
		while (to < xs.length && (xs[to]! < end || i === count - 1)) to++; // to is inside
		result.push({ start: (firstWindow + i) * width, end, from, to });
		from = to;
	}
	return result;
}
