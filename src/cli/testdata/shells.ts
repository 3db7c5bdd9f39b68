/** What a real shell offers for a line that was typed so far, with a completion script loaded. */
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The reason why it cannot be tried here, or false. */
export function lacksShell(shell: Shell): string | false {
	try {
		execFileSync(shell, ["-c", "exit 0"], { stdio: "ignore" });
		return false;
	} catch {
		return `there is no ${shell} here`;
	}
}

export interface ShellPlace {
	readonly cwd: string;
	readonly path: string;
}

/** The words offered, sorted. */
export async function completed(
	shell: Shell,
	script: string,
	typed: string,
	place: ShellPlace,
): Promise<readonly string[]> {
	const options = {
		cwd: place.cwd,
		timeout: 60_000,
		env: { ...process.env, PATH: place.path, TERM: "dumb", HOME: place.cwd },
	};
	const { stdout } = await exec(...command(shell, script, typed), options);
	const words = stdout.split("\n").map((line) => (shell === "fish" ? (line.split("\t")[0] ?? "") : line));
	return [...new Set(words.filter((word) => word !== ""))].sort();
}

function command(shell: Shell, script: string, typed: string): [string, string[]] {
	if (shell === "zsh") return ["zsh", ["-f", join(import.meta.dirname, "complete.zsh"), script, typed]];
	if (shell === "fish") return ["fish", ["--no-config", "-c", `source ${script}; complete -C ${quote(typed)}`]];
	// readline splits words at = too (COMP_WORDBREAKS)
	const words = typed.split(/ |(?<==)|(?==)/).map(quote);
	// biome-ignore lint/suspicious/noTemplateCurlyInString: bash's, not ours
	const run = 'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gomem; printf "%s\\n" "${COMPREPLY[@]}"';
	return ["bash", ["--norc", "-c", `source ${script}; COMP_WORDS=(${words.join(" ")}); ${run}`]];
}

function quote(text: string): string {
	return `'${text}'`;
}
