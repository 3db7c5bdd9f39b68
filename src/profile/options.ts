/**
 * What a report is made of, under the names that pprof gives its options (google/pprof internal/driver/config.go), so
 * that a pprof user's habits, scripts and saved command lines carry over.
 */
export interface ProfileOptions {
	/** name or number of the sample type to show; "" for the profile's default, which is the last where it names none */
	readonly sample_index: string;
	/** divide each sample's value by its first one (a count): bytes per allocation, delay per contention */
	readonly mean: boolean;
	readonly divide_by: number;
	/** scale the profile to the sum of its base */
	readonly normalize: boolean;
	/** unit of the figures: "MB", "seconds" …; "minimum": the one that suits the smallest; "auto": each its own */
	readonly unit: string;
	readonly sort: "flat" | "cum";
	readonly granularity: Granularity;
	readonly noinlines: boolean;
	readonly showcolumns: boolean;
	/** a context is kept apart by its whole path, not by caller and callee (graphs only) */
	readonly call_tree: boolean;
	/** percentages of what the filters leave */
	readonly relative_percentages: boolean;
	readonly compact_labels: boolean;
	readonly drop_negative: boolean;
	/** honour the three below */
	readonly trim: boolean;
	/** most nodes to show; 0: all; -1: what suits the report */
	readonly nodecount: number;
	/** leave out nodes below this part of the total */
	readonly nodefraction: number;
	readonly edgefraction: number;
	/** regular expressions of Go on function, file and binary names */
	readonly focus: string;
	readonly ignore: string;
	readonly hide: string;
	readonly show: string;
	readonly show_from: string;
	readonly prune_from: string;
	/** "key=regexp", "regexp,regexp" or a range of numbers ("1kb:2mb", "key=30kb:") */
	readonly tagfocus: string;
	readonly tagignore: string;
	/** regular expressions on the keys of tags */
	readonly tagshow: string;
	readonly taghide: string;
	/** keys, comma-separated, whose values become frames at the root or the leaf */
	readonly tagroot: string;
	readonly tagleaf: string;
	/** colon-separated */
	readonly source_path: string;
	readonly trim_path: string;
	readonly intel_syntax: boolean;
}

export type Granularity = "" | "functions" | "filefunctions" | "files" | "lines" | "addresses";

export const defaultOptions: ProfileOptions = {
	sample_index: "",
	mean: false,
	divide_by: 1,
	normalize: false,
	unit: "minimum",
	sort: "flat",
	granularity: "",
	noinlines: false,
	showcolumns: false,
	call_tree: false,
	relative_percentages: false,
	compact_labels: false,
	drop_negative: false,
	trim: true,
	nodecount: -1,
	nodefraction: 0.005,
	edgefraction: 0.001,
	focus: "",
	ignore: "",
	hide: "",
	show: "",
	show_from: "",
	prune_from: "",
	tagfocus: "",
	tagignore: "",
	tagshow: "",
	taghide: "",
	tagroot: "",
	tagleaf: "",
	source_path: "",
	trim_path: "",
	intel_syntax: false,
};

/** The values of the options that take one of a few words; each word is an option of its own (`-cum`, `-lines`). */
export const choices: Readonly<Record<"sort" | "granularity", readonly string[]>> = {
	sort: ["cum", "flat"],
	granularity: ["functions", "filefunctions", "files", "lines", "addresses"],
};

/** Flags of old that stand for a sample type. */
const sampleTypeFlags: ReadonlyMap<string, Partial<ProfileOptions>> = new Map([
	["inuse_space", { sample_index: "inuse_space" }],
	["inuse_objects", { sample_index: "inuse_objects" }],
	["alloc_space", { sample_index: "alloc_space" }],
	["alloc_objects", { sample_index: "alloc_objects" }],
	["total_delay", { sample_index: "delay" }],
	["contentions", { sample_index: "contentions" }],
	["mean_delay", { sample_index: "delay", mean: true }],
]);

/** The name of an option as the table has it: `-sample_index`, `--sample-index` and `sample_index` are one. */
export function optionName(spelled: string): string {
	return spelled.replace(/^--?/, "").replaceAll("-", "_");
}

/** Whether the option is on by being named: booleans, and the words of a choice. */
export function isSwitch(spelled: string): boolean {
	const name = optionName(spelled);
	if (sampleTypeFlags.has(name) || Object.values(choices).some((words) => words.includes(name))) return true;
	return Object.hasOwn(defaultOptions, name) && typeof defaultOptions[name as keyof ProfileOptions] === "boolean";
}

/** Whether there is an option of that name, in any spelling. */
export function isOption(spelled: string): boolean {
	return isSwitch(spelled) || Object.hasOwn(defaultOptions, optionName(spelled));
}

/**
 * What one option of pprof changes: `{ sample_index: "alloc_space" }`. The value is the text after `=` or the next word;
 * a switch takes none (undefined) or pprof's words for true and false. The error says what would have been right.
 */
export function parseOption(
	spelled: string,
	value: string | undefined,
): { readonly options: Partial<ProfileOptions> } | { readonly error: string } {
	const name = optionName(spelled);
	const flag = sampleTypeFlags.get(name) ?? choiceNamed(name);
	if (flag !== undefined) {
		const on = truth(value ?? "");
		if (on === undefined) return { error: `illegal value "${value}" for bool variable ${name}` };
		return { options: on ? flag : {} };
	}
	if (!Object.hasOwn(defaultOptions, name)) return { error: `there is no option ${spelled}` };
	const key = name as keyof ProfileOptions;
	const known = defaultOptions[key];
	if (typeof known === "boolean") {
		const on = truth(value ?? "");
		return on === undefined
			? { error: `illegal value "${value}" for bool variable ${name}` }
			: { options: { [key]: on } };
	}
	if (value === undefined) return { error: `please give a value, as in ${name}=<val>` };
	if (typeof known === "number") return parseNumber(key, value);
	if (key === "sort" || key === "granularity") {
		if (!choices[key].includes(value)) {
			return { error: `invalid "${name}" value "${value}": it is one of ${choices[key].join(", ")}` };
		}
	}
	return { options: { [key]: value } };
}

function parseNumber(
	key: keyof ProfileOptions,
	value: string,
): { readonly options: Partial<ProfileOptions> } | { readonly error: string } {
	const number = Number(value);
	if (value.trim() === "" || !Number.isFinite(number)) return { error: `${key} takes a number, not "${value}"` };
	if (key === "nodecount" && !Number.isInteger(number))
		return { error: `nodecount takes a whole number, not "${value}"` };
	return { options: { [key]: number } };
}

function choiceNamed(name: string): Partial<ProfileOptions> | undefined {
	for (const [key, words] of Object.entries(choices)) if (words.includes(name)) return { [key]: name };
	return undefined;
}

/** pprof's words for yes and no; nothing is yes. */
function truth(word: string): boolean | undefined {
	if (/^(true|t|yes|y|1|)$/i.test(word)) return true;
	return /^(false|f|no|n|0)$/i.test(word) ? false : undefined;
}
