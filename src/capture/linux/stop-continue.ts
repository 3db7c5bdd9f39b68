import { hostFacts } from "./host-facts.ts";
import type { PauseRefused } from "./pause-protocol.ts";
import { OTHER_NUMBERS, signalsByProc } from "./pid-numbers.ts";
import { ancestorsOf } from "./process-identity.ts";
import { errnoOf } from "./system-error.ts";
import { readTaskStat, tasksOf, tracerOf } from "./task-state.ts";

/** Threads whose tracer is looked up; a tracer of one thread beyond these is seen by its state t, if it holds it then. */
const MAX_TRACER_CHECKS = 1000;

/** Whether the pid is still the process that started at `startTime`. */
export function isSame(pid: number, startTime: number): boolean {
	return readTaskStat(`/proc/${pid}/stat`)?.startTime === startTime;
}

/**
 * Why this process must not be stopped, or undefined where nothing speaks against it. A process that is stopped already
 * would be continued by our SIGCONT against the wish of whoever stopped it; a traced one belongs to its debugger.
 */
export function refusalBefore(pid: number, startTime: number, requester: number): PauseRefused | undefined {
	if (!signalsByProc()) {
		const { unavailable: why, wouldHelp } = OTHER_NUMBERS;
		return { refused: "other-pid-namespace", why, ...(wouldHelp === undefined ? {} : { wouldHelp }) };
	}
	const stat = readTaskStat(`/proc/${pid}/stat`);
	if (stat === undefined) return gone(pid);
	if (stat.startTime !== startTime) {
		return { refused: "another-process", why: `pid ${pid} is another process now: the one that was meant has ended` };
	}
	if (pid === 1) {
		// kernel/signal.c, sig_task_ignored: SIGNAL_UNKILLABLE
		return {
			refused: "init",
			why: "pid 1 is the init of this PID namespace, and the kernel ignores SIGSTOP to it from inside",
			wouldHelp: "run gomem on the host, where the process has another pid, or read it without --pause",
		};
	}
	if (pid === process.pid || pid === requester || ancestorsOf(requester).includes(pid)) {
		return {
			refused: "own-ancestor",
			why: `process ${pid} is gomem itself or one of its ancestors: stopping it could stop gomem or its terminal`,
			wouldHelp: "run gomem from another shell or container",
		};
	}
	const tasks = tasksOf(pid);
	let alive = 0;
	for (const [index, task] of tasks.entries()) {
		const state = readTaskStat(`/proc/${pid}/task/${task}/stat`)?.state;
		if (state === undefined || state === "Z" || state === "X") continue;
		alive++;
		const tracer = index < MAX_TRACER_CHECKS ? tracerOf(`/proc/${pid}/task/${task}/status`) : 0;
		if (state === "t" || (tracer !== undefined && tracer > 0)) return traced(pid, tracer ?? 0);
		if (state === "T") {
			return {
				refused: "already-stopped",
				why: `process ${pid} is stopped already (SIGSTOP, ^Z); gomem would not know when to let it run again`,
				wouldHelp: "read it without --pause: a stopped process does not change",
			};
		}
	}
	return alive === 0 ? gone(pid) : undefined;
}

/** Follows which threads have stopped, so that each poll reads only those that had not. */
export class StopWatch {
	readonly #pid: number;
	readonly #stopped = new Set<number>();

	constructor(pid: number) {
		this.#pid = pid;
	}

	get threads(): number {
		return this.#stopped.size;
	}

	/**
	 * Whether all threads are stopped: a group stop is complete only when each has reached it, and one in uninterruptible
	 * sleep (D) gets there late (kernel/signal.c, do_signal_stop). "gone" where the process ended meanwhile.
	 */
	poll(): "stopped" | "running" | "gone" {
		const tasks = tasksOf(this.#pid);
		let running = 0;
		let dead = 0;
		for (const task of tasks) {
			if (this.#stopped.has(task)) continue;
			const state = readTaskStat(`/proc/${this.#pid}/task/${task}/stat`)?.state;
			if (state === "T" || state === "t") this.#stopped.add(task);
			else if (state === undefined || state === "Z" || state === "X") dead++;
			else running++;
		}
		if (dead === tasks.length) return "gone";
		return running === 0 ? "stopped" : "running";
	}
}

/** Lets the process run, if it is still the one that was stopped. Harmless where it runs already. Never throws. */
export function continueProcess(pid: number, startTime: number): void {
	try {
		if (isSame(pid, startTime)) process.kill(pid, "SIGCONT");
	} catch (error) {
		if (errnoOf(error) === undefined) throw error; // ended meanwhile, or no longer permitted: nothing left to do
	}
}

export function gone(pid: number): PauseRefused {
	return { refused: "gone", why: `process ${pid} has ended` };
}

export function notPermitted(pid: number): PauseRefused {
	return {
		refused: "not-permitted",
		why: `gomem (uid ${process.geteuid?.()}) may not send signals to process ${pid}`,
		wouldHelp: "run gomem as the user of the process, as root, or with CAP_KILL",
	};
}

function traced(pid: number, tracer: number): PauseRefused {
	const by = tracer > 0 ? ` by process ${tracer}` : "";
	return {
		refused: "traced",
		why: `process ${pid} is being traced${by} (a debugger or strace), which sees and may change every stop`,
		wouldHelp: "detach the tracer, or read without --pause",
	};
}

/** The start time of a process, for an order; undefined where it is gone. Reads host facts early, before any pause. */
export function startTimeOf(pid: number): number | undefined {
	hostFacts();
	return readTaskStat(`/proc/${pid}/stat`)?.startTime;
}
