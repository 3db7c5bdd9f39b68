import type { Int64Column } from "../../formats/pprof/columns.ts";

/**
 * What each sample weighs, as columns of numbers whose sums are exact: one where all sums stay within 53 bits, else the low
 * and the high half of each value. Sums are made of each column for itself and joined again by `joined`.
 */
export interface SampleWeights {
	readonly value: readonly Float64Array[];
	/** of a mean: what the value is divided by */
	readonly divisor: readonly Float64Array[] | undefined;
	/** 1: the sample weighs nothing and is left out */
	readonly skip: Uint8Array;
}

export function sampleWeights(value: Int64Column, divisor: Int64Column | undefined): SampleWeights {
	const skip = new Uint8Array(value.numbers.length);
	for (let s = 0; s < skip.length; s++) {
		if (value.numbers[s] === 0 && (divisor === undefined || divisor.numbers[s] === 0)) skip[s] = 1;
	}
	return { value: parts(value), divisor: divisor && parts(divisor), skip };
}

function parts(column: Int64Column): readonly Float64Array[] {
	let size = 0;
	for (let i = 0; i < column.numbers.length; i++) size += Math.abs(column.numbers[i]!);
	if (column.exact === undefined && size < Number.MAX_SAFE_INTEGER) return [column.numbers];
	const low = new Float64Array(column.numbers.length);
	const high = new Float64Array(column.numbers.length);
	for (let i = 0; i < low.length; i++) {
		const value = column.exact?.[i] ?? BigInt(column.numbers[i]!);
		low[i] = Number(BigInt.asUintN(32, value));
		high[i] = Number(value >> 32n);
	}
	return [low, high];
}

/** Sums of the parts as sums of the whole, which wrap at 64 bits as Go's do. */
export function joined(sums: readonly Float64Array[]): Int64Column {
	const [low, high] = sums;
	if (low === undefined) return { numbers: new Float64Array(0), exact: undefined };
	if (high === undefined) return { numbers: low, exact: undefined };
	const exact = new BigInt64Array(low.length);
	for (let i = 0; i < exact.length; i++) exact[i] = (BigInt(high[i]!) << 32n) + BigInt(low[i]!);
	return { numbers: Float64Array.from(exact, Number), exact };
}

/** A value, or the mean of it where there is a divisor: Go's integer division. */
export function meanOf(value: number, divisor: number | undefined): number {
	return divisor === undefined || divisor === 0 ? value : Math.trunc(value / divisor) + 0;
}
