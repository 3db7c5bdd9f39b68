import { groups } from "../api/operation-words.ts";
import type { DescribedArgument, DescribedCommand, DescribedFlag } from "./described.ts";

/** What the page says beyond the commands. */
export interface ManPageOptions {
	readonly version: string;
	/** year-month-day */
	readonly date: string;
}

/** gomem(1) in the man macros (groff_man(7), mandoc's man(7)). */
export function manPage(commands: readonly DescribedCommand[], { version, date }: ManPageOptions): string {
	const sections = groups.flatMap((group) => {
		const members = commands.filter((one) => one.group === group);
		return members.length === 0 ? [] : [`.SH ${heading(group.toUpperCase())}`, ...members.flatMap(commandSection)];
	});
	return `${[
		`.\\" made by: gomem man`,
		`.TH GOMEM 1 ${date} "gomem ${version}" "User Commands"`,
		...INTRODUCTION,
		...sections,
		...END,
	].join("\n")}\n`;
}

const TARGET =
	"a pid; the name, container, pod, unit or :port of a process here; a file, told by what is in it (a core, a bundle of gomem " +
	"capture, a profile, a log); a URL; or - for standard input. Where a name fits more than one process, they are listed.";

const INTRODUCTION: readonly string[] = [
	".SH NAME",
	"gomem \\- where a running Go process's memory went, and why it grows",
	".SH SYNOPSIS",
	".B gomem",
	".I COMMAND",
	".RI [ TARGET ]",
	".RI [ flags ]",
	".SH DESCRIPTION",
	...paragraph(
		"gomem says where the memory of a running Go process went, why it grows, and what to change. It reads any Go process from " +
			"outside, without a line of code in it: nothing is written to it, and nothing stops it unless a flag says so.",
	),
	".PP",
	...paragraph(`TARGET is ${TARGET}`),
];

const EVERYWHERE: readonly (readonly [string, string])[] = [
	[
		"--json",
		"One JSON document on standard output, a line each where a command repeats; gomem schema prints its schema.",
	],
	["--color auto|always|never", "Colour; auto is on a terminal, unless NO_COLOR is set."],
	["--config FILE", "Settings from this file instead of gomem.toml."],
	["--debug", "Stack traces of failures."],
	["--help, --version", "What they say; gomem COMMAND --help is the help of one command."],
];

const EXIT: readonly (readonly [string, string])[] = [
	["0", "done, or nothing found"],
	["1", "findings, of commands that check"],
	["2", "failure: what, why and what to do about it on standard error, or as a JSON document"],
];

const END: readonly string[] = [
	".SH FLAGS OF EVERY COMMAND",
	...EVERYWHERE.flatMap(([flag, about]) => [".TP", `.B ${escaped(flag)}`, ...paragraph(about)]),
	".SH EXIT STATUS",
	...EXIT.flatMap(([code, about]) => [".TP", `.B ${code}`, ...paragraph(about)]),
	".SH ENVIRONMENT",
	".TP",
	".B NO_COLOR",
	...paragraph("Set and not empty: no colour."),
	".TP",
	".B GOMEM_SECTION_KEY",
	...paragraph("A setting, such as GOMEM_OUTPUT_FORMAT; it counts more than the file and less than a flag."),
	".SH FILES",
	".TP",
	".I gomem.toml",
	...paragraph("Settings; gomem settings shows those in effect, and where each came from."),
	".SH SEE ALSO",
	".BR proc (5),",
	".BR pmap (1),",
	".BR ptrace (2),",
	".BR capabilities (7)",
];

function commandSection(command: DescribedCommand): readonly string[] {
	const { arguments: args, flags, examples, effect } = command;
	return [
		`.SS ${heading(["gomem", command.name, ...args.map(usage), "[flags]"].join(" "))}`,
		...paragraph(`${command.summary}.`),
		...(command.description === undefined ? [] : [".PP", ...paragraph(command.description)]),
		...(effect === undefined ? [] : [".PP", ...paragraph(`Effect: ${effect}.`)]),
		...args.filter((one) => one.name !== "TARGET").flatMap(argument),
		...flags.filter(isOwn).flatMap(flag),
		...(examples.length === 0 ? [] : [".PP", "Examples:", ...examples.flatMap(example)]),
	];
}

function usage({ name, required, repeats }: DescribedArgument): string {
	const word = `${name}${repeats ? "..." : ""}`;
	return required ? word : `[${word}]`;
}

/** Not one of those that every command has. */
function isOwn({ long }: DescribedFlag): boolean {
	return !["--json", "--color", "--config", "--debug", "--help"].includes(long);
}

function argument(one: DescribedArgument): readonly string[] {
	return [".TP", `.I ${escaped(one.name)}`, ...paragraph(one.about)];
}

function flag({ long, short, value, bare, choices, about }: DescribedFlag): readonly string[] {
	const names = short === undefined ? long : `${short}, ${long}`;
	const word = choices === undefined ? value : choices.join("|");
	const text = word === undefined ? names : bare ? `${names}[=${word}]` : `${names} ${word}`;
	return [".TP", `.B ${escaped(text)}`, ...paragraph(about)];
}

function example({ command, says }: { readonly command: string; readonly says: string }): readonly string[] {
	return [".TP", `.B ${escaped(command)}`, ...paragraph(says)];
}

/** An argument of .SH or .SS, which take the whole line. */
function heading(text: string): string {
	return escaped(text);
}

/**
 * Running text, at most 78 bytes a line. A line that begins with a dot or an apostrophe would be a request; a new sentence
 * begins a new line.
 */
function paragraph(text: string): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.replace(/`/g, "").split(/\s+/)) {
		const piece = escaped(word);
		if (line !== "" && (Buffer.byteLength(`${line} ${piece}`) > 78 || /[.!?]$/.test(line))) {
			lines.push(line);
			line = "";
		}
		line += line === "" ? piece : ` ${piece}`;
	}
	if (line !== "") lines.push(line);
	return lines.map((one) => (/^[.']/.test(one) ? `\\&${one}` : one));
}

/** Backslashes are roff's; a plain - would be set as a hyphen, which nobody can type; the rest of Unicode as \[uXXXX]. */
function escaped(text: string): string {
	return text
		.replaceAll("\\", "\\e")
		.replaceAll("-", "\\-")
		.replaceAll('"', "\\(dq")
		.replace(/[^ -~]/gu, (one) => `\\[u${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`);
}
