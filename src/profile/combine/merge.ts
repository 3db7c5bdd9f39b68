import type { Labels, Profile, Samples, ValueType } from "../../formats/pprof/model.ts";
import { StringInterner } from "../../formats/pprof/strings.ts";
import { compareText } from "../go-format.ts";
import { keepSamples } from "../sample-rows.ts";
import { SequenceIndex } from "../sequence-index.ts";
import { type MergedRows, mergeTables } from "./merge-tables.ts";
import { nonZeroSamples, sumInto } from "./values.ts";

/**
 * One profile of several: equal samples (stack and labels) added up, tables without what nothing refers to; samples that
 * are zero in every type go (google/pprof profile/merge.go). The profiles must have the same sample and period types.
 */
export function mergeProfiles(profiles: readonly Profile[]): Profile | { readonly error: string } {
	const [first] = profiles;
	if (first === undefined) return { error: "no profiles to merge" };
	for (const other of profiles) {
		const problem = incompatible(first, other);
		if (problem !== undefined) return { error: problem };
	}
	const merged = mergeOnce(profiles.map(withoutZeros));
	// Samples that cancel each other out leave rows that nothing refers to.
	return nonZeroSamples(merged).includes(0) ? mergeOnce([withoutZeros(merged)]) : merged;
}

/** The profile without what no sample refers to (profile/merge.go, Compact). */
export function compactProfile(profile: Profile): Profile {
	return mergeOnce([withoutZeros(profile)]);
}

/** Why two profiles cannot be compared or added, or undefined (profile/merge.go, compatible). */
export function incompatible(a: Profile, b: Profile): string | undefined {
	if (!sameType(a.periodType, b.periodType)) {
		return `incompatible period types ${typeText(a.periodType)} and ${typeText(b.periodType)}`;
	}
	const same =
		a.sampleTypes.length === b.sampleTypes.length &&
		a.sampleTypes.every((type, i) => sameType(type, b.sampleTypes[i] ?? { type: "", unit: "" }));
	if (same) return undefined;
	const list = (types: readonly ValueType[]): string => `[${types.map(typeText).join(" ")}]`;
	return `incompatible sample types ${list(a.sampleTypes)} and ${list(b.sampleTypes)}`;
}

function sameType(a: ValueType, b: ValueType): boolean {
	return a.type === b.type && a.unit === b.unit;
}

function typeText(type: ValueType): string {
	return `${type.type}/${type.unit}`;
}

function withoutZeros(profile: Profile): Profile {
	const kept = nonZeroSamples(profile);
	return kept.includes(0) ? { ...profile, samples: keepSamples(profile.samples, kept) } : profile;
}

function mergeOnce(profiles: readonly Profile[]): Profile {
	const strings = new StringInterner();
	const { rows, tables } = mergeTables(profiles, strings);
	const samples = mergeSamples(profiles, rows);
	return { ...mergedHeader(profiles), strings, ...tables, samples };
}

/** What comes once in a profile: the first's, the earliest time, the sum of the durations, the longest period. */
function mergedHeader(
	profiles: readonly Profile[],
): Omit<Profile, "strings" | "samples" | "locations" | "lines" | "functions" | "mappings"> {
	const first = profiles[0]!; // there is one: mergeProfiles and compactProfile see to that
	let timeNanos = 0n;
	let durationNanos = 0n;
	let period = 0n;
	for (const one of profiles) {
		if (timeNanos === 0n || one.timeNanos < timeNanos) timeNanos = one.timeNanos;
		durationNanos += one.durationNanos;
		if (period === 0n || period < one.period) period = one.period;
	}
	return {
		sampleTypes: first.sampleTypes,
		defaultSampleType: profiles.find((one) => one.defaultSampleType !== "")?.defaultSampleType ?? "",
		comments: [...new Set(profiles.flatMap((one) => one.comments))],
		docUrl: profiles.find((one) => one.docUrl !== "")?.docUrl ?? "",
		dropFrames: first.dropFrames,
		keepFrames: first.keepFrames,
		timeNanos,
		durationNanos: BigInt.asIntN(64, durationNanos),
		periodType: first.periodType,
		period,
	};
}

function mergeSamples(profiles: readonly Profile[], rows: readonly MergedRows[]): Samples {
	const index = new SequenceIndex();
	const stacks = new GrowingRows();
	const labels = new GrowingRows();
	/** by profile the merged sample of each sample */
	const targets: Int32Array[] = [];
	/** by merged label: profile and row */
	const labelSources: number[] = [];
	let words = new Int32Array(1024);
	for (const [p, profile] of profiles.entries()) {
		const { samples } = profile;
		const { locations, strings } = rows[p]!; // one per profile
		const target = new Int32Array(samples.count);
		for (let s = 0; s < samples.count; s++) {
			const from = samples.locationStart[s]!;
			const depth = samples.locationStart[s + 1]! - from;
			const sorted = sortedLabels(profile, s);
			if (words.length < depth + 1 + sorted.length * 5) words = new Int32Array((depth + 1 + sorted.length * 5) * 2);
			for (let i = 0; i < depth; i++) words[i] = locations[samples.location[from + i]!]!;
			words[depth] = -1;
			let length = depth + 1;
			for (const label of sorted) length = putLabel(words, length, samples.labels, label, strings);
			const before = index.count;
			target[s] = index.of(words, length);
			if (index.count === before) continue;
			stacks.add(words.subarray(0, depth));
			for (const label of sorted) labelSources.push(p, label);
			labels.end(labelSources.length / 2);
		}
		targets.push(target);
	}
	return {
		count: index.count,
		locationStart: stacks.starts(),
		location: stacks.values(),
		values: (profiles[0]?.sampleTypes ?? []).map((_, type) =>
			sumInto(
				profiles.map((profile) => profile.samples.values[type]!), // as many columns as sample types
				targets,
				index.count,
			),
		),
		labelStart: labels.starts(),
		labels: mergedLabels(profiles, rows, labelSources),
	};
}

/** Rows of the labels of a sample: texts before numbers, by key, those of one key in their order. */
function sortedLabels(profile: Profile, sample: number): readonly number[] {
	const { labelStart, labels } = profile.samples;
	const from = labelStart[sample]!;
	const to = labelStart[sample + 1]!;
	if (to === from) return [];
	if (to === from + 1) return [from];
	const rows = Array.from({ length: to - from }, (_, i) => from + i);
	const kind = (row: number): number => (labels.text[row]! >= 0 ? 0 : 1);
	return rows.sort((a, b) => {
		if (kind(a) !== kind(b)) return kind(a) - kind(b);
		if (labels.key[a] === labels.key[b]) return a - b;
		return compareText(profile.strings.text(labels.key[a]!), profile.strings.text(labels.key[b]!));
	});
}

function putLabel(words: Int32Array, at: number, labels: Labels, row: number, strings: Int32Array): number {
	const text = labels.text[row]!;
	words[at] = strings[labels.key[row]!]!;
	words[at + 1] = text >= 0 ? strings[text]! : -1;
	const number = text >= 0 ? 0n : (labels.number.exact?.[row] ?? BigInt(labels.number.numbers[row]!));
	words[at + 2] = Number(BigInt.asIntN(32, number));
	words[at + 3] = Number(BigInt.asIntN(32, number >> 32n));
	words[at + 4] = strings[labels.unit[row]!]!;
	return at + 5;
}

function mergedLabels(profiles: readonly Profile[], rows: readonly MergedRows[], sources: readonly number[]): Labels {
	const count = sources.length / 2;
	const key = new Uint32Array(count);
	const text = new Int32Array(count);
	const unit = new Uint32Array(count);
	const numbers = new Float64Array(count);
	const wide = profiles.some((profile) => profile.samples.labels.number.exact !== undefined);
	const exact = wide ? new BigInt64Array(count) : undefined;
	for (let i = 0; i < count; i++) {
		const { labels } = profiles[sources[i * 2]!]!.samples;
		const { strings } = rows[sources[i * 2]!]!;
		const row = sources[i * 2 + 1]!;
		key[i] = strings[labels.key[row]!]!;
		text[i] = labels.text[row]! >= 0 ? strings[labels.text[row]!]! : -1;
		unit[i] = strings[labels.unit[row]!]!;
		numbers[i] = labels.number.numbers[row]!;
		if (exact !== undefined) exact[i] = labels.number.exact?.[row] ?? BigInt(numbers[i]!);
	}
	return { count, key, text, unit, number: { numbers, exact } };
}

/** Rows of varying length, one after the other. */
class GrowingRows {
	#values = new Uint32Array(1024);
	#used = 0;
	readonly #starts: number[] = [0];

	add(row: Int32Array): void {
		if (this.#used + row.length > this.#values.length) {
			const larger = new Uint32Array(Math.max(this.#used + row.length, this.#values.length * 2));
			larger.set(this.#values);
			this.#values = larger;
		}
		this.#values.set(row, this.#used);
		this.#used += row.length;
		this.#starts.push(this.#used);
	}

	end(at: number): void {
		this.#starts.push(at);
	}

	starts(): Uint32Array {
		return Uint32Array.from(this.#starts);
	}

	values(): Uint32Array {
		return this.#values.slice(0, this.#used);
	}
}
