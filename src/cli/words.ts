import type { Group } from "../api/operation-words.ts";
import type { OperationEntry } from "../api/registry-entry.ts";

/** A command that is no operation: it serves the command line itself, or is written by hand over operations. */
export interface OwnCommand {
	readonly name: string;
	readonly summary: string;
	readonly group: Group;
	/** what follows the name in a usage line */
	readonly usage: string;
	/** what may be its argument, for completion */
	readonly choices?: () => Promise<readonly string[]>;
	/** its own flags, for completion and the manual */
	readonly flags?: readonly { readonly flag: string; readonly about: string }[];
	/** more than the summary, for the manual */
	readonly description?: string;
	/** Runs with the words after the name and returns the exit code; failures are GomemErrors. */
	load(): Promise<(argv: readonly string[]) => Promise<number>>;
}

export type CommandEntry = OperationEntry | OwnCommand;

export type Words =
	| { readonly kind: "help"; readonly group?: string }
	| { readonly kind: "version" }
	| { readonly kind: "command"; readonly entry: CommandEntry; readonly rest: readonly string[] }
	/** no such command; `word` undefined where there are flags only */
	| { readonly kind: "unknown"; readonly word: string };

/** Global flags that take the next word as their value. */
const VALUED: ReadonlySet<string> = new Set(["--color", "--config"]);

/**
 * Finds the command in the words of a command line. Flags before the command are handed to it. The longest name wins, so
 * that "tune predict" is found before "tune". `gomem help why` is `gomem why --help`.
 */
export function readWords(argv: readonly string[], entries: readonly CommandEntry[]): Words {
	const leading: string[] = [];
	let at = 0;
	for (let word = argv[at]; word?.startsWith("-") && word !== "-"; word = argv[at]) {
		if (word === "--help" || word === "-h") return { kind: "help" };
		if (word === "--version" || word === "-V") return { kind: "version" };
		leading.push(word);
		at++;
		const value = argv[at];
		if (!VALUED.has(word) || value === undefined) continue;
		leading.push(value);
		at++;
	}
	const wantsHelp = argv[at] === "help";
	if (wantsHelp) at++;
	const first = argv[at];
	if (first === undefined) return { kind: "help" };
	const rest = (used: number) => [...leading, ...(wantsHelp ? ["--help"] : []), ...argv.slice(at + used)];
	for (const used of [2, 1]) {
		const name = argv.slice(at, at + used).join(" ");
		const entry = entries.find((one) => one.name === name);
		if (entry !== undefined) return { kind: "command", entry, rest: rest(used) };
	}
	if (entries.some((one) => one.name.startsWith(`${first} `))) return { kind: "help", group: first };
	return { kind: "unknown", word: first };
}
