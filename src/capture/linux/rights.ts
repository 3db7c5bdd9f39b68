import { closeSync, openSync, readlinkSync } from "node:fs";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { type Access, accessFacts, whyDenied } from "./denied.ts";
import { type Gone, goneProcess } from "./gone.ts";
import { framesVisible } from "./page-frames.ts";
import { readCapped } from "./proc-text.ts";
import { errnoOf, isDenied, isGone } from "./system-error.ts";
import { memoryTask, tasksOf } from "./task-state.ts";

/**
 * What gomem may read of a process. "granted", or why not and what would help:
 *   memory      /proc/PID/mem: the runtime's own tables, spans, goroutines
 *   pagemap     which pages are resident
 *   frames      frame numbers in pagemap, to tell zero pages
 *   pageFlags   /proc/kpageflags, to tell zero pages
 *   smaps       resident bytes by mapping
 *   executable  symbols, Go version
 *   environment GOGC, GOMEMLIMIT …
 *   syscalls    /proc/PID/task/TID/syscall: where threads wait
 */
export interface ReadingRights {
	readonly memory: Right;
	readonly pagemap: Right;
	readonly frames: Right;
	readonly pageFlags: Right;
	readonly smaps: Right;
	readonly executable: Right;
	readonly environment: Right;
	readonly syscalls: Right;
}

export type Right = "granted" | Unavailable;

/** Tries each, by opening it: what the kernel says counts, not what the rules would have it say. */
export function readingRights(pid: number): ReadingRights | Gone {
	const gone = goneProcess(pid);
	if (gone !== undefined) return gone;
	const task = memoryTask(pid);
	return {
		memory: opens(pid, `/proc/${task}/mem`, "attach"),
		pagemap: opens(pid, `/proc/${task}/pagemap`, "read"),
		frames: framesVisible()
			? "granted"
			: {
					unavailable: "frame numbers in pagemap are hidden without CAP_SYS_ADMIN (Linux 4.2)",
					wouldHelp: "run gomem as root of the host; without them zero pages are told by subtraction from smaps",
				},
		pageFlags: pageFlagsRight(),
		smaps: opens(pid, `/proc/${task}/smaps`, "read"),
		executable: attempt(pid, "read", () => readlinkSync(`/proc/${task}/exe`), "/proc/PID/exe"),
		environment: opens(pid, `/proc/${task}/environ`, "read"),
		syscalls: syscallRight(pid),
	};
}

function opens(pid: number, path: string, access: Access): Right {
	return attempt(pid, access, () => closeSync(openSync(path, "r")), path.replace(/^\/proc\/\d+/, "/proc/PID"));
}

/** The check is made when the file is read, not when it is opened (proc_pid_syscall). */
function syscallRight(pid: number): Right {
	const task = tasksOf(pid)[0] ?? pid;
	const path = `/proc/${pid}/task/${task}/syscall`;
	return attempt(
		pid,
		"attach",
		() => readCapped(path, 4096),
		"/proc/PID/task/TID/syscall (CONFIG_HAVE_ARCH_TRACEHOOK)",
	);
}

function pageFlagsRight(): Right {
	try {
		closeSync(openSync("/proc/kpageflags", "r"));
		return "granted";
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		if (isGone(errno))
			return {
				unavailable: "this kernel has no /proc/kpageflags",
				wouldHelp: "a kernel built with CONFIG_PROC_PAGE_MONITOR",
			};
		return {
			unavailable: "/proc/kpageflags is readable by root of the host only",
			wouldHelp: "run gomem as root of the host",
		};
	}
}

function attempt(pid: number, access: Access, action: () => unknown, what: string): Right {
	try {
		action();
		return "granted";
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		if (isDenied(errno)) return whyDenied(accessFacts(pid), access);
		if (!isGone(errno)) throw error;
		return goneProcess(pid) ?? { unavailable: `this kernel has no ${what}, or the process has none` };
	}
}
