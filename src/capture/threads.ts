import { readdirSync, readFileSync } from "node:fs";
import type { Thread } from "../evidence/reading.ts";
import { parseTaskSyscall } from "../formats/procfs/task-syscall.ts";

/** Threads above this are not asked where they stand. */
const MAX_THREADS = 4096;

/** Where each thread's stack pointer stands; without the right to ask, only which threads there are. */
export function readThreads(pid: number): Thread[] {
	const threads: Thread[] = [];
	let names: string[];
	try {
		names = readdirSync(`/proc/${pid}/task`);
	} catch {
		return threads;
	}
	for (const name of names) {
		const tid = Number(name);
		threads.push({ tid, sp: threads.length < MAX_THREADS ? stackPointer(pid, tid) : undefined });
	}
	return threads;
}

function stackPointer(pid: number, tid: number): number | undefined {
	try {
		const where = parseTaskSyscall(readFileSync(`/proc/${pid}/task/${tid}/syscall`, "utf8"));
		return where.state === "running" ? undefined : where.sp;
	} catch {
		// gone, or no right to trace: the stacks are then found by their shape
		return undefined;
	}
}
