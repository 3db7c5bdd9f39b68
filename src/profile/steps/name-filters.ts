import type { Profile } from "../../formats/pprof/model.ts";
import type { GoRegexp } from "../regexp/go-regexp.ts";
import { cutStacks, keepLines } from "../sample-rows.ts";
import { locationMatches, mappingMatches, matchNames, type NameMatch } from "./name-match.ts";

export interface NameFilters {
	readonly focus?: GoRegexp | undefined;
	readonly ignore?: GoRegexp | undefined;
	readonly hide?: GoRegexp | undefined;
	readonly show?: GoRegexp | undefined;
}

/** Which of the filters matched anything. */
export interface NameFiltered {
	readonly profile: Profile;
	readonly focused: boolean;
	readonly ignored: boolean;
	readonly hidden: boolean;
	readonly shown: boolean;
}

/** what is decided of a location */
const IGNORED = 1;
const FOCUSED = 2;

/**
 * The samples that pass through a frame which `focus` matches and none which `ignore` matches, without the frames that
 * `hide` matches and those that `show` does not (google/pprof profile/filter.go, FilterSamplesByName). A location without
 * any line left is taken out of the stacks; a sample without any location is dropped.
 */
export function filterByName(profile: Profile, filters: NameFilters): NameFiltered {
	const { focus, ignore, hide, show } = filters;
	if (focus === undefined && ignore === undefined && hide === undefined && show === undefined) {
		return { profile, focused: true, ignored: false, hidden: false, shown: false };
	}
	const { decided, focused, ignored } = decide(profile, focus, ignore);
	const hiding = hideLines(profile, hide, show);
	const { samples } = profile;
	const from = new Int32Array(samples.count);
	const to = samples.locationStart.subarray(1);
	for (let s = 0; s < samples.count; s++) {
		let kept = false;
		let visible = !hiding.any;
		for (let at = samples.locationStart[s]!; at < to[s]!; at++) {
			const location = samples.location[at]!;
			if (decided[location] === IGNORED) {
				kept = false;
				break;
			}
			if (decided[location] === FOCUSED) kept = true;
			if (hiding.locations[location] === 0) visible = true;
		}
		from[s] = kept && visible ? samples.locationStart[s]! : -1;
	}
	const stacks = cutStacks(samples, from, to, hiding.any ? hiding.locations : undefined);
	return {
		profile: { ...profile, samples: stacks, ...keepLines(profile, hiding.lines) },
		focused,
		ignored,
		hidden: hiding.hidden,
		shown: hiding.shown,
	};
}

function decide(
	profile: Profile,
	focus: GoRegexp | undefined,
	ignore: GoRegexp | undefined,
): { readonly decided: Uint8Array; readonly focused: boolean; readonly ignored: boolean } {
	const focusMatch = focus && matchNames(profile, focus);
	const ignoreMatch = ignore && matchNames(profile, ignore);
	const decided = new Uint8Array(profile.locations.count);
	let focused = false;
	let ignored = false;
	for (let l = 0; l < decided.length; l++) {
		if (ignoreMatch !== undefined && locationMatches(profile, ignoreMatch, l)) {
			decided[l] = IGNORED;
			ignored = true;
		} else if (focusMatch === undefined || locationMatches(profile, focusMatch, l)) {
			decided[l] = FOCUSED;
			focused = true;
		}
	}
	return { decided, focused, ignored };
}

interface Hiding {
	/** 1: all of the location is hidden */
	readonly locations: Uint8Array;
	/** 1: the line stays */
	readonly lines: Uint8Array;
	readonly any: boolean;
	readonly hidden: boolean;
	readonly shown: boolean;
}

function hideLines(profile: Profile, hide: GoRegexp | undefined, show: GoRegexp | undefined): Hiding {
	const hideMatch = hide && matchNames(profile, hide);
	const showMatch = show && matchNames(profile, show);
	const { lineStart, count } = profile.locations;
	const locations = new Uint8Array(count);
	const lines = new Uint8Array(profile.lines.count).fill(1);
	let any = false;
	let hidden = false;
	let shown = false;
	for (let l = 0; l < count; l++) {
		if (hideMatch !== undefined && locationMatches(profile, hideMatch, l)) {
			hidden = true;
			if (dropLines(profile, hideMatch, l, 1, lines) === 0) locations[l] = 1;
		}
		if (showMatch !== undefined) {
			let left = 0;
			if (!mappingMatches(profile, showMatch, l)) left = dropLines(profile, showMatch, l, 0, lines);
			else for (let line = lineStart[l]!; line < lineStart[l + 1]!; line++) left += lines[line]!;
			if (left === 0) locations[l] = 1;
			else shown = true;
		}
		if (locations[l] === 1) any = true;
	}
	return { locations, lines, any, hidden, shown };
}

/** Drops the lines whose match is `flag`, all of them where the binary matches and matches are dropped; how many stay. */
function dropLines(profile: Profile, match: NameMatch, location: number, flag: 0 | 1, lines: Uint8Array): number {
	const { lineStart } = profile.locations;
	const all = flag === 1 && mappingMatches(profile, match, location);
	let left = 0;
	for (let line = lineStart[location]!; line < lineStart[location + 1]!; line++) {
		if (all || match.functions[profile.lines.function[line]!] === flag) lines[line] = 0;
		left += lines[line]!;
	}
	return left;
}

/** Cuts what called the outermost frame that matches; samples without one are dropped (profile/filter.go, ShowFrom). */
export function showFrom(profile: Profile, regexp: GoRegexp): { readonly profile: Profile; readonly matched: boolean } {
	const match = matchNames(profile, regexp);
	const { samples, locations } = profile;
	const starts = new Uint8Array(locations.count);
	const lines = new Uint8Array(profile.lines.count).fill(1);
	let matched = false;
	for (let l = 0; l < locations.count; l++) {
		if (mappingMatches(profile, match, l)) starts[l] = 1;
		for (let line = locations.lineStart[l + 1]! - 1; starts[l] === 0 && line >= locations.lineStart[l]!; line--) {
			if (match.functions[profile.lines.function[line]!] !== 1) continue;
			starts[l] = 1;
			lines.fill(0, line + 1, locations.lineStart[l + 1]!);
		}
		if (starts[l] === 1) matched = true;
	}
	const from = new Int32Array(samples.count).fill(-1);
	const to = new Uint32Array(samples.count);
	for (let s = 0; s < samples.count; s++) {
		for (let at = samples.locationStart[s + 1]! - 1; at >= samples.locationStart[s]!; at--) {
			if (starts[samples.location[at]!] === 0) continue;
			from[s] = samples.locationStart[s]!;
			to[s] = at + 1;
			break;
		}
	}
	return { profile: { ...profile, samples: cutStacks(samples, from, to), ...keepLines(profile, lines) }, matched };
}
