import { type TOptional, type TSchema, type TUnsafe, Type } from "typebox";
import { choices, defaultOptions, type ProfileOptions } from "../profile/options.ts";

/** `sample_index` → `sampleIndex` */
type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;

/** pprof's options under the names that inputs have: --sample-index is sampleIndex. */
export type ViewInput = { -readonly [K in keyof ProfileOptions as Camel<K>]?: ProfileOptions[K] };

interface OptionRow {
	readonly heading: string;
	readonly about: string;
	readonly placeholder?: string;
}

const samples = "Which samples";
const frames = "Which frames";
const figures = "Figures";
const rows = "How much is shown";
const source = "Source code";
const regexp = "regexp";

/** What the help says of each of pprof's options (google/pprof internal/driver/commands.go, configHelp). */
export const optionRows: Readonly<Record<keyof ProfileOptions, OptionRow>> = {
	focus: {
		heading: samples,
		about: "only samples with a frame that matches: function, file or binary",
		placeholder: regexp,
	},
	ignore: { heading: samples, about: "no samples with a frame that matches", placeholder: regexp },
	tagfocus: {
		heading: samples,
		about: "only samples with such a tag: regexp, key=regexp, or a range as 1kb:2mb or key=30kb:",
		placeholder: "tags",
	},
	tagignore: { heading: samples, about: "no samples with such a tag", placeholder: "tags" },
	drop_negative: { heading: samples, about: "leave out what became less, of a difference" },
	show: { heading: frames, about: "only frames that match", placeholder: regexp },
	hide: { heading: frames, about: "no frames that match; their callers and callees stay", placeholder: regexp },
	show_from: { heading: frames, about: "no frames above the outermost one that matches", placeholder: regexp },
	prune_from: { heading: frames, about: "no frames that match, nor any below them", placeholder: regexp },
	noinlines: { heading: frames, about: "count inlined functions as the function that they are in" },
	tagroot: {
		heading: frames,
		about: "make the values of these tags frames at the root, comma-separated",
		placeholder: "keys",
	},
	tagleaf: {
		heading: frames,
		about: "make the values of these tags frames at the leaf, comma-separated",
		placeholder: "keys",
	},
	tagshow: { heading: frames, about: "only tags whose key matches", placeholder: regexp },
	taghide: { heading: frames, about: "no tags whose key matches", placeholder: regexp },
	granularity: {
		heading: frames,
		about: "what is one row: functions, or by file, file, line, address (each word is a flag, too: --lines)",
	},
	sample_index: {
		heading: figures,
		about: "sample type by name or number: inuse_space, alloc_objects … (each name is a flag, too: --alloc_space)",
		placeholder: "type",
	},
	unit: { heading: figures, about: "unit of the figures: MB, seconds …; auto: what suits each", placeholder: "unit" },
	mean: { heading: figures, about: "divide by the first sample type, a count: bytes per allocation" },
	divide_by: { heading: figures, about: "divide all figures by this" },
	normalize: { heading: figures, about: "scale the profile to the sum of its base" },
	relative_percentages: { heading: figures, about: "percentages of what the filters leave" },
	sort: { heading: rows, about: "by own weight (flat) or with all that is called (cum); also --cum" },
	nodecount: { heading: rows, about: "at most so many rows or nodes (0: all)" },
	nodefraction: { heading: rows, about: "leave out what is below this part of the total" },
	edgefraction: { heading: rows, about: "leave out edges below this part of the total" },
	trim: { heading: rows, about: "leave out what nodecount, nodefraction and edgefraction say" },
	call_tree: { heading: rows, about: "keep contexts apart by their whole path (dot, svg, callgrind)" },
	showcolumns: { heading: rows, about: "show columns with lines, where the profile has them" },
	compact_labels: { heading: rows, about: "say less about the profile above a report" },
	source_path: { heading: source, about: "where to look for source files, colon-separated", placeholder: "paths" },
	trim_path: {
		heading: source,
		about: "prefixes to take off the paths in the profile, colon-separated",
		placeholder: "paths",
	},
	intel_syntax: { heading: source, about: "accepted; gomem does not disassemble" },
};

const keys = Object.keys(optionRows) as (keyof ProfileOptions)[];

/** The input that pprof's options make. Absent is pprof's default. */
export const viewProperties = Object.fromEntries(keys.map((key) => [camel(key), schemaOf(key)])) as {
	[K in keyof ViewInput]-?: TOptional<TUnsafe<NonNullable<ViewInput[K]>>>;
};

function schemaOf(key: keyof ProfileOptions): TSchema {
	const { heading, about: description, placeholder } = optionRows[key];
	const known = defaultOptions[key];
	const words = { description, heading, ...(placeholder === undefined ? {} : { placeholder }) };
	if (typeof known === "boolean") return Type.Boolean({ ...words, default: known });
	if (key === "sort" || key === "granularity") return Type.Optional(Type.Enum([...choices[key]], words));
	if (typeof known === "string") return Type.Optional(Type.String(words));
	return Type.Optional(key === "nodecount" ? Type.Integer(words) : Type.Number(words));
}

/** pprof's options of an input. Those that are not given are left out, so that each form of report has its own defaults. */
export function viewOf(input: ViewInput): Partial<ProfileOptions> {
	const given = keys
		.map((key) => [key, (input as Readonly<Record<string, unknown>>)[camel(key)]] as const)
		.filter(([key, value]) => value !== undefined && value !== defaultOptions[key]);
	return Object.fromEntries(given);
}

function camel(key: string): string {
	return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The other way round: the input that gives these options. */
export function inputFrom(options: Partial<ProfileOptions>): ViewInput {
	return Object.fromEntries(Object.entries(options).map(([key, value]) => [camel(key), value]));
}
