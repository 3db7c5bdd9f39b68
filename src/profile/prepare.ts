import { dividedBy } from "../figures/value.ts";
import { type Int64Column, int64At } from "../formats/pprof/columns.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { BASE_LABEL } from "./combine/load.ts";
import { baseName } from "./go-format.ts";
import { scaledLabel } from "./measurement.ts";
import { defaultOptions, type ProfileOptions } from "./options.ts";
import { compileRegexp, type GoRegexp } from "./regexp/go-regexp.ts";
import { sampleIndex } from "./sample-index.ts";
import { aggregate } from "./steps/aggregate.ts";
import { applyFilters } from "./steps/filters.ts";
import { numberUnits } from "./steps/number-units.ts";
import { addTagFrames } from "./steps/tag-frames.ts";

/** The forms of a report; `peek` is a tree of what a pattern matches, `top` is text. */
export type ReportFormat =
	| "callgrind"
	| "comments"
	| "dot"
	| "proto"
	| "raw"
	| "tags"
	| "text"
	| "topproto"
	| "traces"
	| "tree"
	| "peek"
	/** lines of the functions that a pattern matches */
	| "list"
	/** stacks as they are, for flame graphs, folded stacks and speedscope */
	| "stacks";

export interface ReportRequest {
	readonly format: ReportFormat;
	readonly options?: Partial<ProfileOptions>;
	/** of peek and list: what to show, a regular expression */
	readonly pattern?: string;
	/** zone of the time in headers: its abbreviation and minutes east of Greenwich at a time (ms since 1970). Default: UTC */
	readonly zoneAt?: (milliseconds: number) => { readonly name: string; readonly minutes: number };
}

/** A profile made ready for one report: filtered, aggregated, with the sample type and the total that it is about. */
export interface Prepared {
	readonly format: ReportFormat;
	/** what the report's form makes of the options asked for */
	readonly options: ProfileOptions;
	/** filtered and aggregated */
	readonly profile: Profile;
	/** filtered, with all names, files and lines */
	readonly unaggregated: Profile;
	readonly value: Int64Column;
	/** for a mean: the counts to divide by; none of stacks, which stay sums */
	readonly divisor: Int64Column | undefined;
	/** what percentages are of, in the sample type's unit */
	readonly total: number;
	/** the same to the last bit where a number cannot hold it */
	readonly exactTotal: bigint | undefined;
	readonly sampleType: string;
	readonly sampleUnit: string;
	/** name of the main binary, "" where unknown */
	readonly title: string;
	/** "focus=…", as headers list them */
	readonly filters: readonly string[];
	readonly units: ReadonlyMap<number, string>;
	/** unit of the numeric label "bytes" */
	readonly bytesUnit: string;
	readonly pattern: GoRegexp | undefined;
	readonly zoneAt: ReportRequest["zoneAt"];
	/** what pprof says on the side: filters that matched nothing, units that do not fit */
	readonly warnings: readonly string[];
}

/**
 * Makes a loaded profile ready for a report (google/pprof internal/driver/driver.go, generateRawReport). Options that
 * cannot be followed are an error, in pprof's words where it has them.
 */
export function prepare(loaded: Profile, request: ReportRequest): Prepared | { readonly error: string } {
	const options = overridden(request.format, { ...defaultOptions, ...request.options });
	const { units, warnings: unitWarnings } = numberUnits(loaded);
	const warnings = [...unitWarnings];
	const rootKeys = options.tagroot.split(",").filter((key) => key !== "");
	const leafKeys = options.tagleaf.split(",").filter((key) => key !== "");
	const framed = addTagFrames(loaded, rootKeys, leafKeys, options.unit);
	if (options.tagroot !== "" && !framed.rootMatched) warnings.push("TagRoot expression matched no samples");
	if (options.tagleaf !== "" && !framed.leafMatched) warnings.push("TagLeaf expression matched no samples");

	const filtered = applyFilters(framed.profile, options, units);
	if ("error" in filtered) return filtered;
	warnings.push(...filtered.warnings);
	const index = sampleIndex(loaded, options.sample_index);
	if (typeof index !== "number") return index;
	if (options.divide_by === 0) return { error: "zero divisor specified" };
	const pattern = request.pattern === undefined ? undefined : compileRegexp(request.pattern);
	if (pattern !== undefined && "error" in pattern) {
		return { error: `parsing argument regexp ${request.pattern}: ${pattern.error}` };
	}

	const type = loaded.sampleTypes[index]!; // the index is one of them
	const mean = options.mean && request.format !== "stacks";
	if (mean !== options.mean) warnings.push(MEAN_OF_STACKS);
	const whole = options.relative_percentages ? filtered.profile : framed.profile;
	const { samples } = filtered.profile;
	const bytesKey = loaded.strings.find("bytes") ?? -1;
	const binary = loaded.mappings.count > 0 ? loaded.strings.text(loaded.mappings.filename[0]!) : "";
	return {
		format: request.format,
		options,
		profile: aggregate(filtered.profile, options),
		unaggregated: filtered.profile,
		value: samples.values[index]!,
		divisor: mean ? samples.values[0] : undefined,
		...totalOf(whole, whole.samples.values[index]!, mean ? whole.samples.values[0] : undefined),
		sampleType: mean ? `mean_${type.type}` : type.type,
		sampleUnit: type.unit,
		title: binary === "" ? "" : baseName(binary),
		filters: activeFilters(options),
		units,
		bytesUnit: units.get(bytesKey) ?? "bytes",
		pattern,
		zoneAt: request.zoneAt,
		warnings,
	};
}

/** The parts of a mean do not add up to the whole, as frames of a flame graph must. pprof draws sums, too (report/stacks.go). */
const MEAN_OF_STACKS =
	"mean has no meaning for stacks: weights and widths of frames are sums (html pages tell means besides)";

/** What the form of a report changes in the options (driver.go, applyCommandOverrides). */
function overridden(format: ReportFormat, options: ProfileOptions): ProfileOptions {
	let { trim, granularity, nodecount } = options;
	if (format === "peek" || format === "list" || format === "stacks") trim = false;
	if (format === "list") granularity = "lines";
	if (nodecount === -1) nodecount = format === "text" || format === "topproto" ? 0 : 80;
	if (format === "stacks" && granularity === "") granularity = "filefunctions";
	if (format === "proto" || format === "raw" || format === "callgrind") {
		trim = false;
		granularity = "addresses";
	}
	const limits = trim ? { nodecount } : { nodecount: 0, nodefraction: 0, edgefraction: 0 };
	return { ...options, trim, granularity, ...limits };
}

/**
 * The sum of the values without their signs: of the base's samples where there are any of a diff base, else of all; their
 * mean where there is a divisor (internal/report, computeTotal).
 */
function totalOf(
	profile: Profile,
	value: Int64Column,
	divisor: Int64Column | undefined,
): Pick<Prepared, "total" | "exactTotal"> {
	const base = baseSamples(profile);
	const ofBase = sizes(value, divisor, (s) => base?.[s] === 1);
	const sums = base !== undefined && ofBase.size > 0 ? ofBase : sizes(value, divisor, () => true);
	if (sums.divisor !== 0) return { total: Math.trunc(sums.size / sums.divisor), exactTotal: undefined };
	if (sums.size <= Number.MAX_SAFE_INTEGER) return { total: sums.size, exactTotal: undefined };
	let exact = 0n;
	for (let s = 0; s < value.numbers.length; s++) {
		const one = int64At(value, s);
		if (sums !== ofBase || base?.[s] === 1) exact += one < 0n ? -one : one;
	}
	const exactTotal = BigInt.asIntN(64, exact);
	return { total: Number(exactTotal), exactTotal };
}

/** Sums over some samples of the values without their signs, and of the divisors. */
function sizes(
	value: Int64Column,
	divisor: Int64Column | undefined,
	counts: (sample: number) => boolean,
): { readonly size: number; readonly divisor: number } {
	let size = 0;
	let divisors = 0;
	for (let s = 0; s < value.numbers.length; s++) {
		if (!counts(s)) continue;
		size += Math.abs(value.numbers[s]!);
		divisors += divisor?.numbers[s] ?? 0;
	}
	return { size, divisor: divisors };
}

/** 1: the sample is of a diff base; undefined where the profile knows of none */
function baseSamples(profile: Profile): Uint8Array | undefined {
	const { labelStart, labels, count } = profile.samples;
	const key = profile.strings.find(BASE_LABEL.key);
	const text = profile.strings.find(BASE_LABEL.value);
	if (key === undefined || text === undefined) return undefined;
	const flags = new Uint8Array(count);
	for (let s = 0; s < count; s++) {
		for (let label = labelStart[s]!; label < labelStart[s + 1]!; label++) {
			if (labels.key[label] === key && labels.text[label] === text) flags[s] = 1;
		}
	}
	return flags;
}

function activeFilters(options: ProfileOptions): readonly string[] {
	const names = [
		"focus",
		"ignore",
		"hide",
		"show",
		"show_from",
		"tagfocus",
		"tagignore",
		"tagshow",
		"taghide",
	] as const;
	return names.filter((name) => options[name] !== "").map((name) => `${name}=${options[name]}`);
}

/** A value of the report's sample type as text, in the given unit and divided as the options say. */
export function formatValue(prepared: Prepared, value: number, unit: string): string {
	return scaledLabel(divided(prepared, value), prepared.sampleUnit, unit);
}

/** A value after `divide_by`. */
export function divided(prepared: Prepared, value: number): number {
	return dividedBy(value, prepared.options.divide_by);
}
