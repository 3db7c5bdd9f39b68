import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Artifact, Operation } from "../../src/api/operation.ts";
import { operations } from "../../src/api/registry.gen.ts";
import type { ResultDocument, RunOptions } from "../../src/api/run.ts";
import { readCommandLine } from "../../src/cli/command-line.ts";
import { pprofWords } from "../../src/cli/profile-words.ts";
import { run } from "../operations.ts";

const exec = promisify(execFile);
const verbs = operations.filter(({ name }) => name.startsWith("profile ")).map(({ name }) => name.slice(8));

/** What a command line of `gomem profile` gives, without a process of its own. */
export interface ProfileAnswer {
	readonly verb: string;
	readonly document: ResultDocument;
	/** of an artifact */
	readonly bytes?: Buffer;
	readonly artifact?: Artifact<ResultDocument>;
	readonly warnings: readonly string[];
}

/** Runs the words after `gomem profile`, in pprof's spelling or gomem's. */
export async function gomemProfile(
	given: readonly string[],
	options: Partial<RunOptions> = {},
): Promise<ProfileAnswer> {
	const [first = ""] = given;
	const { verb = "", words } = pprofWords(
		verbs.includes(first) ? first : undefined,
		verbs.includes(first) ? given.slice(1) : given,
		verbs,
	);
	const operation = await operationOf(verb);
	const line = readCommandLine(operation, words);
	if (line.kind === "help") throw new TypeError("help");
	const warnings: string[] = [];
	const output = line.flags.output === undefined ? {} : { output: line.flags.output };
	const outcome = await run(operation, line.input, {
		warn: (message) => warnings.push(message),
		...output,
		...options,
	});
	if (outcome.kind === "document") return { verb, document: outcome.document, warnings };
	if (outcome.kind === "documents") throw new TypeError("a stream");
	const { artifact } = outcome;
	const chunks: Uint8Array[] = [];
	if (artifact.bytes instanceof Uint8Array) chunks.push(artifact.bytes);
	else for await (const chunk of artifact.bytes) chunks.push(chunk);
	return { verb, document: artifact.result, bytes: Buffer.concat(chunks), artifact, warnings };
}

async function operationOf(verb: string): Promise<Operation> {
	const entry = operations.find(({ name }) => name === `profile ${verb}`);
	if (entry === undefined) throw new TypeError(`no verb ${verb}`);
	return entry.load();
}

/** The text of a command line in pprof's style. */
export async function gomemText(given: readonly string[]): Promise<string> {
	const styled = ["top", "text", "tree", "peek", "list", "tags"].some((verb) =>
		given.some((word) => word.startsWith(`-${verb}`)),
	);
	const { document, bytes } = await gomemProfile(styled ? [...given, "--style=pprof"] : given);
	if (bytes !== undefined) return bytes.toString("utf8");
	const lines = (document["pprof"] ?? document["all"]) as readonly string[];
	const text = lines.join("\n");
	return text === "" ? "" : `${text}\n`;
}

/** What `go tool pprof` prints for the same words. */
export async function pprofText(words: readonly string[], cwd?: string): Promise<string> {
	const { stdout } = await exec("go", ["tool", "pprof", ...words], {
		env: { ...process.env, PPROF_BINARY_PATH: "/nonexistent", PPROF_TMPDIR: "/nonexistent" },
		maxBuffer: 2 ** 28,
		...(cwd === undefined ? {} : { cwd }),
	});
	return stdout;
}
