import { homedir } from "node:os";
import { GomemError, toGomemError } from "../api/errors.ts";
import type { Artifact, Operation, Progress } from "../api/operation.ts";
import { settings as outputSettings } from "../api/output.settings.ts";
import { loadSections } from "../api/registry.gen.ts";
import { type Outcome, type ResultDocument, runOperation } from "../api/run.ts";
import { loadSettings, type Settings } from "../api/settings-load.ts";
import { textOf, writeArtifact, writeReport } from "./artifact.ts";
import { flagName, type GlobalFlags, readCommandLine } from "./command-line.ts";
import { printFailure } from "./failure.ts";
import { nearest } from "./nearest.ts";
import { outputClosed, visibleStrings, visibleText, whenOutputCloses, write, writeError } from "./output.ts";
import { renderers } from "./render/registry.gen.ts";
import { renderAny } from "./render-any.ts";
import { type ColorChoice, type Render, type Rows, type Terminal, terminalFor } from "./terminal.ts";
import type { CommandEntry, Words } from "./words.ts";

/** Runs one command to its end and returns the exit code: 0 done or clean, 1 findings, 2 failure. */
export async function execute(
	words: Extract<Words, { kind: "command" | "unknown" }>,
	argv: readonly string[],
	entries: readonly CommandEntry[],
): Promise<number> {
	// before the flags are parsed, as parsing may fail; settings may say json too
	const form = { json: says(argv, "--json"), debug: says(argv, "--debug"), color: "auto" as ColorChoice };
	try {
		if (words.kind === "unknown") throw unknownCommand(words.word, entries);
		const { entry, rest } = await inOwnWords(words, entries);
		if (!("target" in entry)) return await (await entry.load())(rest);
		return await executeOperation(await entry.load(), rest, form);
	} catch (error) {
		if (outputClosed()) return 0;
		await printFailure(toGomemError(error), form);
		return 2;
	}
}

/** `gomem profile` takes what `go tool pprof` takes. */
async function inOwnWords(
	words: Extract<Words, { kind: "command" }>,
	entries: readonly CommandEntry[],
): Promise<Pick<typeof words, "entry" | "rest">> {
	const [group, given] = words.entry.name.split(" ", 2);
	if (group !== "profile") return words;
	const { pprofWords } = await import("./profile-words.ts");
	const verbs = entries
		.filter(({ name }) => name.startsWith("profile "))
		.map(({ name }) => name.slice("profile ".length));
	const { verb, words: rest } = pprofWords(given, words.rest, verbs);
	const entry = entries.find(({ name }) => name === (verb === undefined ? "profile" : `profile ${verb}`));
	return { entry: entry ?? words.entry, rest };
}

export interface Form {
	json: boolean;
	color: ColorChoice;
}

/** Runs an operation with the words of its command line, and prints what it gives. `form` is set to how that is told. */
export async function executeOperation(operation: Operation, argv: readonly string[], form: Form): Promise<number> {
	const line = readCommandLine(operation, argv);
	if (line.kind === "help") {
		await write(line.text);
		return 0;
	}
	form.color = line.flags.color ?? "auto";
	const settings = await readSettings(line.flags);
	const output = settings.get(outputSettings);
	form.json = line.flags.json ?? output.format === "json";
	form.color = line.flags.color ?? output.color;
	const stop = stopSignal();
	const progress = progressLine(form);
	try {
		const outcome = await runOperation(operation, line.input, {
			settings,
			signal: stop,
			warn: (message) => {
				progress.clear();
				writeError(visibleText(`gomem: warning: ${message}\n`));
			},
			progress: progress.show,
			naming: (property) => flagName(operation, property),
			...(line.flags.output !== undefined && { output: line.flags.output }),
			checkResults: process.env["NODE_ENV"] === "test",
		});
		progress.clear();
		const file = line.flags.output;
		if (file === undefined || file === "-" || outcome.kind === "artifact") {
			return await print(operation, outcome, form, file);
		}
		if (outcome.kind === "documents") throw manyForOneFile(operation);
		return await printTo(file, operation, outcome.document, form);
	} finally {
		progress.clear();
	}
}

function readSettings(flags: GlobalFlags): Promise<Settings> {
	return loadSettings({
		...(flags.config !== undefined && { config: flags.config }),
		env: process.env,
		cwd: process.cwd(),
		home: homedir(),
		sections: loadSections,
	});
}

async function print(operation: Operation, outcome: Outcome, form: Form, file: string | undefined): Promise<number> {
	const terminal = terminalFor(process.stdout, form.color, process.env);
	const render = form.json ? undefined : await rendererOf(operation);
	const text = (document: ResultDocument) => textWith(render, document, terminal);
	if (outcome.kind === "documents") {
		return printStream(operation, outcome.documents, form.json ? undefined : text, terminal, render?.rows);
	}
	let document = outcome.kind === "document" ? outcome.document : outcome.artifact.result;
	let told = true;
	if (outcome.kind === "artifact") {
		const { artifact } = outcome;
		// a text that would be printed is part of the document that is printed in its place
		if (form.json && file === undefined && artifact.standardOutput === "always") {
			document = { ...document, text: await textOf(artifact) };
		}
		// where the bytes themselves go to standard output, the document that describes them is not mixed into them
		else told = await writeArtifact(form.json ? withoutPipe(artifact) : artifact, file);
		if (!told && artifact.standardOutput === "always") return 0;
	}
	const printed = form.json ? jsonText(document) : withEnd(text(document));
	if (told) await write(printed);
	else if (!form.json) writeError(printed);
	return operation.findings?.(document) === true ? 1 : 0;
}

/** Writes the one document to the file of -o: what would be printed into a pipe, so that there is no colour in it. */
async function printTo(file: string, operation: Operation, document: ResultDocument, form: Form): Promise<number> {
	const render = form.json ? undefined : await rendererOf(operation);
	const plain = terminalFor({}, "never", process.env);
	await writeReport(form.json ? jsonText(document) : withEnd(textWith(render, document, plain)), file);
	// with --json standard output is for a program, to which the exit code says it
	if (!form.json) await write(visibleText(`wrote ${file}\n`));
	return operation.findings?.(document) === true ? 1 : 0;
}

function manyForOneFile(operation: Operation): GomemError {
	return new GomemError({
		code: "invalid-input",
		message: "-o takes one report, and with --every, --for or --watch there are many",
		hint: `send standard output to the file: gomem ${operation.name} … > FILE`,
	});
}

function textWith(render: Render | undefined, document: ResultDocument, terminal: Terminal): string {
	const shown = render?.verbatim === true ? document : visibleStrings(document);
	return visibleText(render?.(shown, terminal) ?? "");
}

function jsonText(document: ResultDocument): string {
	return `${JSON.stringify(document, null, 2)}\n`;
}

/** Texts have no line break at their end; of nothing to say nothing is printed. */
function withEnd(text: string): string {
	return text === "" ? "" : `${text}\n`;
}

/** With --json the document goes to standard output, and the bytes to their file. */
function withoutPipe<R>({ standardOutput: _, ...artifact }: Artifact<R>): Artifact<R> {
	return artifact;
}

async function rendererOf(operation: Operation): Promise<Render> {
	const own = await renderers.get(operation.id)?.();
	return own ?? ((document, terminal) => renderAny(document, operation.result, terminal));
}

/** `text` undefined: JSON, a line each. On a terminal each text takes the place of the one before, else it follows it. */
async function printStream(
	operation: Operation,
	documents: AsyncIterable<ResultDocument>,
	text: ((document: ResultDocument) => string) | undefined,
	terminal: Terminal,
	rows: Rows<ResultDocument> | undefined,
): Promise<number> {
	const repaints = process.stdout.isTTY === true && operation.kind !== "stream";
	let findings = false;
	let first: ResultDocument | undefined;
	let lastRow: ResultDocument | undefined;
	for await (const document of documents) {
		findings = operation.findings?.(document) === true;
		if (text === undefined) await write(`${JSON.stringify(document)}\n`);
		else if (rows !== undefined && (!repaints || rows.always(document))) {
			await write(`${visibleText(rows.row(visibleStrings(document), first, terminal))}\n`);
			lastRow = document;
		} else if (repaints) await write(repaint(text(document), first === undefined, terminal));
		else await write(`${first === undefined || operation.kind === "stream" ? "" : "\n"}${text(document)}\n`);
		first ??= document;
		if (outputClosed()) break;
	}
	const end = lastRow === undefined ? "" : rows?.end(lastRow, terminal);
	if (end) await write(`${visibleText(end)}\n`);
	return findings ? 1 : 0;
}

/** Home, every line cleared to its end, then all below: no flicker. */
function repaint(text: string, first: boolean, terminal: Terminal): string {
	const rows = text.split("\n").slice(0, Math.max(1, (process.stdout.rows ?? 1000) - 1));
	const start = first ? "\x1b[2J\x1b[H" : "\x1b[H";
	return `${start}${rows.map((row) => `${row}${terminal.color ? "\x1b[0m" : ""}\x1b[K\n`).join("")}\x1b[J`;
}

/** Aborts on the first SIGINT, SIGTERM or SIGHUP, and when the reader of standard output goes; a second signal kills. */
function stopSignal(): AbortSignal {
	const controller = new AbortController();
	const stop = () => controller.abort();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
	whenOutputCloses(stop);
	return controller.signal;
}

/** One line on standard error that is overwritten, where that is a terminal; else nothing. */
function progressLine(form: Form): { show(progress: Progress): void; clear(): void } {
	if (process.stderr.isTTY !== true || form.json) return { show() {}, clear() {} };
	let last = 0;
	let shown = false;
	return {
		show({ what, done, total }) {
			const now = performance.now();
			if (now - last < 100) return;
			last = now;
			shown = true;
			const share = total === undefined || total === 0 ? "" : ` ${Math.floor((done / total) * 100)} %`;
			writeError(`\r${visibleText(what).slice(0, 80)}${share}\x1b[K`);
		},
		clear() {
			if (shown) writeError("\r\x1b[K");
			shown = false;
		},
	};
}

function says(argv: readonly string[], flag: string): boolean {
	const end = argv.indexOf("--");
	return (end < 0 ? argv : argv.slice(0, end)).includes(flag);
}

function unknownCommand(word: string, entries: readonly CommandEntry[]): GomemError {
	const looksLikeTarget = /^\d+$|[/:]/.test(word) && entries.some((one) => one.name === "why");
	const near = looksLikeTarget
		? `why ${word}`
		: nearest(
				word,
				entries.map((one) => one.name),
			);
	return new GomemError({
		code: "unknown-command",
		message: `there is no command ${word}`,
		hint: near === undefined ? "gomem --help lists the commands" : `did you mean gomem ${near}?`,
	});
}
