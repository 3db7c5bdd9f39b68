import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { standingStill } from "./settled.ts";
import type { SubjectGoroutines, SubjectHolds, SubjectMemStats } from "./subject-answers.ts";
import { type BuildOptions, buildSubject } from "./subject-build.ts";

/** How long a subject may take until it is ready, on a machine that is busy. */
const READY_MS = 180_000;

export interface StartOptions extends BuildOptions {
	/** Flags of the subject, as ["-mib", "256"]. */
	readonly args?: readonly string[];
	/** Added to PATH and a few more; GOGC, GOMEMLIMIT and GODEBUG of this process are not handed on. */
	readonly env?: Readonly<Record<string, string>>;
	/** A command that executes its arguments in its own place, as ["setpriv", "--reuid", "65534"]. */
	readonly via?: readonly string[];
}

/** A running subject. Dispose of it (`await using`), else the test does not end. */
export interface RunningSubject extends AsyncDisposable {
	readonly name: string;
	readonly pid: number;
	/** The program. */
	readonly path: string;
	/** runtime.Version(), as "go1.26.8". */
	readonly go: string;
	/** As said on the ready line; ask "holds" for the present. */
	readonly holds: SubjectHolds;
	/** Its working and temporary folder, removed at the end. */
	readonly folder: string;
	/** Sends a command (subjects/README.md) and gives its answer. Rejects with the subject's error, or when it ends. */
	ask(command: string): Promise<unknown>;
	/** runtime.ReadMemStats now. */
	memstats(): Promise<SubjectMemStats>;
	/** The goroutines now, by where they began and what they wait for. */
	goroutines(): Promise<SubjectGoroutines>;
	/** Lets it read MemStats and stop itself. Resolves once every thread is stopped. */
	stop(): Promise<void>;
	/** Continues it after stop(). Gives the MemStats that it read directly before. */
	resume(): Promise<SubjectMemStats>;
	/** Sends a signal. */
	kill(signal?: NodeJS.Signals): void;
	/** Ends it and removes its folder. */
	close(): Promise<void>;
}

/** Builds a subject where needed, starts it and waits until its memory is in its state. */
export async function startSubject(name: string, options: StartOptions = {}): Promise<RunningSubject> {
	const path = await buildSubject(name, options);
	const folder = await mkdtemp(join(tmpdir(), "gomem-subject-"));
	const [command = path, ...args] = [...(options.via ?? []), path, ...(options.args ?? [])];
	const child = spawn(command, args, {
		cwd: folder,
		stdio: ["pipe", "pipe", "pipe"],
		env: {
			PATH: process.env["PATH"] ?? "/usr/bin:/bin",
			HOME: folder,
			TMPDIR: folder,
			GOMEM_SUBJECT_PARENT: String(process.pid),
			...options.env,
		},
	});
	const dialogue = new Dialogue(name, child);
	const close = async () => {
		child.kill("SIGKILL"); // ends a stopped process too
		await dialogue.ended;
		await rm(folder, { recursive: true, force: true });
	};
	try {
		const ready = await within(READY_MS, `${name} is ready`, dialogue.next());
		return new Running(name, path, folder, ready as Ready, child, dialogue, close);
	} catch (error) {
		await close();
		throw error;
	}
}

interface Ready {
	readonly pid: number;
	readonly go: string;
	readonly holds: SubjectHolds;
}

class Running implements RunningSubject {
	readonly name: string;
	readonly path: string;
	readonly folder: string;
	readonly pid: number;
	readonly go: string;
	readonly holds: SubjectHolds;
	readonly close: () => Promise<void>;
	readonly #child: ChildProcessWithoutNullStreams;
	readonly #dialogue: Dialogue;
	#stopAnswer: Promise<unknown> | undefined;

	constructor(
		name: string,
		path: string,
		folder: string,
		ready: Ready,
		child: ChildProcessWithoutNullStreams,
		dialogue: Dialogue,
		close: () => Promise<void>,
	) {
		this.name = name;
		this.path = path;
		this.folder = folder;
		this.pid = ready.pid;
		this.go = ready.go;
		this.holds = ready.holds;
		this.close = close;
		this.#child = child;
		this.#dialogue = dialogue;
	}

	ask(command: string): Promise<unknown> {
		return this.#dialogue.ask(command);
	}

	async memstats(): Promise<SubjectMemStats> {
		return (await this.ask("memstats")) as SubjectMemStats;
	}

	async goroutines(): Promise<SubjectGoroutines> {
		return (await this.ask("goroutines")) as SubjectGoroutines;
	}

	async stop(): Promise<void> {
		if (this.#stopAnswer !== undefined) throw new Error(`${this.name} is stopped already`);
		const answer = this.ask("stop");
		answer.catch(() => {}); // whoever resumes it hears of it
		this.#stopAnswer = answer;
		await standingStill(this.pid);
	}

	async resume(): Promise<SubjectMemStats> {
		const answer = this.#stopAnswer;
		if (answer === undefined) throw new Error(`${this.name} is not stopped`);
		this.#stopAnswer = undefined;
		this.kill("SIGCONT");
		return (await answer) as SubjectMemStats;
	}

	kill(signal: NodeJS.Signals = "SIGTERM"): void {
		this.#child.kill(signal);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}

interface Waiting {
	readonly resolve: (answer: unknown) => void;
	readonly reject: (error: Error) => void;
}

/** Lines out to lines in, in order. */
class Dialogue {
	readonly ended: Promise<void>;
	readonly #name: string;
	readonly #child: ChildProcessWithoutNullStreams;
	readonly #waiting: Waiting[] = [];
	#stderr = "";
	#end: string | undefined;

	constructor(name: string, child: ChildProcessWithoutNullStreams) {
		this.#name = name;
		this.#child = child;
		createInterface({ input: child.stdout }).on("line", (line) => this.#hear(line));
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			this.#stderr = (this.#stderr + text).slice(-8192);
		});
		child.stdin.on("error", () => {}); // it ended: "close" says so to all who wait
		this.ended = new Promise((resolve) => {
			child.on("error", (error) => this.#finish(`does not start: ${error.message}`, resolve));
			child.on("close", (code, signal) => this.#finish(`ended with ${signal ?? `exit code ${code}`}`, resolve));
		});
	}

	/** The next line that nobody asked for. */
	next(): Promise<unknown> {
		return new Promise((resolve, reject) => {
			if (this.#end !== undefined) reject(new Error(this.#end));
			else this.#waiting.push({ resolve, reject });
		});
	}

	ask(command: string): Promise<unknown> {
		const answer = this.next();
		if (this.#end === undefined) this.#child.stdin.write(`${command}\n`);
		return answer;
	}

	#hear(line: string): void {
		const waiting = this.#waiting.shift();
		if (waiting === undefined) return;
		try {
			const answer = parseExactly(line);
			const error = typeof answer === "object" && answer !== null && "error" in answer ? answer.error : undefined;
			if (typeof error === "string") waiting.reject(new Error(`${this.#name}: ${error}`));
			else waiting.resolve(answer);
		} catch (cause) {
			waiting.reject(new Error(`${this.#name} wrote no JSON: ${line.slice(0, 200)}`, { cause }));
		}
	}

	#finish(how: string, resolve: () => void): void {
		this.#end ??= `${this.#name} ${how}${this.#stderr === "" ? "" : `\n${this.#stderr.trimEnd()}`}`;
		for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error(this.#end));
		resolve();
	}
}

/** JSON with integers beyond 2^53 - 1 as bigint, from their source text, which JSON.parse hands to its reviver. */
function parseExactly(line: string): unknown {
	const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
		typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
			? BigInt(context?.source ?? "")
			: value;
	return JSON.parse(line, revive);
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_resolve, reject) => {
		timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain until ${what}`)), ms);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}
