import { readdirSync } from "node:fs";
import { readSmallText } from "./proc-text.ts";
import { errnoOf, isDenied, isGone } from "./system-error.ts";

/**
 * The few fields of /proc/PID/stat and status that stopping a process needs. Apart from formats/procfs on purpose: the
 * pause guard is a process of its own that must start quickly and must not fail over a field that it does not use.
 * Fields: Documentation/filesystems/proc.rst, table 1-4; comm (field 2) may hold spaces and parentheses.
 */
export interface TaskStat {
	/** R S D T t Z X I: T stopped by a signal, t stopped by a tracer, Z zombie, X dead */
	readonly state: string;
	readonly parent: number;
	/** PF_* of include/linux/sched.h (field 9) */
	readonly flags: number;
	/** clock ticks since boot (field 22); with the pid it names one process for as long as the machine is up */
	readonly startTime: number;
	/** bytes of address space (field 23); 0 where it has none: a zombie, one that is about to end, a kernel thread */
	readonly virtualBytes: number;
}

/** Undefined where the task is gone or its text is not what the kernel writes. `path` is a stat file. */
export function readTaskStat(path: string): TaskStat | undefined {
	const text = readIfThere(path);
	if (text === undefined) return undefined;
	const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
	// `fields` begins with field 3, the state
	const [state, parent] = fields;
	const startTime = Number(fields[22 - 3]);
	if (state === undefined || parent === undefined || !Number.isSafeInteger(startTime)) return undefined;
	return {
		state,
		parent: Number(parent),
		flags: Number(fields[9 - 3]),
		startTime,
		virtualBytes: Number(fields[23 - 3]),
	};
}

/** Pid of the process that traces this task (status, TracerPid), 0 for none, undefined where the task is gone. */
export function tracerOf(statusPath: string): number | undefined {
	const line = readIfThere(statusPath)?.match(/^TracerPid:\s*(\d+)/m);
	return line === undefined || line === null ? undefined : Number(line[1]);
}

/** The threads of a process; empty where it is gone. */
export function tasksOf(pid: number): readonly number[] {
	try {
		return readdirSync(`/proc/${pid}/task`).map(Number);
	} catch (error) {
		const errno = errnoOf(error);
		if (errno !== undefined && (isGone(errno) || isDenied(errno))) return [];
		throw error;
	}
}

/**
 * The task through whose /proc files the address space can be read: the process itself, or, where the thread-group
 * leader has exited while other threads run on (main called pthread_exit), one of those. A zombie leader has no address
 * space: its maps are empty and its mem cannot be opened, but /proc/TID of another thread has them all.
 */
export function memoryTask(pid: number): number {
	const leader = readTaskStat(`/proc/${pid}/stat`);
	if (leader?.state !== "Z") return pid;
	for (const task of tasksOf(pid)) {
		const state = readTaskStat(`/proc/${pid}/task/${task}/stat`)?.state;
		if (state !== undefined && state !== "Z" && state !== "X") return task;
	}
	return pid;
}

function readIfThere(path: string): string | undefined {
	try {
		return readSmallText(path);
	} catch (error) {
		const errno = errnoOf(error);
		// denied: /proc is mounted with hidepid=1, and the process is as good as not there
		if (errno !== undefined && (isGone(errno) || isDenied(errno))) return undefined;
		throw error;
	}
}
