import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { readTaskStat, tasksOf } from "./task-state.ts";

/** Why there is no memory to read under a pid. absent: there is no such process, or none that is shown. */
export type GoneKind = "absent" | "ended" | "zombie" | "kernel-thread";

/** There is no memory to read under this pid; `isUnavailable` holds for it as well. */
export interface Gone extends Unavailable {
	readonly gone: GoneKind;
}

/** include/linux/sched.h: shown among the flags of /proc/PID/stat. */
const PF_KTHREAD = 0x0020_0000;

export function isGoneResult(value: object): value is Gone {
	return "gone" in value;
}

/**
 * Why the process has no memory to read, or undefined where it has some. The one place that decides it: what lives on in
 * /proc after the end (a zombie, a process that is giving its memory back) would else pass for a process of 0 bytes.
 *
 * @param startTime of the process that is meant, where it was seen before: its pid may be another's by now
 */
export function goneProcess(pid: number, startTime?: number): Gone | undefined {
	const stat = readTaskStat(`/proc/${pid}/stat`);
	if (stat === undefined) return startTime === undefined ? absent(pid) : ended(pid);
	if (startTime !== undefined && stat.startTime !== startTime) return ended(pid);
	if ((stat.flags & PF_KTHREAD) !== 0) {
		return {
			gone: "kernel-thread",
			unavailable: `process ${pid} is a kernel thread: it has no memory of its own`,
		};
	}
	// a leader that has exited while other threads run on has none either: the others are asked
	if (stat.virtualBytes > 0 || tasksOf(pid).some((task) => hasMemory(pid, task))) return undefined;
	return stat.state === "Z" ? zombie(pid, stat.parent) : ended(pid);
}

function hasMemory(pid: number, task: number): boolean {
	return (readTaskStat(`/proc/${pid}/task/${task}/stat`)?.virtualBytes ?? 0) > 0;
}

function absent(pid: number): Gone {
	return { gone: "absent", unavailable: `process ${pid} has ended, or never was, or /proc hides it (hidepid)` };
}

function ended(pid: number): Gone {
	return { gone: "ended", unavailable: `process ${pid} has ended` };
}

/** The parent is 0 where it is outside of this pid namespace. */
function zombie(pid: number, parent: number): Gone {
	const whose = parent > 0 ? `its parent ${parent}` : "its parent";
	return { gone: "zombie", unavailable: `process ${pid} is a zombie: it has ended, and ${whose} has not collected it` };
}
