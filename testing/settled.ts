/**
 * Waiting until a process has come to rest, or to a state, and looking at what must not move meanwhile, with proof of that
 * from elsewhere than gomem: a moment's sleep is enough on an idle machine only.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { SubjectGoroutines, SubjectMemStats } from "./subject-answers.ts";
import { smapsOf } from "./subject-proc.ts";

/** How long a process may take until it has come to rest: a GC and the scavenger are at work after the start. */
const LONGEST_MS = 60_000;

/** Looks until there is an answer; throws after a minute. `what` is awaited, told then. */
export async function until<T>(
	what: string | (() => string),
	look: () => T | false | undefined | Promise<T | false | undefined>,
): Promise<T> {
	for (const started = performance.now(); ; await sleep(2)) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
		if (performance.now() - started <= LONGEST_MS) continue;
		throw new Error(`waited a minute in vain until ${typeof what === "string" ? what : what()}`);
	}
}

/** What the goroutines of a program are in that were started and have not come to where they wait. */
const ON_THE_WAY = /^(runnable|running|syscall|preempted|copystack|GC )/;

export function allParked({ groups }: SubjectGoroutines): boolean {
	return groups.every((group) => group.createdBy === "" || !ON_THE_WAY.test(group.state));
}

/** A subject's goroutines, once all that it started wait: when it says that it is ready, some may be on their way. */
export function parked(subject: { goroutines(): Promise<SubjectGoroutines> }): Promise<SubjectGoroutines> {
	return until("all goroutines wait", async () => {
		const told = await subject.goroutines();
		return allParked(told) ? told : undefined;
	});
}

/** Stops a process by a signal, wherever it is, and waits until each of its threads stands still. */
export async function halted(pid: number): Promise<void> {
	process.kill(pid, "SIGSTOP");
	await standingStill(pid);
}

/** Waits until each thread of a process is in state T: the stop reaches them one by one. */
export async function standingStill(pid: number): Promise<void> {
	await until(`process ${pid} stands still`, () => {
		const threads = readdirSync(`/proc/${pid}/task`);
		return threads.every((thread) => stateOf(`${pid}/task/${thread}`) === "T");
	});
}

/** The letter of a process or thread by its path in /proc; undefined where it has ended. */
export function stateOf(path: string | number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${path}/stat`, "latin1");
		return stat.charAt(stat.lastIndexOf(")") + 2);
	} catch (error) {
		// ESRCH: it ended between opening and reading
		if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
		throw error;
	}
}

/** What was seen lies between what was so before and after, or beside them by `room`. */
export function assertBetween(seen: number | undefined, around: readonly number[], room: number, what = ""): void {
	const [least, most] = [Math.min(...around) - room, Math.max(...around) + room];
	assert.ok(seen !== undefined && seen >= least && seen <= most, `${what} ${seen} seen, ${around.join(" and then ")}`);
}

/** What is asked of a subject here. */
interface Subject {
	readonly name: string;
	stop(): Promise<void>;
	resume(): Promise<SubjectMemStats>;
	memstats(): Promise<SubjectMemStats>;
}

/**
 * What `look` sees of the stopped subject, and what its runtime said of itself directly before and again directly after. As
 * long as these two differ something happened between them (a thread was started, a sweep or the scavenger was at work), and
 * it is looked at anew.
 */
export async function lookStill<T>(
	subject: Subject,
	look: () => Promise<T>,
): Promise<{ readonly seen: T; readonly truth: SubjectMemStats }> {
	return untilEqual(`the MemStats of ${subject.name}`, async () => {
		await subject.stop();
		const seen = await look();
		const truth = await subject.resume();
		return { result: { seen, truth }, before: truth, after: await subject.memstats() };
	});
}

/**
 * What `look` sees of a stopped process while the kernel left its pages where they were: khugepaged joins some, and under
 * pressure some are taken away.
 */
export async function lookResting<T>(pid: number, look: () => Promise<T>): Promise<T> {
	return untilEqual(`the pages of ${pid}`, async () => {
		const before = pagesOf(pid);
		const result = await look();
		return { result, before, after: pagesOf(pid) };
	});
}

async function untilEqual<T>(
	what: string,
	attempt: () => Promise<{ readonly result: T; readonly before: object; readonly after: object }>,
): Promise<T> {
	for (const until = performance.now() + LONGEST_MS; ; ) {
		const { result, before, after } = await attempt();
		if (isDeepStrictEqual(after, before)) return result;
		if (performance.now() > until) throw new Error(`${what} moved for ${LONGEST_MS} ms: ${moved(before, after)}`);
	}
}

function moved(before: object, after: object): string {
	const then = new Map(Object.entries(before));
	const now = Object.entries(after).filter(([name, value]) => !isDeepStrictEqual(value, then.get(name)));
	return now.map(([name, value]) => `${name} from ${then.get(name)} to ${value}`).join(", ");
}

function pagesOf(pid: number): Record<string, string> {
	return Object.fromEntries(
		smapsOf(pid).map(({ start, end, bytes }) => [
			start.toString(16),
			[end, bytes["Rss"], bytes["Swap"], bytes["Anonymous"], bytes["AnonHugePages"], bytes["LazyFree"]].join(" "),
		]),
	);
}
