import { GomemError } from "../api/errors.ts";
import { sourceProperties } from "../api/profile-input.ts";
import { viewProperties } from "../api/profile-options.ts";
import type { SchemaView } from "../api/schema.ts";
import { choices, isOption, isSwitch, optionName, parseOption } from "../profile/options.ts";

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
const SOURCE_FLAGS: ReadonlyMap<string, string> = new Map([
	...["seconds", "timeout", "buildid", "add_comment", "diff_base", "base", "symbolize", "http"].map(
		(name) => [name, name.replaceAll("_", "-")] as const,
	),
	...["ca", "cert", "key"].map((name) => [`tls_${name}`, name] as const),
]);
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
			if (/^-\d/.test(word)) throw rowsMeant(word, `${word} is no flag`, found[0]);
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
			if (WITH_REGEXP.has(command) || isOn(word, value, command)) found.push(command);
		} else flags.push(...flagWords(word, name, value, next));
	}
	refuseSeveral(found);
	refuseConflicts(flags);
	const [asked] = found;
	const own = asked === undefined ? flags : withoutServer(asked, flags);
	const rest = end < 0 ? [] : given.slice(end);
	return { verb: asked, words: [...own, ...(regexp === undefined ? [] : [regexp]), ...bare, ...rest] };
}

function refuseSeveral(reports: readonly string[]): void {
	if (reports.length < 2) return;
	throw new GomemError({
		code: "invalid-input",
		message: `one report at a time, not ${reports.join(" and ")}`,
		hint: "gomem profile proto SOURCE -o FILE keeps a profile to make several of",
	});
}

/** The verb that a flag stands for: -top, -list; single-dash clusters of one letter are none. */
function formatOf(word: string, name: string, verbs: readonly string[]): string | undefined {
	const help = REFUSED.get(name);
	if (help !== undefined) refuse(name, help);
	const verb = ALIASES.get(name) ?? name;
	return verbs.includes(verb) && !/^-[a-zA-Z]$/.test(word) ? verb : undefined;
}

/** Whether a report is asked for: -top is, -top=false is not. */
function isOn(word: string, value: string | undefined, verb: string): boolean {
	if (isNo(value)) return false;
	if (/^(?:true|t|yes|y|1|)$/i.test(value ?? "")) return true;
	if (/^\d+$/.test(value ?? "")) throw rowsMeant(value ?? "", `-${verb} takes no number`, verb);
	throw new GomemError({
		code: "invalid-input",
		message: `${word.slice(0, word.indexOf("="))} takes no value`,
		hint: `-${verb} alone, and the SOURCE as a word of its own`,
	});
}

function isNo(value: string | undefined): boolean {
	return /^(?:false|f|no|n|0)$/i.test(value ?? "");
}

/** Of a number where no other than that of rows can be meant. */
function rowsMeant(word: string, message: string, verb = "top"): GomemError {
	const count = word.replace(/^-/, "");
	const hint = `so many rows are gomem profile ${verb}${count} SOURCE, or --nodecount=${count}`;
	return new GomemError({ code: "invalid-input", message, hint });
}

/** Options that are one of a few words, each of which is a flag: two of one group contradict each other, as in pprof. */
function refuseConflicts(flags: readonly string[]): void {
	for (const [name, words] of Object.entries(choices)) {
		const start = `--${name}=`;
		const given = new Set(flags.filter((flag) => flag.startsWith(start)).map((flag) => flag.slice(start.length)));
		given.delete("");
		if (given.size < 2) continue;
		throw new GomemError({
			code: "invalid-input",
			message: `${[...given].map((word) => `-${word}`).join(" and ")} exclude each other`,
			hint: `one of ${words.map((word) => `-${word}`).join(", ")}`,
		});
	}
}

/** The flags of a verb. The page is none; pprof's scripts say -no_browser everywhere, and only `web` opens one here. */
function withoutServer(verb: string, flags: readonly string[]): readonly string[] {
	const http = flags.find((flag) => flag.startsWith("--http="));
	if (http !== undefined) {
		throw new GomemError({
			code: "invalid-input",
			message: `-http serves the interactive page, and takes no verb such as ${verb}`,
			hint: `gomem profile ${http.slice(1)} SOURCE, or gomem profile ${verb} SOURCE without -http`,
		});
	}
	return verb === "web" ? flags : flags.filter((flag) => flag !== "--no-browser");
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
	if (name === "no_browser") return isNo(value) ? [] : ["--no-browser"];
	if (name.startsWith("no_") && isSwitch(name.slice(3))) return [`--${kebab(name)}`];
	const long = kebab(name);
	if (value !== undefined) return [`--${long}=${value}`];
	return valued.has(long) ? [`--${long}=${needed(word, next())}`] : [`--${long}`];
}

/** A switch may be on or off, or stand for another option's value: -cum, -alloc_space. */
function switchWords(name: string, value: string | undefined): readonly string[] {
	const parsed = parseOption(name, value);
	if ("error" in parsed) {
		const hint = `-${name} alone is yes, -${name}=false no`;
		throw new GomemError({ code: "invalid-input", message: parsed.error, hint });
	}
	return Object.entries(parsed.options).flatMap(([key, one]) => {
		if (typeof one !== "boolean") return [`--${kebab(key)}=${one}`];
		if (one) return key === "trim" ? [] : [`--${kebab(key)}`];
		return key === "trim" ? ["--no-trim"] : [];
	});
}

function needed(word: string, value: string | undefined): string {
	if (value !== undefined) return value;
	const hint = `as ${word}=VALUE, or as the word after it`;
	throw new GomemError({ code: "invalid-input", message: `${word} needs a value`, hint });
}

function kebab(name: string): string {
	return name
		.replace(/([a-z0-9])([A-Z])/g, "$1-$2")
		.replaceAll("_", "-")
		.toLowerCase();
}
