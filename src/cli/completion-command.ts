import { GomemError } from "../api/errors.ts";
import { operations } from "../api/registry.gen.ts";
import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import { zshCompletion } from "./completion-zsh.ts";
import { type DescribedCommand, describeCommands } from "./described.ts";
import { write } from "./output.ts";
import { ownCommands } from "./own-commands.ts";

const HELP = `Usage: gomem completion bash|zsh|fish

Prints a completion script: commands, flags and their values, running Go processes and files as TARGET.

Examples:
  bash   echo 'source <(gomem completion bash)' >> ~/.bashrc
  zsh    gomem completion zsh > "\${fpath[1]}/_gomem"
  fish   gomem completion fish > ~/.config/fish/completions/gomem.fish
`;

/** By shell. */
export const scripts: Readonly<Record<string, (commands: readonly DescribedCommand[]) => string>> = {
	bash: bashCompletion,
	zsh: zshCompletion,
	fish: fishCompletion,
};

/** `gomem completion SHELL` */
export async function completionCommand(argv: readonly string[]): Promise<number> {
	if (argv.includes("--help") || argv.includes("-h")) {
		await write(HELP);
		return 0;
	}
	const words = argv.filter((word) => !["--json", "--debug"].includes(word));
	const script = words.length === 1 ? scripts[words[0] ?? ""] : undefined;
	if (script === undefined) {
		throw new GomemError({
			code: "unknown-shell",
			message:
				words.length === 0 ? "gomem completion needs the name of a shell" : `no completion for ${words.join(" ")}`,
			why: `expected one of ${Object.keys(scripts).join(", ")}`,
			hint: "gomem completion --help says where each shell looks for it",
		});
	}
	await write(script(await describeCommands([...operations, ...ownCommands])));
	return 0;
}
