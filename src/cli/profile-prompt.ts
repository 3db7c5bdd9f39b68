import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { GomemError, isAbort, toGomemError } from "../api/errors.ts";
import type { OperationContext } from "../api/operation.ts";
import { viewOf } from "../api/profile-options.ts";
import { prepareView } from "../api/profile-report.ts";
import type { OpenedProfile } from "../api/profile-source.ts";
import { defaultOptions } from "../profile/options.ts";
import { profileLabels } from "../profile/report/labels.ts";
import { outputClosed, visibleText, write, writeError } from "./output.ts";
import type { PromptInput } from "./profile-command.ts";
import { completions } from "./profile-prompt-complete.ts";
import { helpText } from "./profile-prompt-help.ts";
import { optionsText, type PromptVerbs, readPromptLine } from "./profile-prompt-line.ts";
import { type PromptState, promptVerbs, runPromptCommand } from "./profile-prompt-run.ts";
import { asTyped, promptTerminal } from "./render/profile-spelling.ts";
import type { Terminal } from "./terminal.ts";

const verbs: PromptVerbs = {
	all: promptVerbs,
	withRegexp: new Set(["list", "peek", "weblist"]),
	refused: new Map(
		["disasm", "gif", "pdf", "ps", "eog", "evince", "gv", "kcachegrind"].map((name) => [
			name,
			`gomem has no ${name}: help lists what there is`,
		]),
	),
};
const HISTORY = 1000;

/**
 * pprof's prompt over a profile that is open: from a terminal with completion and history, else the commands that standard
 * input holds. The exit code is 2 where a command of a script failed.
 */
export async function profilePrompt(
	ctx: OperationContext,
	opened: OpenedProfile,
	input: PromptInput,
	terminal: Terminal,
): Promise<number> {
	const interactive = process.stdin.isTTY === true;
	const completable = {
		verbs: promptVerbs,
		sampleTypes: opened.profile.sampleTypes.map(({ type }) => type),
		functions: functionNames(opened),
	};
	const lines = createInterface({
		input: process.stdin,
		...(interactive ? { output: process.stdout, history: readHistory(), historySize: HISTORY } : {}),
		terminal: interactive,
		prompt: "(gomem) ",
		completer: (line: string) => completions(line, completable),
	});
	let state: PromptState = {
		ctx,
		opened,
		options: { ...defaultOptions, compact_labels: true, ...viewOf(input) },
		style: input.style === "pprof" ? "pprof" : "gomem",
		terminal: promptTerminal(terminal),
		output: undefined,
	};
	if (interactive) await write(visibleText(`${greeting(state)}\n`));
	const history = interactive ? keepHistory(lines) : () => {};
	let failures = 0;
	try {
		if (interactive) lines.prompt();
		for await (const line of lines) {
			const next = await step(line, state);
			if (next === "quit" || outputClosed()) break;
			if (next === "failed") failures++;
			else state = next;
			if (interactive) lines.prompt();
		}
	} finally {
		lines.close();
		history();
	}
	return interactive || failures === 0 ? 0 : 2;
}

/** What the profile is, as pprof greets; and the way on. */
function greeting(state: PromptState): string {
	const prepared = prepareView({ warn() {} }, state.opened, {}, { format: "text" });
	const lines = [...profileLabels(prepared, "minimum")];
	if (prepared.total === 0 && state.opened.profile.sampleTypes.length > 1) {
		lines.push('No samples of this type: "o" lists the others, "sample_index=…" chooses one');
	}
	return [...lines, 'Type "help" for commands, "o" for options, "quit" to leave'].join("\n");
}

/** Runs one line. A failure is told and does not end the prompt. */
async function step(line: string, state: PromptState): Promise<PromptState | "quit" | "failed"> {
	const read = readPromptLine(line, state.opened.profile, verbs);
	switch (read.kind) {
		case "nothing":
			return state;
		case "quit":
			return "quit";
		case "error":
			writeError(visibleText(`${read.message}\n`));
			return "failed";
		case "set":
			return { ...state, options: { ...state.options, ...read.options } };
		case "style":
			return { ...state, style: read.style };
		case "output":
			return { ...state, output: read.file };
		case "options":
			await write(visibleText(`${optionsText(state.options, state.opened.profile, state.output)}\n`));
			return state;
		case "help":
			return (await help(read.about)) ? state : "failed";
		case "run":
			try {
				await runPromptCommand(state, read.command);
				return state;
			} catch (error) {
				if (isAbort(error)) throw error;
				const known = toGomemError(error);
				if (!(error instanceof GomemError)) throw error;
				const hint = known.hint === undefined ? undefined : asTyped(known.hint);
				writeError(visibleText(`${[known.message, known.why, hint].filter((text) => text).join(": ")}\n`));
				return "failed";
			}
	}
}

/** False where there is nothing of that name. */
async function help(about: string): Promise<boolean> {
	const told = helpText(about, verbs);
	if ("text" in told) await write(`${told.text}\n`);
	else writeError(visibleText(`${told.error}\n`));
	return "text" in told;
}

function functionNames({ profile }: OpenedProfile): () => readonly string[] {
	let names: readonly string[] | undefined;
	return () =>
		(names ??= [...new Set(Array.from(profile.functions.name, (name) => profile.strings.text(name)))].sort());
}

/** $XDG_STATE_HOME/gomem/profile-history; ~/.local/state where that is unset. */
function historyFile(): string {
	return join(process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "gomem", "profile-history");
}

/** Newest first, as readline has it. */
function readHistory(): string[] {
	try {
		return readFileSync(historyFile(), "utf8")
			.split("\n")
			.filter((line) => line !== "")
			.slice(-HISTORY)
			.reverse();
	} catch {
		return []; // the first time, or no right to read it: a prompt without the past
	}
}

/** Returns what writes the history. What cannot be kept is not worth a word. */
function keepHistory(lines: Interface): () => void {
	let kept: readonly string[] = [];
	lines.on("history", (history: string[]) => (kept = [...history]));
	return () => {
		if (kept.length === 0) return;
		try {
			const file = historyFile();
			mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
			writeFileSync(file, `${[...kept].reverse().join("\n")}\n`, { mode: 0o600 });
		} catch {
			// a read-only home
		}
	};
}
