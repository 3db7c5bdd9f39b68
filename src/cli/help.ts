import { groups } from "../api/operation-words.ts";
import type { CommandEntry } from "./words.ts";

const FLAGS = `  --json                     one JSON document on standard output (a line each when it repeats)
  --color auto|always|never  colour; auto is on a terminal, unless NO_COLOR is set
  --config FILE              settings from this file instead of gomem.toml
  --debug                    stack traces of failures
  --version, --help`;

/** The help of gomem, or of the verbs that begin with one word ("tune"). */
export function topHelp(entries: readonly CommandEntry[], group?: string): string {
	const shown = group === undefined ? entries : entries.filter((one) => one.name.split(" ")[0] === group);
	const lines =
		group === undefined
			? ["gomem: where did this Go process's memory go, why does it grow, and what do I change?", ""]
			: [];
	lines.push(`Usage: gomem ${group ?? ""}${group === undefined ? "" : " "}COMMAND [TARGET] [flags]`);
	const width = Math.max(...shown.map((one) => usage(one).length), 12);
	for (const name of groups) {
		const members = shown.filter((one) => one.group === name);
		if (members.length === 0) continue;
		lines.push("", `${name}:`, ...members.map((one) => `  ${usage(one).padEnd(width)}  ${one.summary}`));
	}
	lines.push("", "Everywhere:", FLAGS, "", "gomem COMMAND --help says more, with examples.");
	return `${lines.join("\n")}\n`;
}

function usage(entry: CommandEntry): string {
	if (!("target" in entry)) return entry.usage === "" ? entry.name : `${entry.name} ${entry.usage.split(" ")[0]}`;
	if (entry.target === "none") return entry.name;
	return `${entry.name} ${entry.target === "required" ? "TARGET" : "[TARGET]"}`;
}
