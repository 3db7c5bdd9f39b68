import type { Int64Column } from "../../formats/pprof/columns.ts";
import { type Profile, symbolized } from "../../formats/pprof/model.ts";
import type { ProfileOptions } from "../options.ts";
import { keepLines } from "../sample-rows.ts";

/**
 * Takes out of the locations what the granularity does not tell apart, so that those which differ in nothing else become
 * one node (google/pprof profile/profile.go, Aggregate; internal/driver/driver.go, aggregate).
 */
export function aggregate(
	profile: Profile,
	options: Pick<ProfileOptions, "granularity" | "noinlines" | "showcolumns">,
): Profile {
	const { granularity, noinlines } = options;
	if (granularity === "addresses" && !noinlines) return profile;
	const withNames = granularity !== "files";
	const withFiles = granularity !== "functions" && granularity !== "";
	const withLines = granularity === "lines" || granularity === "addresses";
	const outer = noinlines ? outermostLines(profile) : profile;
	return {
		...profile,
		locations: granularity === "addresses" ? outer.locations : { ...outer.locations, address: noAddresses(profile) },
		lines: {
			...outer.lines,
			line: withLines ? outer.lines.line : zeros(outer.lines.count),
			column: withLines && options.showcolumns ? outer.lines.column : zeros(outer.lines.count),
		},
		functions: {
			...profile.functions,
			...(withNames ? {} : { name: emptyText(profile), systemName: emptyText(profile) }),
			...(withFiles ? {} : { filename: emptyText(profile) }),
		},
		mappings: { ...profile.mappings, symbolized: knownAfter(profile, !noinlines, withNames, withFiles, withLines) },
	};
}

function knownAfter(profile: Profile, inlines: boolean, names: boolean, files: boolean, lines: boolean): Uint8Array {
	const mask =
		(names ? symbolized.functions : 0) |
		(files ? symbolized.filenames : 0) |
		(lines ? symbolized.lineNumbers : 0) |
		(inlines ? symbolized.inlineFrames : 0);
	return profile.mappings.symbolized.map((flags) => flags & mask);
}

/** Of each location the last line: the function that the inlined ones are part of. */
function outermostLines(profile: Profile): Pick<Profile, "locations" | "lines"> {
	const kept = new Uint8Array(profile.lines.count);
	const { lineStart, count } = profile.locations;
	for (let l = 0; l < count; l++) if (lineStart[l + 1]! > lineStart[l]!) kept[lineStart[l + 1]! - 1] = 1;
	return keepLines(profile, kept);
}

function zeros(count: number): Int64Column {
	return { numbers: new Float64Array(count), exact: undefined };
}

function emptyText(profile: Profile): Uint32Array {
	return new Uint32Array(profile.functions.count);
}

function noAddresses(profile: Profile): Profile["locations"]["address"] {
	const none = new Uint32Array(profile.locations.count);
	return { low: none, high: none };
}
