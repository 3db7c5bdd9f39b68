import { isOption, optionName } from "../../profile/options.ts";
import type { Terminal } from "../terminal.ts";

/** The terminal of the prompt: what a report says to type is spelled as it is typed there. */
export interface PromptTerminal extends Terminal {
	readonly prompt: true;
}

export function promptTerminal(terminal: Terminal): PromptTerminal {
	return { ...terminal, prompt: true };
}

export function isPrompt(terminal: Terminal): boolean {
	return "prompt" in terminal;
}

/** A text of ours that names flags, for where it is read. */
export function spelled(text: string, terminal: Terminal): string {
	return isPrompt(terminal) ? asTyped(text) : text;
}

/** `--nodecount 0` is `nodecount=0` at the prompt, `--no-trim` is `trim=false`, and a file is named with >. */
export function asTyped(text: string): string {
	return text
		.replace(/--(no-)?([a-z][a-z_-]*)(?:[= ](\d+))?/g, (flag, no: string | undefined, word: string, value?: string) => {
			// there is no JSON; pprof's texts have all rows, too
			if (word === "json") return "style=pprof";
			const name = optionName(word);
			if (!isOption(name)) return flag;
			if (no !== undefined) return `${name}=false`;
			return value === undefined ? name : `${name}=${value}`;
		})
		.replace(/\bwith -o\b/g, "with > FILE");
}
