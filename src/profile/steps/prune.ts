import type { Profile } from "../../formats/pprof/model.ts";
import { compileRegexp, type GoRegexp } from "../regexp/go-regexp.ts";
import { cutStacks, keepLines } from "../sample-rows.ts";

/**
 * Drops the frames that the profile itself calls uninteresting (its drop_frames and keep_frames: the allocator's own, for
 * instance), as pprof does when it loads one (google/pprof profile/prune.go, RemoveUninteresting). Like there, patterns
 * that do not compile change nothing; the second value tells.
 */
export function pruneUninteresting(profile: Profile): { readonly profile: Profile; readonly problem?: string } {
	if (profile.dropFrames === "") return { profile };
	const drop = compileRegexp(`^(${profile.dropFrames})$`);
	if ("error" in drop) return { profile, problem: `failed to compile regexp ${profile.dropFrames}: ${drop.error}` };
	if (profile.keepFrames === "") return { profile: prune(profile, drop) };
	const keep = compileRegexp(`^(${profile.keepFrames})$`);
	if ("error" in keep) return { profile, problem: `failed to compile regexp ${profile.keepFrames}: ${keep.error}` };
	return { profile: prune(profile, drop, keep) };
}

/**
 * Drops frames that `drop` matches and `keep` does not, and all that they called. Frames of the outermost functions stay
 * until one that does not match: else nothing would be left (profile/prune.go, Prune).
 */
export function prune(profile: Profile, drop: GoRegexp, keep?: GoRegexp): Profile {
	const pruned = matchFunctions(profile, (name) => drop.matches(name) && keep?.matches(name) !== true);
	const { samples, locations } = profile;
	/** 1: what it called goes; 2: so does the location itself */
	const cuts = new Uint8Array(locations.count);
	const lines = new Uint8Array(profile.lines.count).fill(1);
	for (let l = 0; l < locations.count; l++) {
		const first = locations.lineStart[l]!;
		const end = locations.lineStart[l + 1]!;
		for (let line = end - 1; line >= first; line--) {
			if (pruned[profile.lines.function[line]!] === 0) continue;
			cuts[l] = line === end - 1 ? 2 : 1;
			// a location that is cut as a whole keeps its lines: where it comes before the first user frame it stays
			if (cuts[l] === 1) lines.fill(0, first, line + 1);
			break;
		}
	}
	const from = Int32Array.from(samples.locationStart.subarray(0, samples.count));
	for (let s = 0; s < samples.count; s++) {
		let inUserCode = false;
		for (let at = samples.locationStart[s + 1]! - 1; at >= samples.locationStart[s]!; at--) {
			const cut = cuts[samples.location[at]!]!;
			if (cut === 0) inUserCode = true;
			else if (inUserCode) {
				from[s] = cut === 2 ? at + 1 : at;
				break;
			}
		}
	}
	const stacks = cutStacks(samples, from, samples.locationStart.subarray(1));
	return { ...profile, samples: stacks, ...keepLines(profile, lines) };
}

/** Drops what the innermost frame that matches called, not that frame (profile/prune.go, PruneFrom). */
export function pruneFrom(profile: Profile, drop: GoRegexp): Profile {
	const matched = matchFunctions(profile, (name) => drop.matches(name));
	const { samples, locations } = profile;
	const cuts = new Uint8Array(locations.count);
	const lines = new Uint8Array(profile.lines.count).fill(1);
	for (let l = 0; l < locations.count; l++) {
		for (let line = locations.lineStart[l]!; line < locations.lineStart[l + 1]!; line++) {
			if (matched[profile.lines.function[line]!] === 0) continue;
			cuts[l] = 1;
			lines.fill(0, locations.lineStart[l]!, line);
			break;
		}
	}
	const from = Int32Array.from(samples.locationStart.subarray(0, samples.count));
	for (let s = 0; s < samples.count; s++) {
		for (let at = samples.locationStart[s]!; at < samples.locationStart[s + 1]!; at++) {
			if (cuts[samples.location[at]!] === 0) continue;
			from[s] = at;
			break;
		}
	}
	const stacks = cutStacks(samples, from, samples.locationStart.subarray(1));
	return { ...profile, samples: stacks, ...keepLines(profile, lines) };
}

/** Flags by function; those without a name never match. */
function matchFunctions(profile: Profile, matches: (name: string) => boolean): Uint8Array {
	const known = new Map<number, number>();
	return Uint8Array.from({ length: profile.functions.count }, (_, f) => {
		const name = profile.functions.name[f] ?? 0;
		let flag = known.get(name);
		if (flag === undefined) {
			const text = profile.strings.text(name);
			flag = text !== "" && matches(simpleName(text)) ? 1 : 0;
			known.set(name, flag);
		}
		return flag;
	});
}

/** A C++ name without its parameters, and without the dot that PowerPC puts before it (profile/prune.go, simplifyFunc). */
function simpleName(name: string): string {
	const bare = name.startsWith(".") ? name.slice(1) : name;
	for (const found of bare.matchAll(/\(anonymous namespace\)|operator\(\)|\(/g)) {
		if (found[0] === "(") return bare.slice(0, found.index);
	}
	return bare;
}
