import { GomemError } from "../api/errors.ts";
import { sourceProperties } from "../api/profile-input.ts";
import { viewProperties } from "../api/profile-options.ts";
import type { SchemaView } from "../api/schema.ts";
import { isOption, isSwitch, optionName, parseOption } from "../profile/options.ts";

/** What a pprof user's words come to: a verb of `gomem profile`, or none for the prompt, and the words after it. */
export interface ProfileWords {
	readonly verb: string | undefined;
	readonly words: readonly string[];
}

/** pprof's commands that gomem has under another name. */
const ALIASES: ReadonlyMap<string, string> = new Map([["text", "top"]]);
/** pprof's commands that take a regular expression. */
const WITH_REGEXP: ReadonlySet<string> = new Set(["list", "peek", "weblist"]);
/** pprof's commands that gomem does not have, and what to do. */
const REFUSED: ReadonlyMap<string, string> = new Map([
	["disasm", "gomem does not disassemble: --list REGEXP shows lines, --addresses tells instructions apart"],
	...["gif", "pdf", "ps"].map((name) => [name, "the call graph comes as svg and png: gomem profile svg"] as const),
	...["eog", "evince", "gv"].map((name) => [name, "gomem profile svg, then open the file"] as const),
	["kcachegrind", "gomem profile callgrind -o callgrind.out, then kcachegrind callgrind.out"],
]);
/** pprof's flags on where a profile comes from, by the name that gomem's flag has. */
const SOURCE_FLAGS: ReadonlyMap<string, string> = new Map(
	["seconds", "timeout", "buildid", "add_comment", "diff_base", "base", "symbolize", "http"].map((name) => [
		name,
		name.replaceAll("_", "-"),
	]),
);
/** Flags of gomem's frame that take the next word as their value. */
const FRAME_VALUES = ["output", "color", "config", "style", "every", "for", "http"] as const;

/** Long flags whose value is the next word. */
const valued: ReadonlySet<string> = new Set([
	...Object.entries({ ...sourceProperties, ...viewProperties })
		.filter(([, schema]) => takesWord(schema as SchemaView))
		.map(([name]) => kebab(name)),
	...FRAME_VALUES,
]);

function takesWord(schema: SchemaView): boolean {
	return schema.type !== "boolean" && schema.positional !== true && schema.bare === undefined;
}

/**
 * Puts the words after `gomem profile` into gomem's own: every spelling of pprof's options (-sample_index, --sample_index),
 * its sample types and granularities as flags (-alloc_space, -lines), its report formats as flags (-top, -list=main), and
 * `top10`. `verb` is the one that was found already; `verbs` are those there are. Throws GomemError.
 */
export function pprofWords(verb: string | undefined, given: readonly string[], verbs: readonly string[]): ProfileWords {
	const found: string[] = verb === undefined ? [] : [verb];
	const flags: string[] = [];
	const bare: string[] = [];
	let regexp: string | undefined;
	const end = given.indexOf("--");
	const words = end < 0 ? given : given.slice(0, end);
	for (let at = 0; at < words.length; at++) {
		const word = words[at] ?? "";
		if (!/^--?[a-zA-Z]/.test(word)) {
			const shorthand = found.length === 0 && bare.length === 0 ? shorthandOf(word, verbs) : undefined;
			if (shorthand === undefined) bare.push(word);
			else {
				found.push(shorthand.verb);
				flags.push(...shorthand.flags);
			}
			continue;
		}
		const equals = word.indexOf("=");
		const name = optionName(equals < 0 ? word : word.slice(0, equals));
		const value = equals < 0 ? undefined : word.slice(equals + 1);
		const next = () => value ?? words[++at];
		const command = formatOf(word, name, verbs);
		if (command !== undefined) {
			if (WITH_REGEXP.has(command)) regexp = next();
			if (WITH_REGEXP.has(command) || !/^(?:false|0|f)$/i.test(value ?? "")) found.push(command);
		} else flags.push(...flagWords(word, name, value, next));
	}
	if (found.length > 1) {
		throw new GomemError({
			code: "invalid-input",
			message: `one report at a time, not ${found.join(" and ")}`,
			hint: "gomem profile proto SOURCE -o FILE keeps a profile to make several of",
		});
	}
	const rest = end < 0 ? [] : given.slice(end);
	return { verb: found[0], words: [...flags, ...(regexp === undefined ? [] : [regexp]), ...bare, ...rest] };
}

/** The verb that a flag stands for: -top, -list; single-dash clusters of one letter are none. */
function formatOf(word: string, name: string, verbs: readonly string[]): string | undefined {
	const help = REFUSED.get(name);
	if (help !== undefined) refuse(name, help);
	const verb = ALIASES.get(name) ?? name;
	return verbs.includes(verb) && !/^-[a-zA-Z]$/.test(word) ? verb : undefined;
}

function refuse(name: string, hint: string): never {
	throw new GomemError({ code: "unknown-verb", message: `gomem has no ${name}`, hint });
}

/** `top`, `text`, `top10`, `tree20` as the first word. */
function shorthandOf(word: string, verbs: readonly string[]): { verb: string; flags: readonly string[] } | undefined {
	const [, name = "", count] = /^([a-z]+)(\d*)$/.exec(word) ?? [];
	const help = REFUSED.get(name);
	if (help !== undefined && count === "") refuse(name, help);
	const verb = ALIASES.get(name) ?? name;
	if (!verbs.includes(verb)) return undefined;
	return { verb, flags: count === "" ? [] : [`--nodecount=${count}`] };
}

/** One flag in gomem's spelling, with its value after =. */
function flagWords(
	word: string,
	name: string,
	value: string | undefined,
	next: () => string | undefined,
): readonly string[] {
	if (/^-[a-zA-Z]$/.test(word)) return name === "o" ? [word, needed(word, next())] : [word];
	if (name === "output" || name === "o") return ["--output", needed(word, next())];
	// pprof looks for its tools there; gomem needs none
	if (name === "tools") {
		next();
		return [];
	}
	if (isSwitch(name)) return switchWords(name, value);
	if (isOption(name)) return [`--${kebab(name)}=${needed(word, next())}`];
	const source = SOURCE_FLAGS.get(name);
	if (source !== undefined) {
		const given = needed(word, next());
		return [`--${source}=${name === "timeout" && /^\d+$/.test(given) ? `${given}s` : given}`];
	}
	if (name.startsWith("no_") && isSwitch(name.slice(3))) return [`--${kebab(name)}`];
	const long = kebab(name);
	if (value !== undefined) return [`--${long}=${value}`];
	return valued.has(long) ? [`--${long}=${needed(word, next())}`] : [`--${long}`];
}

/** A switch may be on or off, or stand for another option's value: -cum, -alloc_space. */
function switchWords(name: string, value: string | undefined): readonly string[] {
	const parsed = parseOption(name, value);
	if ("error" in parsed) throw new GomemError({ code: "invalid-input", message: parsed.error });
	return Object.entries(parsed.options).flatMap(([key, one]) => {
		if (typeof one !== "boolean") return [`--${kebab(key)}=${one}`];
		if (one) return key === "trim" ? [] : [`--${kebab(key)}`];
		return key === "trim" ? ["--no-trim"] : [];
	});
}

function needed(word: string, value: string | undefined): string {
	if (value !== undefined) return value;
	throw new GomemError({ code: "invalid-input", message: `${word} needs a value` });
}

function kebab(name: string): string {
	return name
		.replace(/([a-z0-9])([A-Z])/g, "$1-$2")
		.replaceAll("_", "-")
		.toLowerCase();
}
