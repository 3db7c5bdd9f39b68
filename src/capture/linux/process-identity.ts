import { readdirSync } from "node:fs";
import { hostFacts } from "./host-facts.ts";
import { readTaskStat } from "./task-state.ts";

/** Names one process for good: a pid is used again, but not with the same start time in the same boot. */
export interface ProcessIdentity {
	readonly pid: number;
	/** clock ticks since boot (/proc/PID/stat, field 22) */
	readonly startTime: number;
	readonly bootId: string;
}

/** Undefined where there is no such process (or it is hidden: /proc mounted with hidepid). */
export function processIdentity(pid: number): ProcessIdentity | undefined {
	const stat = readTaskStat(`/proc/${pid}/stat`);
	return stat === undefined ? undefined : { pid, startTime: stat.startTime, bootId: hostFacts().bootId };
}

/** Whether the process of that identity is the one that has the pid now. A zombie still counts. */
export function sameProcess(identity: ProcessIdentity): boolean {
	const now = processIdentity(identity.pid);
	return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** All pids in /proc, ascending. */
export function listPids(): readonly number[] {
	const pids: number[] = [];
	for (const name of readdirSync("/proc")) {
		const pid = Number(name);
		if (Number.isSafeInteger(pid) && pid > 0) pids.push(pid);
	}
	return pids.sort((a, b) => a - b);
}

/** The pids of the process's parents, nearest first; ends at the namespace's init (or a parent outside of it, 0). */
export function ancestorsOf(pid: number): readonly number[] {
	const ancestors: number[] = [];
	let parent = readTaskStat(`/proc/${pid}/stat`)?.parent ?? 0;
	// a chain longer than this would be a loop made by pids that were used again while we walked
	while (parent > 0 && ancestors.length < 4096) {
		ancestors.push(parent);
		parent = readTaskStat(`/proc/${parent}/stat`)?.parent ?? 0;
	}
	return ancestors;
}
