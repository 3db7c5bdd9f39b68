import type { Profile } from "../../formats/pprof/model.ts";
import type { ProfileOptions } from "../options.ts";
import { compileRegexp, type GoRegexp } from "../regexp/go-regexp.ts";
import { filterByName, showFrom } from "./name-filters.ts";
import { pruneFrom } from "./prune.ts";
import { compileTagFilter, filterByTag, filterTags } from "./tag-filters.ts";

const patternNames = ["focus", "ignore", "hide", "show", "show_from", "prune_from", "tagshow", "taghide"] as const;
type Patterns = Partial<Record<(typeof patternNames)[number], GoRegexp>>;

/** All filters of the options in pprof's order (google/pprof internal/driver/driver_focus.go, applyFocus). */
export function applyFilters(
	profile: Profile,
	options: ProfileOptions,
	units: ReadonlyMap<number, string>,
): { readonly profile: Profile; readonly warnings: readonly string[] } | { readonly error: string } {
	const patterns = compilePatterns(options);
	if ("error" in patterns) return patterns;
	const warnings: string[] = [];
	const warn = (matched: boolean, asked: unknown, name: string): void => {
		if (asked !== undefined && !matched) warnings.push(`${name} expression matched no samples`);
	};
	const tagFocus = tagFilter("tagfocus", options.tagfocus, units, warnings);
	if (tagFocus !== undefined && "error" in tagFocus) return tagFocus;
	const tagIgnore = tagFilter("tagignore", options.tagignore, units, warnings);
	if (tagIgnore !== undefined && "error" in tagIgnore) return tagIgnore;

	const named = filterByName(profile, patterns.found);
	warn(named.focused, patterns.found.focus, "Focus");
	warn(named.ignored, patterns.found.ignore, "Ignore");
	warn(named.hidden, patterns.found.hide, "Hide");
	warn(named.shown, patterns.found.show, "Show");
	let current = named.profile;
	if (patterns.found.show_from !== undefined) {
		const from = showFrom(current, patterns.found.show_from);
		warn(from.matched, patterns.found.show_from, "ShowFrom");
		current = from.profile;
	}
	const tagged = filterByTag(current, tagFocus?.filter, tagIgnore?.filter);
	warn(tagged.focused, tagFocus, "TagFocus");
	warn(tagged.ignored, tagIgnore, "TagIgnore");
	const tags = filterTags(tagged.profile, patterns.found.tagshow, patterns.found.taghide);
	warn(tags.shown, patterns.found.tagshow, "TagShow");
	warn(tags.hidden, patterns.found.taghide, "TagHide");
	const { prune_from } = patterns.found;
	return { profile: prune_from === undefined ? tags.profile : pruneFrom(tags.profile, prune_from), warnings };
}

function compilePatterns(options: ProfileOptions): { readonly found: Patterns } | { readonly error: string } {
	const found: Patterns = {};
	for (const name of patternNames) {
		if (options[name] === "") continue;
		const compiled = compileRegexp(options[name]);
		if ("error" in compiled) return { error: `parsing ${name} regexp: ${compiled.error}` };
		found[name] = compiled;
	}
	return { found };
}

function tagFilter(
	name: string,
	value: string,
	units: ReadonlyMap<number, string>,
	warnings: string[],
): ReturnType<typeof compileTagFilter> | undefined {
	if (value === "") return undefined;
	const compiled = compileTagFilter(name, value, units);
	if (!("error" in compiled) && compiled.range) {
		const range = value.slice(value.indexOf("=") + 1);
		warnings.push(`${name}:Interpreted '${range}' as range, not regexp`);
	}
	return compiled;
}
