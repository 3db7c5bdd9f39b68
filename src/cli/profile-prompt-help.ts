import { optionRows } from "../api/profile-options.ts";
import { isSwitch, parseOption } from "../profile/options.ts";
import { nearest } from "./nearest.ts";
import type { PromptVerbs } from "./profile-prompt-line.ts";
import { asTyped } from "./render/profile-spelling.ts";

/** Words of the prompt that are neither reports nor options of pprof's reports. */
const OWN: Readonly<Record<string, string>> = {
	output: "the file that reports go to until another is named, or none; > FILE is for one report",
	style: "gomem or pprof: how reports look",
};
const LEAVE = "q/quit/^D   leave";
const SHOW = "o/options   the options and their values";
const CLEAR = ": clears focus, ignore, hide, tagfocus and tagignore";
const WORDS: Readonly<Record<string, string>> = {
	q: LEAVE,
	quit: LEAVE,
	exit: LEAVE,
	o: SHOW,
	options: SHOW,
	":": CLEAR,
	help: "help [command or option]",
};

/** What `help` says of a command or an option, or of all where none is named; the error where nothing is called so. */
export function helpText(about: string, verbs: PromptVerbs): { readonly text: string } | { readonly error: string } {
	if (about === "") return { text: wholeHelp(verbs) };
	const what = optionsTold()[about];
	if (what !== undefined) return { text: `  ${about}: ${what} (${about}=VALUE)` };
	const word = Object.hasOwn(WORDS, about) ? WORDS[about] : undefined;
	if (word !== undefined) return { text: `  ${word}` };
	const same = sameAs(about);
	if (same !== undefined) return { text: `  ${about}: the same as ${same}` };
	if (verbs.withRegexp.has(about)) return { text: `  ${about} REGEXP [focus]* [-ignore]* [>file]` };
	if (verbs.all.includes(about)) return { text: `  ${about} [n] [focus]* [-ignore]* [-cum] [>file]` };
	const refused = verbs.refused.get(about);
	return { error: refused ?? `nothing is called ${about}: ${nearOf(about, verbs)}` };
}

/** `lines` is granularity=lines. */
function sameAs(word: string): string | undefined {
	const parsed = isSwitch(word) ? parseOption(word, undefined) : { error: "" };
	if ("error" in parsed) return undefined;
	return Object.entries(parsed.options)
		.map(([name, value]) => `${name}=${value}`)
		.join(" and ");
}

function nearOf(about: string, verbs: PromptVerbs): string {
	const near = nearest(about, [...verbs.all, ...Object.keys(optionsTold()), ...Object.keys(WORDS)]);
	return near === undefined ? "help lists what there is" : `did you mean ${near}?`;
}

/** Without a prototype, so that only what stands here is found. */
function optionsTold(): Readonly<Record<string, string>> {
	const rows = Object.entries(optionRows).map(
		([name, { about }]) => [name, asTyped(about).replace("is a flag", "is an option")] as const,
	);
	return Object.assign(Object.create(null), Object.fromEntries(rows), OWN);
}

function wholeHelp(verbs: PromptVerbs): string {
	const options = Object.entries(optionsTold()).map(([name, what]) => `    ${name.padEnd(22)} ${what}`);
	return [
		"  Commands:",
		`    ${verbs.all.join(" ")}`,
		`    ${SHOW}`,
		`    ${LEAVE}`,
		"  A number limits rows (top20), a word focuses, -word ignores, -cum sorts, >file writes there.",
		"",
		"  Options, set as name=value:",
		...options,
		"",
		`  A sample type by its name chooses it (alloc_space); ${CLEAR}`,
	].join("\n");
}
