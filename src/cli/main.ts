import { enableCompileCache } from "node:module";
import { join } from "node:path";
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
process.exitCode = await main(process.argv.slice(2));

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
	// Compiled code is kept beside the bundle: as trusted as the bundle itself, which a folder under /tmp would not be. Where
	// the folder cannot be written (a system-wide installation, another user) Node does without.
	if (import.meta.url.endsWith(".js")) enableCompileCache(join(import.meta.dirname, ".cache"));
	const { execute } = await import("./execute.ts");
	return execute(words, argv, entries);
}
