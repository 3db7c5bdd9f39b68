import type { Profile } from "../formats/pprof/model.ts";
import { choices, defaultOptions, isOption, isSwitch, type ProfileOptions, parseOption } from "../profile/options.ts";
import { sampleIndex } from "../profile/sample-index.ts";

/** One line of the prompt, understood (google/pprof internal/driver/interactive.go, interactive and parseCommandLine). */
export type PromptLine =
	| { readonly kind: "nothing" | "quit" | "options" }
	| { readonly kind: "help"; readonly about: string }
	| { readonly kind: "set"; readonly options: Partial<ProfileOptions> }
	| { readonly kind: "style"; readonly style: "gomem" | "pprof" }
	| { readonly kind: "output"; readonly file: string | undefined }
	| { readonly kind: "run"; readonly command: PromptCommand }
	| { readonly kind: "error"; readonly message: string };

export interface PromptCommand {
	readonly verb: string;
	readonly regexp: string | undefined;
	/** of this command alone */
	readonly options: Partial<ProfileOptions>;
	/** where it goes: > FILE */
	readonly file: string | undefined;
}

export interface PromptVerbs {
	readonly all: readonly string[];
	readonly withRegexp: ReadonlySet<string>;
	/** what may not be done here, and why */
	readonly refused: ReadonlyMap<string, string>;
}

/** Text after this in a value is a comment, as in what `options` prints. */
const COMMENT = "//:";
const CLEARED = ["focus", "ignore", "hide", "tagfocus", "tagignore"] as const;

export function readPromptLine(input: string, profile: Profile, verbs: PromptVerbs): PromptLine {
	const text = input.trim();
	if (text === "") return { kind: "nothing" };
	if (text === ":") return { kind: "set", options: Object.fromEntries(CLEARED.map((name) => [name, ""])) };
	const short = sampleTypeShortcut(text, profile);
	if (short !== undefined) return { kind: "set", options: short };
	const assigned = assignment(text, profile);
	if (assigned !== undefined) return assigned;
	const words = text.split(/\s+/);
	const [first = "", ...rest] = words;
	if (first === "o" || first === "options") return { kind: "options" };
	if (first === "exit" || first === "quit" || first === "q") return { kind: "quit" };
	if (first === "help") return { kind: "help", about: rest.join(" ") };
	return command(first, rest, verbs);
}

/** `alloc_space`, `total_delay`, `mean_delay`: a sample type by its name alone. */
function sampleTypeShortcut(text: string, { sampleTypes }: Profile): Partial<ProfileOptions> | undefined {
	for (const { type } of sampleTypes) {
		if (text === type) return { sample_index: type };
		if (text === `total_${type}`) return { mean: false, sample_index: type };
		if (text === `mean_${type}`) return { mean: true, sample_index: type };
	}
	return undefined;
}

function assignment(text: string, profile: Profile): PromptLine | undefined {
	const equals = text.indexOf("=");
	const name = (equals < 0 ? text : text.slice(0, equals)).trim();
	if (/\s/.test(name)) return undefined;
	let value = equals < 0 ? undefined : text.slice(equals + 1);
	const comment = value?.lastIndexOf(COMMENT) ?? -1;
	if (comment >= 0) value = value?.slice(0, comment);
	value = value?.trim();
	if (name === "style") {
		if (value === "gomem" || value === "pprof") return { kind: "style", style: value };
		return { kind: "error", message: "style is gomem or pprof, as in style=pprof" };
	}
	if (name === "output" && value !== undefined) return { kind: "output", file: unquoted(value) || undefined };
	// words such as `list` are commands, not options
	if (name.startsWith("-") || !(isOption(name) || name === "output")) return undefined;
	if (value === undefined && !isSwitch(name)) {
		return { kind: "error", message: `please specify a value, e.g. ${name}=<val>` };
	}
	const parsed = parseOption(name, unquoted(value));
	if ("error" in parsed) return { kind: "error", message: parsed.error };
	if (parsed.options.sample_index === undefined) return { kind: "set", options: parsed.options };
	const index = sampleIndex(profile, parsed.options.sample_index);
	if (typeof index !== "number") return { kind: "error", message: index.error };
	return { kind: "set", options: { ...parsed.options, sample_index: profile.sampleTypes[index]?.type ?? "" } };
}

/** `options` shows nothing as "" */
function unquoted(value: string | undefined): string | undefined {
	return value === '""' ? "" : value;
}

function command(first: string, given: readonly string[], verbs: PromptVerbs): PromptLine {
	const [, letters = "", digits = ""] = /^(.*?)(\d*)$/.exec(first) ?? [];
	const known = (name: string) => verbs.all.includes(name);
	const verb = known(first) ? first : letters;
	const refused = verbs.refused.get(verb);
	if (refused !== undefined) return { kind: "error", message: refused };
	if (!known(verb)) {
		if (isOption(letters)) return { kind: "error", message: `did you mean: ${letters}=${given[0] ?? "<val>"}` };
		return { kind: "error", message: `unrecognized command: ${JSON.stringify(first)} (help lists them)` };
	}
	const words = known(first) ? [...given] : [digits, ...given];
	let regexp: string | undefined;
	if (verbs.withRegexp.has(verb)) {
		regexp = words.shift();
		if (regexp === undefined) return { kind: "error", message: `command ${verb} requires an argument` };
	}
	return withArguments(verb, regexp, words);
}

/** Numbers limit the rows, `-cum` sorts, `-regexp` ignores, `>file` sends the report there, all else focuses. */
function withArguments(verb: string, regexp: string | undefined, words: readonly string[]): PromptLine {
	let focus = "";
	let ignore = "";
	let file: string | undefined;
	const options: { -readonly [K in keyof ProfileOptions]?: ProfileOptions[K] } = {};
	for (let at = 0; at < words.length; at++) {
		const word = words[at] ?? "";
		if (/^[+-]?\d+$/.test(word)) options.nodecount = Number(word);
		else if (word.startsWith("|") || word.startsWith(">|")) {
			return {
				kind: "error",
				message:
					"reports are not piped to commands from here: send them to a file with > FILE, or give gomem profile a verb",
			};
		} else if (word.startsWith(">")) {
			file = word.length > 1 ? word.slice(1) : words[++at];
			if (file === undefined) return { kind: "error", message: "unexpected end of line after >" };
		} else if (word === "-cum" || word === "--cum") options.sort = "cum";
		else if (word.startsWith("-")) ignore = joined(ignore, word.slice(1));
		else focus = joined(focus, word);
	}
	const [focusOn, ignoreOn] = verb === "tags" ? (["tagfocus", "tagignore"] as const) : (["focus", "ignore"] as const);
	if (focus !== "") options[focusOn] = focus;
	if (ignore !== "") options[ignoreOn] = ignore;
	return { kind: "run", command: { verb, regexp, options, file } };
}

function joined(a: string, b: string): string {
	return a === "" ? b : `${a}|${b}`;
}

/** Every option with its value, as pprof's `options` prints them (printCurrentOptions); they can be typed as they stand. */
export function optionsText(options: ProfileOptions, profile: Profile, output = ""): string {
	const types = profile.sampleTypes.map(({ type }) => type);
	const lines = (Object.keys(defaultOptions) as (keyof ProfileOptions)[])
		.filter((name) => name !== "source_path")
		.map((name) => {
			let value = String(options[name]);
			let comment = "";
			if (name === "sort" || name === "granularity") comment = `[${[...choices[name]].sort().join(" | ")}]`;
			else if (name === "sample_index") {
				if (value === "") value = types.at(-1) ?? "";
				comment = `[${types.join(" | ")}]`;
			} else if (name === "nodecount" && value === "-1") comment = "default";
			if (name === "granularity" && value === "") value = "(default)";
			return optionLine(name, value, comment);
		});
	return [...lines, optionLine("output", output)].sort().join("\n");
}

function optionLine(name: string, value: string, comment = ""): string {
	const shown = value === "" ? '""' : value;
	return `  ${name.padEnd(25)} = ${shown.padEnd(20)} ${comment === "" ? "" : `${COMMENT} ${comment}`}`;
}
