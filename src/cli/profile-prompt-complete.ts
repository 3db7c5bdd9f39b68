import { choices, defaultOptions, isOption, isSwitch, optionName } from "../profile/options.ts";

/** What the words of a line may be. */
export interface Completable {
	readonly verbs: readonly string[];
	readonly sampleTypes: readonly string[];
	/** names of functions; found when they are asked for, as there may be many */
	readonly functions: () => readonly string[];
}

/** Functions that are told at a time. */
const MOST = 200;
/** Names of options that are the prompt's own. */
const OWN_OPTIONS = ["output", "style"];
const WORDS = ["help", "options", "quit"];

/**
 * Completions of a line, and the part of it that each of them would stand for: commands and options first, then values of
 * options, or functions that contain the word (google/pprof internal/driver/interactive.go, newCompleter).
 */
export function completions(line: string, { verbs, sampleTypes, functions }: Completable): [string[], string] {
	const [, option, value = ""] = /^\s*([\w-]+)\s*=\s*(\S*)$/.exec(line) ?? [];
	if (option !== undefined) return [beginning(valuesOf(optionName(option), sampleTypes), value), value];
	const words = line.trimStart().split(/\s+/);
	const [first = ""] = words;
	const last = words.at(-1) ?? "";
	const options = [...Object.keys(defaultOptions), ...OWN_OPTIONS];
	if (first === "help" && words.length === 2) {
		return [beginning([...verbs, ...options, ...WORDS], optionName(last)).sort(), last];
	}
	if (words.length <= 1) {
		const names = [...verbs, ...options.map((name) => `${name}=`), ...WORDS];
		return [beginning(names, optionName(last)).sort(), last];
	}
	if (first === "tags" || !verbs.includes(first.replace(/\d+$/, ""))) return [[], last];
	return [functionsLike(last, functions()), last];
}

function beginning(words: readonly string[], part: string): string[] {
	return words.filter((word) => word.startsWith(part));
}

function valuesOf(option: string, sampleTypes: readonly string[]): readonly string[] {
	if (option === "sample_index") return sampleTypes;
	if (option === "sort" || option === "granularity") return choices[option];
	if (option === "style") return ["gomem", "pprof"];
	return isOption(option) && isSwitch(option) ? ["true", "false"] : [];
}

/** Regular expressions for the functions that a word means, typed as it is called or already as an expression. */
function functionsLike(word: string, names: readonly string[]): string[] {
	const minus = word.startsWith("-") ? "-" : "";
	const part = unquoted(word.slice(minus.length));
	const found = names.filter((name) => name.includes(part));
	// one that only contains the word takes its place; of several, those that begin with it are told
	const hits = found.length === 1 ? found : beginning(found, part);
	return hits.slice(0, MOST).map((name) => minus + quoted(name));
}

/**
 * An expression that matches the name: of "main.(*Tree[int]).Add" the brackets and the star would be read otherwise, and a space
 * would end the word. A dot matches itself, and stays easy to read and to type on from.
 */
function quoted(name: string): string {
	return name.replace(/[\\+*?()|[\]{}^$]/g, "\\$&").replaceAll(" ", "\\s");
}

/** What was typed, as functions are called; a lone backslash at its end is one that completion left there. */
function unquoted(part: string): string {
	return part.replace(/\\(.?)/g, (_, of: string) => (of === "s" ? " " : of));
}
