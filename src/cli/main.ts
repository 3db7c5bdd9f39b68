import { operations } from "../api/registry.gen.ts";
import { version } from "../api/version.gen.ts";
import { listenForClosedOutput } from "./output.ts";
import { ownCommands } from "./own-commands.ts";
import { type CommandEntry, readWords } from "./words.ts";

/*
 * Only what --help and --version need is imported here; commander, TypeBox and the operation itself come with execute.ts,
 * once it is known that a command runs.
 */
const entries: readonly CommandEntry[] = [...operations, ...ownCommands];

listenForClosedOutput();
void main(process.argv.slice(2)).then((code) => {
	process.exitCode = code;
});

async function main(argv: readonly string[]): Promise<number> {
	if (argv[0] === "__complete") {
		process.stdout.write((await import("./complete-targets.ts")).completeTargets());
		return 0;
	}
	const words = readWords(argv, entries);
	if (words.kind === "version") {
		process.stdout.write(`gomem ${version}\n`);
		return 0;
	}
	if (words.kind === "help") {
		const { topHelp } = await import("./help.ts");
		process.stdout.write(topHelp(entries, words.group));
		return 0;
	}
	if (import.meta.url.endsWith(".js")) {
		const { keepCompiledCode } = await import("./compiled-code.ts");
		keepCompiledCode(import.meta.dirname, words.kind === "command" ? words.entry.name : "unknown");
	}
	const { execute } = await import("./execute.ts");
	return execute(words, argv, entries);
}
