import type { Profile, ValueType } from "../../formats/pprof/model.ts";
import { sameFamily, scale } from "../measurement.ts";
import { scaleSamples } from "./values.ts";

/**
 * The profiles with the sample types that all of them have, in the order of the first (google/pprof profile/merge.go,
 * CompatibilizeSampleTypes). Where types are dropped or moved and the default is not among them, the first becomes it.
 */
export function withCommonTypes(profiles: readonly Profile[]): readonly Profile[] | { readonly error: string } {
	const names = (profiles[0]?.sampleTypes ?? []).map((one) => one.type);
	const counts = new Map<string, number>();
	for (const { type } of profiles.flatMap((profile) => profile.sampleTypes)) {
		counts.set(type, (counts.get(type) ?? 0) + 1);
	}
	const common = names.filter((name) => counts.get(name) === profiles.length);
	if (common.length === 0) return { error: "profiles have empty common sample type list" };
	return profiles.map((profile) => withTypes(profile, common));
}

function withTypes(profile: Profile, names: readonly string[]): Profile {
	const columns = names.map((name) => profile.sampleTypes.findIndex((one) => one.type === name));
	if (columns.length === profile.sampleTypes.length && columns.every((column, i) => column === i)) return profile;
	const isDefault = names.includes(profile.defaultSampleType);
	return {
		...profile,
		defaultSampleType: isDefault ? profile.defaultSampleType : (names[0] ?? ""),
		sampleTypes: columns.map((column) => profile.sampleTypes[column]!), // common names are names of every profile
		samples: { ...profile.samples, values: columns.map((column) => profile.samples.values[column]!) },
	};
}

/**
 * The profiles with their values in the finest unit that any of them has for the type, so that they can be added
 * (google/pprof internal/measurement, ScaleProfiles). They have equally many types.
 */
export function withCommonUnits(profiles: readonly Profile[]): readonly Profile[] | { readonly error: string } {
	if (profiles.length < 2) return profiles;
	const period = finest(profiles.map((one) => one.periodType));
	if ("error" in period) return { error: `period type: ${period.error}` };
	const types: ValueType[] = [];
	for (const [i] of (profiles[0]?.sampleTypes ?? []).entries()) {
		const type = finest(profiles.map((one) => one.sampleTypes[i]!)); // equally many
		if ("error" in type) return { error: `sample types: ${type.error}` };
		types.push(type);
	}
	return profiles.map((profile) => {
		const ratios = profile.sampleTypes.map((type, i) => scale(1, type.unit, types[i]?.unit ?? type.unit).value);
		const scaled = scaleSamples(profile, ratios);
		const inUnit = scale(Number(profile.period), profile.periodType.unit, period.unit).value;
		return {
			...scaled,
			period: inUnit === Number(profile.period) ? profile.period : BigInt(Math.trunc(inUnit)),
			periodType: { ...profile.periodType, unit: period.unit },
			sampleTypes: profile.sampleTypes.map((type, i) => ({ ...type, unit: types[i]?.unit ?? type.unit })),
		};
	});
}

function finest(types: readonly ValueType[]): ValueType | { readonly error: string } {
	let found = types[0] ?? { type: "", unit: "" };
	for (const type of types.slice(1)) {
		if (!comparable(found, type)) {
			return { error: `incompatible types: {${found.type} ${found.unit}} {${type.type} ${type.unit}}` };
		}
		if (scale(1, type.unit, found.unit).value < 1) found = type;
	}
	return found;
}

/** Names may differ in the s of a plural, units within their family. */
function comparable(a: ValueType, b: ValueType): boolean {
	if (a.type.replace(/s$/, "") !== b.type.replace(/s$/, "")) return false;
	return a.unit === b.unit || sameFamily(a.unit, b.unit);
}
