import type { Profile } from "../../formats/pprof/model.ts";
import type { GoRegexp } from "../regexp/go-regexp.ts";

/** What a regular expression matches by name, each function and binary looked at once: flags by row. */
export interface NameMatch {
	/** by the name or the file */
	readonly functions: Uint8Array;
	/** by the file */
	readonly mappings: Uint8Array;
}

export function matchNames(profile: Profile, regexp: GoRegexp): NameMatch {
	const { strings, functions, mappings } = profile;
	const known = new Map<number, boolean>();
	const matches = (string: number): boolean => {
		let result = known.get(string);
		if (result === undefined) {
			result = regexp.matches(strings.text(string));
			known.set(string, result);
		}
		return result;
	};
	return {
		functions: Uint8Array.from({ length: functions.count }, (_, f) =>
			matches(functions.name[f] ?? 0) || matches(functions.filename[f] ?? 0) ? 1 : 0,
		),
		mappings: Uint8Array.from({ length: mappings.count }, (_, m) => (matches(mappings.filename[m] ?? 0) ? 1 : 0)),
	};
}

/** Whether the binary of a location matches. */
export function mappingMatches(profile: Profile, match: NameMatch, location: number): boolean {
	const mapping = profile.locations.mapping[location] ?? -1;
	return mapping >= 0 && match.mappings[mapping] === 1;
}

/** Whether any line of a location or its binary matches. */
export function locationMatches(profile: Profile, match: NameMatch, location: number): boolean {
	const { lineStart } = profile.locations;
	for (let line = lineStart[location]!; line < lineStart[location + 1]!; line++) {
		if (match.functions[profile.lines.function[line]!] === 1) return true;
	}
	return mappingMatches(profile, match, location);
}
