import { homedir } from "node:os";
import { Type } from "typebox";
import { GomemError } from "../api/errors.ts";
import { defineOperation, type InputOf, type OperationContext } from "../api/operation.ts";
import { settings as outputSettings } from "../api/output.settings.ts";
import { profileProperties } from "../api/profile-input.ts";
import { openProfile } from "../api/profile-source.ts";
import { loadSections, operations } from "../api/registry.gen.ts";
import { prepare, systemClock } from "../api/run.ts";
import { loadSettings } from "../api/settings-load.ts";
import { resolveProfileTarget } from "../capture/profile-target.ts";
import { flagName, readCommandLine } from "./command-line.ts";
import { nearest } from "./nearest.ts";
import { visibleText, write, writeError } from "./output.ts";
import { ownCommands } from "./own-commands.ts";
import { terminalFor } from "./terminal.ts";

const verbs = [
	...[...operations, ...ownCommands].filter(({ name }) => name.startsWith("profile ")).map(({ name }) => name.slice(8)),
	// pprof's word for top
	"text",
].sort();

/** The flags of `gomem profile` without a verb. It is run by hand below: a prompt and a server are no operations. */
export const promptInput = defineOperation({
	name: "profile",
	summary: "The profile of a process, file or URL: a prompt as go tool pprof has it, or a page",
	description:
		`Verbs: ${verbs.join(", ")}.\n\n` +
		"Without one a prompt takes pprof's commands (help lists them), from a terminal or a script on standard " +
		"input. pprof's words are taken as they are: gomem profile -top -cum URL, gomem profile top10 heap.pb.gz, " +
		"gomem profile -list=main BINARY PROFILE.",
	group: "Profiles",
	kind: "job",
	effect: "read",
	target: "none",
	input: Type.Object({
		...profileProperties,
		http: Type.Optional(
			Type.String({
				description: "serve the interactive page here; loopback where no host is given, any port where none is",
				placeholder: "host:port",
			}),
		),
		browser: Type.Boolean({ description: "open a browser, with --http", default: true }),
	}),
	result: Type.Object({}),
	examples: [
		{ command: "gomem profile 4242", says: "a prompt over the heap profile of a process that serves none" },
		{ command: "gomem profile -http=:8080 heap.pb.gz", says: "the interactive page on http://127.0.0.1:8080/" },
		{ command: "echo top5 | gomem profile cpu.pb.gz", says: "a script of the prompt's commands" },
	],
	async run() {
		return {};
	},
});
export type PromptInput = InputOf<typeof promptInput>;

/** `gomem profile [SOURCE...]` */
export async function profileCommand(argv: readonly string[]): Promise<number> {
	if (argv.length === 0) throw missingSource();
	const line = readCommandLine(promptInput, argv);
	if (line.kind === "help") {
		await write(line.text);
		return 0;
	}
	const settings = await loadSettings({
		...(line.flags.config !== undefined && { config: line.flags.config }),
		env: process.env,
		cwd: process.cwd(),
		home: homedir(),
		sections: loadSections,
	});
	if (line.flags.json === true) {
		throw new GomemError({
			code: "invalid-input",
			message: "the prompt and the page have no JSON form",
			hint: `give a verb: gomem profile top SOURCE --json; verbs: ${verbs.join(", ")}`,
		});
	}
	const naming = (property: string) => flagName(promptInput, property);
	const input = prepare(promptInput, line.input, { settings, naming }) as PromptInput;
	const terminal = terminalFor(process.stdout, line.flags.color ?? settings.get(outputSettings).color, process.env);
	const stop = new AbortController();
	const ctx: OperationContext = {
		signal: stop.signal,
		warn: (message) => writeError(visibleText(`gomem: warning: ${message}\n`)),
		progress: ({ what }) => {
			if (process.stderr.isTTY) writeError(visibleText(`${what}\n`));
		},
		settings,
		clock: systemClock,
		pace: { everyMs: 1000 },
	};
	const interrupt = () => stop.abort();
	process.once("SIGINT", interrupt);
	process.once("SIGTERM", interrupt);
	if (input.http === undefined && input.source.includes("-")) throw standardInputTwice();
	await refuseMisspelling(input.source[0] ?? "");
	const opened = await openProfile(ctx, input).catch((error: unknown) => {
		throw withVerb(error, input.source);
	});
	if (input.http !== undefined) {
		const { serveProfile } = await import("./profile-serve.ts");
		return serveProfile(ctx, opened, input, stop.signal);
	}
	process.off("SIGINT", interrupt);
	const { profilePrompt } = await import("./profile-prompt.ts");
	return profilePrompt(ctx, opened, input, terminal);
}

function missingSource(): GomemError {
	return new GomemError({
		code: "missing-argument",
		message: "gomem profile needs a SOURCE",
		why: "a pid, a profile, a directory of profiles or a URL",
		hint: `gomem profile VERB SOURCE, VERB one of ${verbs.join(", ")}; gomem profile --help says more`,
	});
}

function standardInputTwice(): GomemError {
	return new GomemError({
		code: "invalid-input",
		message: "standard input cannot be both the profile and the commands of the prompt",
		hint: "give a verb: … | gomem profile top -",
	});
}

/** A first word that is nearly a verb, and no file or process, would be passed over where other sources are there. */
async function refuseMisspelling(word: string): Promise<void> {
	const [, letters = "", digits = ""] = /^([A-Za-z]+)(\d*)$/.exec(word) ?? [];
	const near = letters === "" ? undefined : nearest(letters.toLowerCase(), verbs);
	if (near === undefined) return;
	const target = await resolveProfileTarget(word);
	if (!("problem" in target) || target.problem !== "not-found") return;
	throw new GomemError({
		code: "unknown-verb",
		message: `gomem profile has no verb ${word}, and no file or process here has that name`,
		hint: `did you mean gomem profile ${near}${digits}?`,
	});
}

/** A word that is neither a source nor a verb was most likely meant to be a verb. */
function withVerb(error: unknown, source: readonly string[]): unknown {
	if (!(error instanceof GomemError) || error.code !== "target-not-found" || source.length < 2) return error;
	return new GomemError({
		code: error.code,
		message: error.message,
		...(error.why === undefined ? {} : { why: error.why }),
		hint: `${error.hint ?? ""}; verbs of gomem profile are ${verbs.join(", ")}`.replace(/^; /, ""),
	});
}
