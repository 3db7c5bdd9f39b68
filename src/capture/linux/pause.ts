import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { entryPoint } from "../entry-points.ts";
import {
	type GuardCommand,
	type GuardMessage,
	type GuardOrder,
	monotonicMs,
	orderToArguments,
	type PauseRefused,
	type ResumeReason,
} from "./pause-protocol.ts";
import { continueProcess, gone, startTimeOf } from "./stop-continue.ts";
import { memoryTask, readTaskStat } from "./task-state.ts";

export type { PauseRefused, RefusalKind } from "./pause-protocol.ts";

export interface PauseOptions {
	/** the longest the process may stand still, from SIGSTOP to SIGCONT; 1 to 60,000. Default 500 */
	readonly maxMs?: number;
	/** start time of the process that is meant (ticks since boot), where the caller looked earlier: guards against pid reuse */
	readonly startTime?: number;
}

/** What the body may ask while the process stands still. */
export interface PauseClock {
	/** Milliseconds until the guard lets the process run; 0 or less once that is past. */
	remainingMs(): number;
}

export interface Paused<T> {
	readonly value: T;
	/** from SIGSTOP sent to SIGCONT sent */
	readonly pausedMs: number;
	/** from SIGSTOP sent until the last thread had stopped */
	readonly stoppedAfterMs: number;
	readonly threads: number;
	/** present where the process did not stand still until the body was done */
	readonly torn?: Torn;
}

export interface Torn {
	readonly why: "deadline" | "guard-died" | "continued-by-another" | "ended";
	/** how long the process had stood still when it went on; undefined where that is not known */
	readonly afterMs: number | undefined;
}

const MAX_PAUSE_MS = 60_000;
/** How long a guard may take to start on a busy machine. */
const GUARD_START_MS = 10_000;
/** How long a guard may take to let the process run when asked to; then it is done here as well. */
const GUARD_END_MS = 1000;
/** How long one that has let it run may take to say so on a busy machine. */
const GUARD_SAYS_MS = 5000;

/**
 * Runs `body` while the process stands still. The process runs again when the body returns or throws, at the deadline, or
 * when gomem dies, whichever is first: a guard process sees to it (pause-guard.ts). What the body throws is rethrown.
 *
 * The body should not wait for anything but reads of the process. Two things cannot be helped from outside: a body that
 * never yields notices the guard's death (kill -9 of the guard) only at its end, and if gomem and its guard are both
 * killed with SIGKILL at the same instant, the process stays stopped until someone sends SIGCONT.
 * The parent of the process sees SIGCHLD for the stop and for the continuation.
 */
export async function withPause<T>(
	pid: number,
	options: PauseOptions,
	body: (clock: PauseClock) => T | Promise<T>,
): Promise<Paused<T> | PauseRefused> {
	return preparePause(pid, options).run(body);
}

/** A pause whose guard is on its way up while gomem does something else; nothing is stopped before `run`. */
export interface PreparedPause {
	/** As withPause. Once only. */
	run<T>(body: (clock: PauseClock) => T | Promise<T>): Promise<Paused<T> | PauseRefused>;
	/** Ends the guard without a pause. */
	cancel(): Promise<void>;
}

/** Starts the guard, which takes 50 ms on a quiet machine and several times that on a busy one. */
export function preparePause(pid: number, options: PauseOptions): PreparedPause {
	const maxMs = options.maxMs ?? 500;
	if (!(maxMs >= 1 && maxMs <= MAX_PAUSE_MS)) {
		throw new RangeError(`a pause of ${maxMs} ms is not within 1..${MAX_PAUSE_MS}`);
	}
	const startTime = options.startTime ?? startTimeOf(pid);
	if (startTime === undefined) return { run: async () => gone(pid), cancel: async () => {} };
	const guard = new Guard({ pid, startTime, maxMs: Math.ceil(maxMs), requester: process.pid });
	return {
		run: (body) => runPaused(guard, { pid, startTime, maxMs }, body),
		cancel: () => guard.end(),
	};
}

async function runPaused<T>(
	guard: Guard,
	{ pid, startTime, maxMs }: { readonly pid: number; readonly startTime: number; readonly maxMs: number },
	body: (clock: PauseClock) => T | Promise<T>,
): Promise<Paused<T> | PauseRefused> {
	try {
		const answer = await guard.stop(GUARD_START_MS + maxMs);
		if ("refused" in answer) return answer;
		const value = await body({ remainingMs: () => answer.sentAt + maxMs - monotonicMs() });
		const stateAtEnd = stateOf(pid, startTime);
		const bodyEnd = monotonicMs();
		continueProcess(pid, startTime);
		const continuedAt = monotonicMs();
		const resumed = await guard.resumed();
		const torn = tornBy(stateAtEnd, bodyEnd, answer.stoppedAt, resumed);
		return {
			value,
			pausedMs: Math.min(continuedAt, resumed?.at ?? continuedAt) - answer.sentAt,
			stoppedAfterMs: answer.stoppedAt - answer.sentAt,
			threads: answer.threads,
			...(torn === undefined ? {} : { torn }),
		};
	} finally {
		// Where the body threw; a second SIGCONT does nothing.
		if (guard.mayHaveStopped) continueProcess(pid, startTime);
		await guard.end();
	}
}

function tornBy(
	state: "stopped" | "running" | "gone",
	bodyEnd: number,
	stoppedAt: number,
	resumed: { readonly at: number; readonly reason: ResumeReason } | undefined,
): Torn | undefined {
	if (resumed !== undefined && resumed.reason !== "told" && resumed.at < bodyEnd) {
		return { why: resumed.reason === "deadline" ? "deadline" : "guard-died", afterMs: resumed.at - stoppedAt };
	}
	if (state === "stopped") return undefined;
	if (state === "gone") return { why: "ended", afterMs: undefined };
	return { why: resumed === undefined ? "guard-died" : "continued-by-another", afterMs: undefined };
}

function stateOf(pid: number, startTime: number): "stopped" | "running" | "gone" {
	if (readTaskStat(`/proc/${pid}/stat`)?.startTime !== startTime) return "gone";
	const state = readTaskStat(`/proc/${pid}/task/${memoryTask(pid)}/stat`)?.state;
	if (state === undefined || state === "Z" || state === "X") return "gone";
	return state === "T" || state === "t" ? "stopped" : "running";
}

/** gomem's side of one guard process. */
class Guard {
	readonly #order: GuardOrder;
	readonly #child: ChildProcess;
	readonly #messages: GuardMessage[] = [];
	readonly #closed: Promise<void>;
	#wake: () => void = () => {};
	#isClosed = false;
	#failure = "it ended without a word";
	/** the guard was told to stop the process, and has not said that it runs */
	mayHaveStopped = false;

	constructor(order: GuardOrder) {
		this.#order = order;
		const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...environment } = process.env;
		this.#child = spawn(process.execPath, [entryPoint("pause-guard"), ...orderToArguments(order)], {
			detached: true, // a session of its own (setsid)
			cwd: "/",
			env: environment,
			stdio: ["pipe", "pipe", "ignore"],
		});
		const child = this.#child;
		this.#closed = new Promise((resolve) => {
			child.once("error", (error) => this.#onClosed(resolve, error.message));
			child.once("close", (code, signal) => this.#onClosed(resolve, `it ended with ${signal ?? `exit code ${code}`}`));
		});
		child.stdin?.on("error", () => {}); // EPIPE: the guard is gone, which "close" tells
		if (child.stdout !== null) createInterface({ input: child.stdout }).on("line", (line) => this.#onLine(line));
	}

	/** Has the process stopped; resolves when all its threads stand still. */
	async stop(timeoutMs: number): Promise<Extract<GuardMessage, { kind: "stopped" }> | PauseRefused> {
		this.mayHaveStopped = true;
		this.#send("stop");
		const message = await this.#next((m) => m.kind !== "resumed", timeoutMs);
		if (message?.kind === "stopped") return message;
		if (message?.kind === "refused") {
			const { kind: _, ...refusal } = message;
			return refusal;
		}
		const failure = this.#isClosed ? this.#failure : `it did not answer within ${timeoutMs} ms`;
		return { refused: "guard-failed", why: `the guard that would let the process run again failed: ${failure}` };
	}

	/** Tells the guard that the work is done; what it says of the end of the pause, or undefined where it died before. */
	async resumed(): Promise<Extract<GuardMessage, { kind: "resumed" }> | undefined> {
		this.#send("resume");
		const isLast = (m: GuardMessage) => m.kind === "resumed";
		let message = await this.#next(isLast, GUARD_END_MS);
		if (message === undefined && !this.#isClosed) {
			continueProcess(this.#order.pid, this.#order.startTime);
			message = await this.#next(isLast, GUARD_SAYS_MS);
		}
		return message?.kind === "resumed" ? message : undefined;
	}

	/** Ends the guard in any case. Its stdin's end alone makes it let the process run. */
	async end(): Promise<void> {
		this.#child.stdin?.end();
		if (!this.#isClosed) {
			const timer = setTimeout(() => this.#child.kill("SIGKILL"), GUARD_END_MS);
			await this.#closed;
			clearTimeout(timer);
			if (this.mayHaveStopped) continueProcess(this.#order.pid, this.#order.startTime);
		}
	}

	#send(command: GuardCommand): void {
		if (!this.#isClosed) this.#child.stdin?.write(`${command}\n`);
	}

	#onLine(line: string): void {
		const message = JSON.parse(line) as GuardMessage; // our own process wrote it, one JSON object a line
		if (message.kind !== "stopped") this.mayHaveStopped = false;
		this.#messages.push(message);
		this.#wake();
	}

	#onClosed(resolve: () => void, failure: string): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#failure = failure;
		// The guard died: whatever it stopped runs again now, even if the body is still waiting for something.
		if (this.mayHaveStopped) continueProcess(this.#order.pid, this.#order.startTime);
		resolve();
		this.#wake();
	}

	async #next(wanted: (message: GuardMessage) => boolean, timeoutMs: number): Promise<GuardMessage | undefined> {
		const until = monotonicMs() + timeoutMs;
		for (;;) {
			const found = this.#messages.find(wanted);
			if (found !== undefined || this.#isClosed || monotonicMs() >= until) return found;
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, Math.max(1, until - monotonicMs()));
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
	}
}
