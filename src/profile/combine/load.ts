import { int64Column } from "../../formats/pprof/columns.ts";
import type { Mappings, Profile, Samples } from "../../formats/pprof/model.ts";
import { pruneUninteresting } from "../steps/prune.ts";
import { ExtendedStrings } from "../strings-extended.ts";
import { withCommonTypes, withCommonUnits } from "./compatible.ts";
import { simplifyNames } from "./demangle-hints.ts";
import { incompatible, mergeProfiles } from "./merge.ts";
import { columnSum, scaleSamples } from "./values.ts";

/** The label of the samples of a `diff_base`: percentages are of their sum. */
export const BASE_LABEL = { key: "pprof::base", value: "true" } as const;

export interface LoadOptions {
	/** profiles to be taken off */
	readonly bases?: readonly Profile[];
	/** percentages are of the base: pprof's -diff_base; without it -base */
	readonly diffBase?: boolean;
	/** scale the profile to the sum of its base first */
	readonly normalize?: boolean;
	/** leave the frames in that the profile calls uninteresting */
	readonly allFrames?: boolean;
	/** leave function names as they are: pprof's -symbolize=none */
	readonly keepNames?: boolean;
	/** added to the profile's own */
	readonly comment?: string;
}

export interface Loaded {
	readonly profile: Profile;
	readonly warnings: readonly string[];
}

/**
 * What pprof makes of its sources before any report (google/pprof internal/driver/fetch.go, fetchProfiles): several are
 * added up, bases taken off, names simplified, uninteresting frames dropped. Symbols are not looked up: Go's profiles
 * carry them.
 */
export function loadProfiles(
	sources: readonly Profile[],
	options: LoadOptions = {},
): Loaded | { readonly error: string } {
	const profile = combine(sources.map(withMapping));
	if ("error" in profile) return { error: `problem fetching source profiles: ${profile.error}` };
	const { bases = [] } = options;
	if (options.normalize === true && bases.length === 0) return { error: "must have base profile to normalize by" };
	let combined = profile;
	if (bases.length > 0) {
		const base = combine(bases.map(withMapping));
		if ("error" in base) return { error: `problem fetching base profiles: ${base.error},` };
		const difference = subtract(profile, base, options);
		if ("error" in difference) return difference;
		combined = difference;
	}
	const all = options.allFrames === true ? { ...combined, dropFrames: "", keepFrames: "" } : combined;
	const named = options.keepNames === true ? all : simplifyNames(all);
	const pruned = pruneUninteresting(named);
	const comments = options.comment ? [...named.comments, options.comment] : named.comments;
	return {
		profile: { ...pruned.profile, comments },
		warnings: pruned.problem === undefined ? [] : [pruned.problem],
	};
}

function combine(profiles: readonly Profile[]): Profile | { readonly error: string } {
	const typed = withCommonTypes(profiles);
	if ("error" in typed) return typed;
	const scaled = withCommonUnits(typed);
	if ("error" in scaled) return scaled;
	return scaled.length === 1 && scaled[0] !== undefined ? scaled[0] : mergeProfiles(scaled);
}

function subtract(profile: Profile, base: Profile, options: LoadOptions): Profile | { readonly error: string } {
	let scaled = profile;
	if (options.normalize === true) {
		const problem = incompatible(profile, base);
		if (problem !== undefined) return { error: problem };
		const ratios = profile.samples.values.map((column, type) => {
			const own = columnSum(column);
			return own === 0 ? 0 : columnSum(base.samples.values[type]!) / own; // as many types: they are compatible
		});
		scaled = scaleSamples(profile, ratios);
	}
	const marked = options.diffBase === true ? markedAsBase(base) : base;
	const negative = scaleSamples(
		marked,
		marked.sampleTypes.map(() => -1),
	);
	return combine([scaled, negative]);
}

/** The profile with the base's label at each sample. */
function markedAsBase(profile: Profile): Profile {
	const strings = new ExtendedStrings(profile.strings);
	const key = strings.intern(BASE_LABEL.key);
	const value = strings.intern(BASE_LABEL.value);
	const { samples } = profile;
	const { labels } = samples;
	const count = labels.count + samples.count;
	const labelStart = samples.labelStart.map((start, s) => start + s);
	const keys = new Uint32Array(count);
	const text = new Int32Array(count);
	const unit = new Uint32Array(count);
	const number: (number | bigint)[] = new Array<number>(count).fill(0);
	let to = 0;
	for (let s = 0; s < samples.count; s++) {
		for (let label = samples.labelStart[s]!; label < samples.labelStart[s + 1]!; label++, to++) {
			keys[to] = labels.key[label]!;
			text[to] = labels.text[label]!;
			unit[to] = labels.unit[label]!;
			number[to] = labels.number.exact?.[label] ?? labels.number.numbers[label]!;
		}
		keys[to] = key;
		text[to++] = value;
	}
	const marked: Samples["labels"] = { count, key: keys, text, unit, number: int64Column(number) };
	return { ...profile, strings, samples: { ...samples, labelStart, labels: marked } };
}

/** Where a profile names no binary pprof puts one without a name, to which all locations belong. */
function withMapping(profile: Profile): Profile {
	if (profile.mappings.count > 0) return profile;
	const none = { low: new Uint32Array(1), high: new Uint32Array(1) };
	const mappings: Mappings = {
		count: 1,
		id: { low: Uint32Array.of(1), high: new Uint32Array(1) },
		start: none,
		limit: none,
		offset: none,
		filename: new Uint32Array(1),
		buildId: new Uint32Array(1),
		symbolized: new Uint8Array(1),
	};
	const mapping = new Int32Array(profile.locations.count);
	return { ...profile, mappings, locations: { ...profile.locations, mapping } };
}
