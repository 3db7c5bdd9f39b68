import type { Profile } from "../formats/pprof/model.ts";

/**
 * The sample type that an option names: its number, its name, or its name without "inuse_", as old profiles have it; for ""
 * the profile's default or else the last (google/pprof profile/index.go).
 */
export function sampleIndex(profile: Profile, wanted: string): number | { readonly error: string } {
	const types = profile.sampleTypes.map((one) => one.type);
	if (types.length === 0) return { error: "profile has no samples" };
	if (wanted === "") {
		const index = profile.defaultSampleType === "" ? -1 : types.indexOf(profile.defaultSampleType);
		return index >= 0 ? index : types.length - 1;
	}
	if (/^[+-]?\d+$/.test(wanted)) {
		const index = Number(wanted);
		if (index >= 0 && index < types.length) return index;
		return { error: `sample_index ${wanted} is outside the range [0..${types.length - 1}]` };
	}
	const short = wanted.replace(/^inuse_/, "");
	const index = types.findIndex((type) => type === wanted || type === short);
	return index >= 0 ? index : { error: `sample_index "${wanted}" must be one of: [${types.join(" ")}]` };
}
