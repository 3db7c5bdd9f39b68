import assert from "node:assert/strict";
import { int64Text, uint64Hex } from "../src/formats/pprof/columns.ts";
import type { Profile } from "../src/formats/pprof/model.ts";

/** Samples by what they say (stack with mapping, addresses and lines; labels), their values summed: order does not matter. */
export function multiset(profile: Profile): Map<string, number[]> {
	const { samples, locations, lines, functions, strings, mappings } = profile;
	const frames = (location: number): string => {
		const parts: string[] = [];
		for (let l = locations.lineStart[location] ?? 0; l < (locations.lineStart[location + 1] ?? 0); l++) {
			const f = lines.function[l] ?? 0;
			const name = strings.text(functions.name[f] ?? 0);
			parts.push(
				`${name} ${strings.text(functions.filename[f] ?? 0)}:${int64Text(lines.line, l)}+${int64Text(functions.startLine, f)}`,
			);
		}
		const mapping = locations.mapping[location] ?? -1;
		const file = mapping < 0 ? "" : strings.text(mappings.filename[mapping] ?? 0);
		return `${uint64Hex(locations.address, location)} ${file} ${parts.join(" < ")}`;
	};
	const known = Array.from({ length: locations.count }, (_, i) => frames(i));
	const sums = new Map<string, number[]>();
	for (let s = 0; s < samples.count; s++) {
		const at = samples.location.subarray(samples.locationStart[s], samples.locationStart[s + 1]);
		const labels: string[] = [];
		for (let l = samples.labelStart[s] ?? 0; l < (samples.labelStart[s + 1] ?? 0); l++) {
			const text = samples.labels.text[l] ?? -1;
			const value = text < 0 ? int64Text(samples.labels.number, l) : strings.text(text);
			labels.push(`${strings.text(samples.labels.key[l] ?? 0)}=${value}`);
		}
		const key = [...Array.from(at, (one) => known[one]), labels.sort().join()].join("\n");
		const values = samples.values.map((column) => column.numbers[s] ?? 0);
		const before = sums.get(key);
		sums.set(key, before === undefined ? values : before.map((value, i) => value + (values[i] ?? 0)));
	}
	return sums;
}

/**
 * Holds the profile of a running program against those that it wrote of itself before and after: what these two agree on
 * must be equal, and what was allocated in between, answering among it, must lie between the two. Returns how many samples
 * were held to equality.
 */
export function assertBetween(before: Profile, read: Profile, after: Profile): number {
	const [first, own, last] = [multiset(before), multiset(read), multiset(after)];
	let equal = 0;
	for (const stack of new Set([...first.keys(), ...own.keys(), ...last.keys()])) {
		const [from, values, to] = [first.get(stack), own.get(stack), last.get(stack)];
		if (from !== undefined && from.join() === to?.join()) {
			assert.deepEqual(values, from, stack);
			equal++;
			continue;
		}
		assert.ok(to !== undefined, `the program does not have this stack:\n${stack}`);
		assert.ok(values !== undefined || from === undefined, `a stack that the program had before is missing:\n${stack}`);
		for (const [type, high] of to.entries()) {
			const low = from?.[type] ?? 0;
			const value = values?.[type] ?? 0;
			const between = Math.min(low, high) <= value && value <= Math.max(low, high);
			assert.ok(between, `${value} is not between ${low} and ${high}:\n${stack}`);
		}
	}
	return equal;
}
