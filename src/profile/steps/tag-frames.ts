import type { Uint64Column } from "../../formats/pprof/columns.ts";
import { int64Column } from "../../formats/pprof/columns.ts";
import type { Functions, Lines, Locations, Profile } from "../../formats/pprof/model.ts";
import { scaledLabel } from "../measurement.ts";
import { PairIndex } from "../pair-index.ts";
import { ExtendedStrings } from "../strings-extended.ts";

/**
 * Adds frames that stand for the values of labels: for `tagroot` above the outermost caller, the first key outermost, for
 * `tagleaf` below the innermost frame, the last key innermost (google/pprof internal/driver/tagroot.go). The function is
 * named as the values, its file as the key; a sample without the label gets a frame without a name.
 */
export function addTagFrames(
	profile: Profile,
	rootKeys: readonly string[],
	leafKeys: readonly string[],
	unit: string,
): { readonly profile: Profile; readonly rootMatched: boolean; readonly leafMatched: boolean } {
	if (rootKeys.length + leafKeys.length === 0) return { profile, rootMatched: true, leafMatched: true };
	const frames = new TagFrames(profile, unit);
	const { samples } = profile;
	// the first key is outermost: the last of the stack
	const [roots, leaves] = [rootKeys.toReversed(), leafKeys.toReversed()];
	const location = new Uint32Array(samples.location.length + samples.count * (roots.length + leaves.length));
	const locationStart = new Uint32Array(samples.count + 1);
	/** Puts the frames of a sample for these keys from `to` on; whether it has any of the labels. */
	const put = (sample: number, keys: readonly string[], to: number): boolean => {
		let matched = false;
		for (const [i, key] of keys.entries()) {
			const frame = frames.of(sample, key);
			matched ||= frame.matched;
			location[to + i] = frame.location;
		}
		return matched;
	};
	let rootMatched = false;
	let leafMatched = false;
	for (let s = 0; s < samples.count; s++) {
		const stack = samples.location.subarray(samples.locationStart[s], samples.locationStart[s + 1]);
		const start = locationStart[s]!; // s < count
		const end = start + leaves.length + stack.length;
		location.set(stack, start + leaves.length);
		// those of the roots first: new locations are numbered as they come up, and raw prints the numbers
		rootMatched = put(s, roots, end) || rootMatched;
		leafMatched = put(s, leaves, start) || leafMatched;
		locationStart[s + 1] = end + roots.length;
	}
	const extended = { ...profile, ...frames.tables(), samples: { ...samples, location, locationStart } };
	return { profile: extended, rootMatched, leafMatched };
}

class TagFrames {
	readonly #profile: Profile;
	readonly #unit: string;
	readonly #strings: ExtendedStrings;
	/** frames by name and key, both string rows */
	readonly #frames = new PairIndex();

	constructor(profile: Profile, unit: string) {
		this.#profile = profile;
		this.#unit = unit;
		this.#strings = new ExtendedStrings(profile.strings);
	}

	/** The location of the frame of a sample for one key; whether the sample has that label. */
	of(sample: number, key: string): { readonly location: number; readonly matched: boolean } {
		const keyRow = this.#strings.intern(key);
		const values = this.#values(sample, keyRow);
		const frame = this.#frames.of(this.#strings.intern(values.join(",")), keyRow);
		return { location: this.#profile.locations.count + frame, matched: values.length > 0 };
	}

	/** texts first, then numbers, which have their units where any of the sample's has one */
	#values(sample: number, key: number): readonly string[] {
		const { labelStart, labels } = this.#profile.samples;
		const texts: string[] = [];
		const numbers: number[] = [];
		for (let label = labelStart[sample]!; label < labelStart[sample + 1]!; label++) {
			if (labels.key[label] !== key) continue;
			if (labels.text[label]! >= 0) texts.push(this.#strings.text(labels.text[label]!));
			else numbers.push(label);
		}
		const withUnits = numbers.some((label) => labels.unit[label] !== 0);
		for (const label of numbers) {
			const unit = withUnits ? this.#strings.text(labels.unit[label]!) : "";
			texts.push(scaledLabel(labels.number.numbers[label]!, unit, withUnits ? this.#unit : ""));
		}
		return texts;
	}

	/** The profile's tables with the new frames behind: one function, one line and one location each. */
	tables(): Pick<Profile, "strings" | "functions" | "lines" | "locations"> {
		const { functions, lines, locations } = this.#profile;
		const count = this.#frames.count;
		const names = new Uint32Array(this.#frames.firsts().buffer);
		const files = new Uint32Array(this.#frames.seconds().buffer);
		const zeros = int64Column(new Array<number>(count).fill(0));
		const rows = (from: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => from + i);
		const moreFunctions: Functions = {
			count: functions.count + count,
			id: { ...withNewIds(functions.id, count) },
			name: joined(functions.name, names),
			systemName: joined(functions.systemName, new Uint32Array(count)),
			filename: joined(functions.filename, files),
			startLine: joinedInt64(functions.startLine, zeros),
		};
		const moreLines: Lines = {
			count: lines.count + count,
			function: joined(lines.function, rows(functions.count)),
			line: joinedInt64(lines.line, zeros),
			column: joinedInt64(lines.column, zeros),
		};
		const noMapping = new Int32Array(locations.count + count).fill(-1);
		noMapping.set(locations.mapping);
		const folded = new Uint8Array(locations.count + count);
		folded.set(locations.folded);
		const moreLocations: Locations = {
			count: locations.count + count,
			id: withNewIds(locations.id, count),
			mapping: noMapping,
			address: {
				low: joined(locations.address.low, new Uint32Array(count)),
				high: joined(locations.address.high, new Uint32Array(count)),
			},
			lineStart: joined(locations.lineStart, rows(lines.count + 1)),
			folded,
		};
		return { strings: this.#strings, functions: moreFunctions, lines: moreLines, locations: moreLocations };
	}
}

/** The ids and, behind them, `count` more that none of them is. */
function withNewIds(ids: Uint64Column, count: number): Uint64Column {
	const low = joined(ids.low, new Uint32Array(count));
	const high = joined(ids.high, new Uint32Array(count));
	let last = 0n;
	for (let i = 0; i < ids.low.length; i++) {
		const id = (BigInt(ids.high[i]!) << 32n) | BigInt(ids.low[i]!);
		if (id > last) last = id;
	}
	for (let i = 0; i < count; i++) {
		const id = last + BigInt(i + 1);
		low[ids.low.length + i] = Number(id & 0xffff_ffffn);
		high[ids.low.length + i] = Number((id >> 32n) & 0xffff_ffffn);
	}
	return { low, high };
}

function joined(first: Uint32Array, second: Uint32Array): Uint32Array {
	const both = new Uint32Array(first.length + second.length);
	both.set(first);
	both.set(second, first.length);
	return both;
}

function joinedInt64(first: Functions["startLine"], second: Functions["startLine"]): Functions["startLine"] {
	const numbers = new Float64Array(first.numbers.length + second.numbers.length);
	numbers.set(first.numbers);
	numbers.set(second.numbers, first.numbers.length);
	if (first.exact === undefined) return { numbers, exact: undefined };
	const exact = new BigInt64Array(numbers.length);
	exact.set(first.exact);
	return { numbers, exact };
}
