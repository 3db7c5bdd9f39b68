import type { Int64Column } from "../../formats/pprof/columns.ts";
import { int64At } from "../../formats/pprof/columns.ts";
import type { Profile } from "../../formats/pprof/model.ts";
import { keepSamples } from "../sample-rows.ts";

/**
 * Sums of the rows of several columns by target row: row i of columns[c] is added to targets[c][i], those with a negative
 * target to none. Exact: where a sum leaves ±2^53 all are made anew in 64 bits, which wrap as Go's do.
 */
export function sumInto(columns: readonly Int64Column[], targets: readonly Int32Array[], count: number): Int64Column {
	const sums = new Float64Array(count);
	let safe = columns.every((column) => column.exact === undefined);
	for (let c = 0; c < columns.length && safe; c++) {
		const { numbers } = columns[c]!; // c is below the length
		const target = targets[c]!; // one per column
		for (let i = 0; i < numbers.length; i++) {
			const to = target[i]!;
			if (to < 0) continue;
			const sum = sums[to]! + numbers[i]!;
			sums[to] = sum;
			if (sum > Number.MAX_SAFE_INTEGER || sum < -Number.MAX_SAFE_INTEGER) safe = false;
		}
	}
	if (safe) return { numbers: sums, exact: undefined };
	const exact = new BigInt64Array(count);
	for (const [c, column] of columns.entries()) {
		for (let i = 0; i < column.numbers.length; i++) {
			const to = targets[c]![i]!;
			if (to >= 0) exact[to] = exact[to]! + int64At(column, i);
		}
	}
	return { numbers: Float64Array.from(exact, Number), exact };
}

/** The sum of a column; exact as far as 53 bits go. */
export function columnSum(column: Int64Column): number {
	return sumInto([column], [new Int32Array(column.numbers.length)], 1).numbers[0] ?? 0;
}

/** Flags of the samples with a value that is not 0. */
export function nonZeroSamples(profile: Profile): Uint8Array {
	const kept = new Uint8Array(profile.samples.count);
	for (const { numbers } of profile.samples.values) {
		for (let s = 0; s < kept.length; s++) if (numbers[s] !== 0) kept[s] = 1;
	}
	return kept;
}

/**
 * Multiplies each sample type by its ratio, rounding halves away from zero, and drops the samples that have nothing left
 * in those which were multiplied (google/pprof profile/profile.go, ScaleN).
 */
export function scaleSamples(profile: Profile, ratios: readonly number[]): Profile {
	if (ratios.every((ratio) => ratio === 1)) return profile;
	const kept = new Uint8Array(profile.samples.count);
	const values = profile.samples.values.map((column, type) => {
		const ratio = ratios[type] ?? 1;
		if (ratio === 1) return column;
		const scaled = scaleColumn(column, ratio);
		for (let s = 0; s < kept.length; s++) if (scaled.numbers[s] !== 0) kept[s] = 1;
		return scaled;
	});
	return { ...profile, samples: keepSamples({ ...profile.samples, values }, kept) };
}

function scaleColumn(column: Int64Column, ratio: number): Int64Column {
	// pprof multiplies in floating point; taking the sign off loses nothing, so that is done exactly.
	if (ratio === -1 && column.exact !== undefined) {
		const exact = column.exact.map((value) => -value);
		return { numbers: Float64Array.from(exact, Number), exact };
	}
	const numbers = new Float64Array(column.numbers.length);
	let safe = true;
	for (let i = 0; i < numbers.length; i++) {
		const value = roundAway(column.numbers[i]! * ratio);
		numbers[i] = value;
		if (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER) safe = false;
	}
	if (safe) return { numbers, exact: undefined };
	const exact = BigInt64Array.from(numbers, (value) => (Number.isFinite(value) ? BigInt(value) : 0n));
	return { numbers: Float64Array.from(exact, Number), exact };
}

/** math.Round of Go; never -0 */
function roundAway(value: number): number {
	const whole = Math.trunc(value);
	return (Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole) + 0;
}
