import { writeSync } from "node:fs";
import { setPriority } from "node:os";
import { type GuardMessage, monotonicMs, orderFromArguments, type ResumeReason } from "./pause-protocol.ts";
import { continueProcess, gone, isSame, notPermitted, refusalBefore, StopWatch } from "./stop-continue.ts";
import { errnoOf } from "./system-error.ts";

/**
 * The pause guard: a process of its own, in a session of its own, that stops a process for gomem and lets it run again
 * when told, when gomem is gone (its stdin ends, even after kill -9 of gomem), when the deadline has passed, or when it is
 * asked to end itself; whichever is first. Signals to gomem's terminal or process group do not reach it.
 * It is started by pause.ts; the order is in its arguments (pause-protocol.ts).
 */
const parsed = orderFromArguments(process.argv.slice(2));
if (parsed === undefined) {
	process.stderr.write("pause-guard: expects pid, start time, milliseconds, requester\n");
	process.exit(2);
}
const order = parsed;

const WARM_ROUNDS = 3;

let sentAt: number | undefined;
let stoppedAll = false;
let resumed = false;

// Also where an exception escapes: the process that was stopped runs again whatever ends this one.
process.on("exit", () => resume("signal"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => finish("signal"));

try {
	setPriority(0, -10); // on a saturated machine the deadline should not wait for its turn
} catch {
	// not permitted: the deadline then is as punctual as the scheduler
}

warmUp();

process.stdin.setEncoding("utf8");
let heard = "";
process.stdin.on("data", (text: string) => {
	heard += text;
	for (let end = heard.indexOf("\n"); end >= 0; end = heard.indexOf("\n")) {
		const command = heard.slice(0, end);
		heard = heard.slice(end + 1);
		if (command === "stop") stop();
		else if (command === "resume") finish("told");
	}
});
process.stdin.on("end", () => finish("closed"));
process.stdin.on("error", () => finish("closed"));

/**
 * Runs what a pause runs once before there is one: the first time takes milliseconds (files are opened, code is compiled),
 * by which the process would stand still longer than was said. On itself, which has few threads.
 */
function warmUp(): void {
	for (let i = 0; i < WARM_ROUNDS; i++) {
		new StopWatch(process.pid).poll();
		isSame(process.pid, order.startTime);
		process.kill(process.pid, 0);
	}
	JSON.stringify({ kind: "resumed", at: monotonicMs(), reason: "deadline" } satisfies GuardMessage);
}

function stop(): void {
	if (sentAt !== undefined) return;
	const { pid, startTime, maxMs, requester } = order;
	const refusal = refusalBefore(pid, startTime, requester);
	if (refusal !== undefined) {
		end({ kind: "refused", ...refusal });
		return;
	}
	setTimeout(() => finish("deadline"), maxMs);
	sentAt = monotonicMs();
	try {
		process.kill(pid, "SIGSTOP");
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		sentAt = undefined;
		end({ kind: "refused", ...(errno === "EPERM" ? notPermitted(pid) : gone(pid)) });
		return;
	}
	if (!isSame(pid, startTime)) {
		// The pid was given to another process between the check and the signal: that one goes on at once.
		sentAt = undefined;
		continueStranger(pid);
		end({ kind: "refused", ...gone(pid) });
		return;
	}
	awaitStop(new StopWatch(pid), 0);
}

function awaitStop(watch: StopWatch, polls: number): void {
	if (resumed || sentAt === undefined) return;
	const state = watch.poll();
	if (state === "gone") {
		end({ kind: "refused", ...gone(order.pid) });
		return;
	}
	if (state === "stopped") {
		say({ kind: "stopped", sentAt, stoppedAt: monotonicMs(), threads: watch.threads });
		stoppedAll = true;
		return;
	}
	// The first polls follow at once, since most processes stop within a fraction of a millisecond.
	if (polls < 20) setImmediate(awaitStop, watch, polls + 1);
	else setTimeout(awaitStop, 1, watch, polls + 1);
}

function continueStranger(pid: number): void {
	try {
		process.kill(pid, "SIGCONT");
	} catch (error) {
		if (errnoOf(error) === undefined) throw error; // ended
	}
}

function resume(reason: ResumeReason): void {
	if (sentAt === undefined || resumed) return;
	resumed = true;
	// before the signal: whoever sees the process run must find that this was earlier
	const at = monotonicMs();
	continueProcess(order.pid, order.startTime);
	say({ kind: "resumed", at, reason });
}

function finish(reason: ResumeReason): void {
	if (reason === "deadline" && !stoppedAll) {
		end({
			kind: "refused",
			refused: "did-not-stop",
			why: `not all threads of process ${order.pid} stopped within ${order.maxMs} ms (one waits in the kernel, or it is the init of a container)`,
			wouldHelp: "a longer --pause, or reading without it",
		});
		return;
	}
	resume(reason);
	// The deadline is not the end: gomem still wants to hear of it, and reads this line when its body is done.
	process.exit(0);
}

function end(message: GuardMessage): void {
	if (sentAt !== undefined && !resumed) {
		resumed = true;
		continueProcess(order.pid, order.startTime);
	}
	say(message);
	process.exit(0);
}

function say(message: GuardMessage): void {
	try {
		writeSync(1, `${JSON.stringify(message)}\n`);
	} catch (error) {
		if (errnoOf(error) === undefined) throw error; // gomem is gone; its stdin's end is on the way
	}
}
