import type { Profile } from "../../formats/pprof/model.ts";
import { scale } from "../measurement.ts";
import { compileRegexp, type GoRegexp } from "../regexp/go-regexp.ts";
import { keepLabels, keepSamples } from "../sample-rows.ts";

/** Whether a sample of the profile it is bound to matches. */
export type TagFilter = (profile: Profile) => (sample: number) => boolean;

export interface CompiledTagFilter {
	readonly filter: TagFilter;
	/** it was read as a range of numbers */
	readonly range: boolean;
}

/**
 * `tagfocus` and `tagignore` (google/pprof internal/driver/driver_focus.go, compileTagFilter): "key=…" looks at one key
 * only; "32kb", ":64kb", "4mb:" and "12kb:64mb" at numeric labels; anything else is regular expressions, comma-separated,
 * each of which has to match some "key:value", or, with a key, any of which has to match a value.
 */
export function compileTagFilter(
	name: string,
	value: string,
	units: ReadonlyMap<number, string>,
): CompiledTagFilter | { readonly error: string } {
	const equals = value.indexOf("=");
	const key = equals < 0 ? undefined : value.slice(0, equals);
	const wanted = equals < 0 ? value : value.slice(equals + 1);
	const range = parseTagRange(wanted);
	if (range !== undefined) {
		if ("error" in range) return range;
		return { range: true, filter: (profile) => numberFilter(profile, key, range.matches, units) };
	}
	const regexps: GoRegexp[] = [];
	for (const pattern of wanted.split(",")) {
		const compiled = compileRegexp(pattern);
		if ("error" in compiled) return { error: `parsing ${name} regexp: ${compiled.error}` };
		regexps.push(compiled);
	}
	return {
		range: false,
		filter: (profile) => (key === undefined ? textFilter(profile, regexps) : keyFilter(profile, key, regexps)),
	};
}

function numberFilter(
	profile: Profile,
	key: string | undefined,
	matches: NumberTest,
	units: ReadonlyMap<number, string>,
): (sample: number) => boolean {
	const { labelStart, labels } = profile.samples;
	const only = key === undefined ? undefined : (profile.strings.find(key) ?? -1);
	return (sample) => {
		for (let label = labelStart[sample]!; label < labelStart[sample + 1]!; label++) {
			if (labels.text[label]! >= 0 || (only !== undefined && labels.key[label] !== only)) continue;
			if (matches(labels.number.numbers[label]!, units.get(labels.key[label]!) ?? "")) return true;
		}
		return false;
	};
}

function textFilter(profile: Profile, regexps: readonly GoRegexp[]): (sample: number) => boolean {
	const { labelStart, labels } = profile.samples;
	const { strings } = profile;
	const known = regexps.map(() => new Map<number, boolean>());
	const matches = (which: number, label: number): boolean => {
		const pair = labels.key[label]! * 2 ** 26 + labels.text[label]!;
		let result = known[which]!.get(pair); // one map per expression
		if (result === undefined) {
			const text = `${strings.text(labels.key[label]!)}:${strings.text(labels.text[label]!)}`;
			result = regexps[which]!.matches(text);
			known[which]!.set(pair, result);
		}
		return result;
	};
	return (sample) => {
		for (let which = 0; which < regexps.length; which++) {
			let found = false;
			for (let label = labelStart[sample]!; label < labelStart[sample + 1]! && !found; label++) {
				found = labels.text[label]! >= 0 && matches(which, label);
			}
			if (!found) return false;
		}
		return true;
	};
}

function keyFilter(profile: Profile, key: string, regexps: readonly GoRegexp[]): (sample: number) => boolean {
	const { labelStart, labels } = profile.samples;
	const only = profile.strings.find(key) ?? -1;
	const known = new Map<number, boolean>();
	const matches = (text: number): boolean => {
		let result = known.get(text);
		if (result === undefined) {
			result = regexps.some((one) => one.matches(profile.strings.text(text)));
			known.set(text, result);
		}
		return result;
	};
	return (sample) => {
		for (let label = labelStart[sample]!; label < labelStart[sample + 1]!; label++) {
			if (labels.key[label] === only && labels.text[label]! >= 0 && matches(labels.text[label]!)) return true;
		}
		return false;
	};
}

type NumberTest = (value: number, unit: string) => boolean;

/** "32kb", ":64kb", "4mb:", "12kb:64mb", both ends included; undefined where the text is no range. */
export function parseTagRange(text: string): { readonly matches: NumberTest } | { readonly error: string } | undefined {
	const ends = [...text.matchAll(/([+-]?[0-9]+)([A-Za-z]+)?/g)].slice(0, 2);
	const [first, second] = ends;
	if (first === undefined) return undefined;
	const bad = ends.find((end) => BigInt.asIntN(64, BigInt(end[1] ?? 0)) !== BigInt(end[1] ?? 0));
	if (bad !== undefined) return { error: `the number ${bad[1]} is beyond 64 bits` };
	const low = scale(Number(first[1]), first[2] ?? "", first[2] ?? "");
	const within = (test: (value: number) => boolean): { readonly matches: NumberTest } => ({
		matches: (value, unit) => {
			const scaled = scale(value, unit, low.unit);
			return scaled.unit === low.unit && test(scaled.value);
		},
	});
	if (second === undefined) {
		if (text === first[0]) return within((value) => value === low.value);
		if (text === `${first[0]}:`) return within((value) => value >= low.value);
		if (text === `:${first[0]}`) return within((value) => value <= low.value);
		return undefined;
	}
	if (text !== `${first[0]}:${second[0]}`) return undefined;
	const high = scale(Number(second[1]), second[2] ?? "", low.unit);
	if (high.unit !== low.unit) return undefined;
	return within((value) => value >= low.value && value <= high.value);
}

/** The samples that `focus` matches and `ignore` does not (profile/filter.go, FilterSamplesByTag). */
export function filterByTag(
	profile: Profile,
	focus: TagFilter | undefined,
	ignore: TagFilter | undefined,
): { readonly profile: Profile; readonly focused: boolean; readonly ignored: boolean } {
	if (focus === undefined && ignore === undefined) return { profile, focused: true, ignored: false };
	const inFocus = focus?.(profile);
	const isIgnored = ignore?.(profile);
	const kept = new Uint8Array(profile.samples.count);
	let focused = false;
	let ignored = false;
	for (let s = 0; s < kept.length; s++) {
		const wanted = inFocus?.(s) ?? true;
		const unwanted = isIgnored?.(s) ?? false;
		focused ||= wanted;
		ignored ||= unwanted;
		if (wanted && !unwanted) kept[s] = 1;
	}
	return { profile: { ...profile, samples: keepSamples(profile.samples, kept) }, focused, ignored };
}

/** The labels whose key `show` matches and `hide` does not (profile/filter.go, FilterTagsByName). */
export function filterTags(
	profile: Profile,
	show: GoRegexp | undefined,
	hide: GoRegexp | undefined,
): { readonly profile: Profile; readonly shown: boolean; readonly hidden: boolean } {
	if (show === undefined && hide === undefined) return { profile, shown: false, hidden: false };
	const { labels } = profile.samples;
	const keptKeys = new Map<number, number>();
	let shown = false;
	let hidden = false;
	const kept = new Uint8Array(labels.count);
	for (let label = 0; label < kept.length; label++) {
		const key = labels.key[label]!;
		let flag = keptKeys.get(key);
		if (flag === undefined) {
			const name = profile.strings.text(key);
			const wanted = show?.matches(name) ?? true;
			const unwanted = hide?.matches(name) ?? false;
			shown ||= wanted;
			hidden ||= unwanted;
			flag = wanted && !unwanted ? 1 : 0;
			keptKeys.set(key, flag);
		}
		kept[label] = flag;
	}
	return { profile: { ...profile, samples: keepLabels(profile.samples, kept) }, shown, hidden };
}
