import type { Int64Column } from "../formats/pprof/columns.ts";
import type { Labels, Lines, Profile, Samples } from "../formats/pprof/model.ts";

/** The rows of a column, in their order. */
export function pickInt64(column: Int64Column, rows: Uint32Array): Int64Column {
	const numbers = new Float64Array(rows.length);
	for (let i = 0; i < rows.length; i++) numbers[i] = column.numbers[rows[i]!]!; // rows are of this column
	const { exact } = column;
	if (exact === undefined) return { numbers, exact };
	return { numbers, exact: BigInt64Array.from(rows, (row) => exact[row] ?? 0n) };
}

export function pickUint32(column: Uint32Array, rows: Uint32Array): Uint32Array {
	const picked = new Uint32Array(rows.length);
	for (let i = 0; i < rows.length; i++) picked[i] = column[rows[i]!]!; // rows are of this column
	return picked;
}

/** The numbers from 0 whose flag is set. */
export function rowsWhere(flags: Uint8Array): Uint32Array {
	let count = 0;
	for (let i = 0; i < flags.length; i++) count += flags[i]! !== 0 ? 1 : 0;
	const rows = new Uint32Array(count);
	for (let i = 0, to = 0; i < flags.length; i++) if (flags[i]! !== 0) rows[to++] = i;
	return rows;
}

/**
 * The samples whose `from` is not negative, each with the part [from, to) of its stack (positions in samples.location)
 * whose locations are not `hidden`.
 */
export function cutStacks(samples: Samples, from: Int32Array, to: Uint32Array, hidden?: Uint8Array): Samples {
	const kept = new Uint8Array(samples.count);
	let length = 0;
	for (let s = 0; s < samples.count; s++) {
		if (from[s]! < 0) continue;
		kept[s] = 1;
		length += to[s]! - from[s]!;
	}
	const rows = rowsWhere(kept);
	const location = new Uint32Array(length);
	const locationStart = new Uint32Array(rows.length + 1);
	let used = 0;
	for (let i = 0; i < rows.length; i++) {
		const s = rows[i]!;
		for (let at = from[s]!; at < to[s]!; at++) {
			const one = samples.location[at]!;
			if (hidden === undefined || hidden[one] === 0) location[used++] = one;
		}
		locationStart[i + 1] = used;
	}
	const stacks = { locationStart, location: location.subarray(0, used) };
	if (rows.length === samples.count) return { ...samples, ...stacks };
	return { ...pickedSamples(samples, rows), ...stacks };
}

/** The samples whose flag is set. */
export function keepSamples(samples: Samples, kept: Uint8Array): Samples {
	const from = new Int32Array(samples.count);
	for (let s = 0; s < samples.count; s++) from[s] = kept[s] === 0 ? -1 : samples.locationStart[s]!;
	return cutStacks(samples, from, samples.locationStart.subarray(1));
}

/** Values and labels of the rows; the stacks are the caller's. */
function pickedSamples(samples: Samples, rows: Uint32Array): Samples {
	const labelStart = new Uint32Array(rows.length + 1);
	let count = 0;
	for (let i = 0; i < rows.length; i++) {
		count += samples.labelStart[rows[i]! + 1]! - samples.labelStart[rows[i]!]!;
		labelStart[i + 1] = count;
	}
	const labelRows = new Uint32Array(count);
	for (let i = 0, to = 0; i < rows.length; i++) {
		for (let label = samples.labelStart[rows[i]!]!; label < samples.labelStart[rows[i]! + 1]!; label++) {
			labelRows[to++] = label;
		}
	}
	return {
		count: rows.length,
		locationStart: samples.locationStart,
		location: samples.location,
		values: samples.values.map((column) => pickInt64(column, rows)),
		labelStart,
		labels: pickedLabels(samples.labels, labelRows),
	};
}

export function pickedLabels(labels: Labels, rows: Uint32Array): Labels {
	return {
		count: rows.length,
		key: pickUint32(labels.key, rows),
		text: Int32Array.from(rows, (row) => labels.text[row] ?? -1),
		number: pickInt64(labels.number, rows),
		unit: pickUint32(labels.unit, rows),
	};
}

/** The samples without the labels whose flag is 0. */
export function keepLabels(samples: Samples, kept: Uint8Array): Samples {
	const labelStart = new Uint32Array(samples.count + 1);
	let used = 0;
	for (let s = 0; s < samples.count; s++) {
		for (let label = samples.labelStart[s]!; label < samples.labelStart[s + 1]!; label++) used += kept[label]!;
		labelStart[s + 1] = used;
	}
	return { ...samples, labelStart, labels: pickedLabels(samples.labels, rowsWhere(kept)) };
}

/** The profile without the lines whose flag is 0. */
export function keepLines(profile: Profile, kept: Uint8Array): Pick<Profile, "locations" | "lines"> {
	const { locations, lines } = profile;
	const lineStart = new Uint32Array(locations.count + 1);
	let used = 0;
	for (let l = 0; l < locations.count; l++) {
		for (let line = locations.lineStart[l]!; line < locations.lineStart[l + 1]!; line++) used += kept[line]!;
		lineStart[l + 1] = used;
	}
	if (used === lines.count) return { locations, lines };
	const rows = rowsWhere(kept);
	const picked: Lines = {
		count: rows.length,
		function: pickUint32(lines.function, rows),
		line: pickInt64(lines.line, rows),
		column: pickInt64(lines.column, rows),
	};
	return { locations: { ...locations, lineStart }, lines: picked };
}
