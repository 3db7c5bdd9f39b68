import { closeSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../../bytes/byte-source.ts";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { explainDenied } from "./denied.ts";
import { goneProcess } from "./gone.ts";
import { errnoOf, isDenied, isGone } from "./system-error.ts";
import { memoryTask } from "./task-state.ts";

/** Bytes per system call: 64 KiB to 4 MiB are nearly equal in speed; this bounds how long one call holds mmap_lock. */
const CHUNK = 1 << 20;

/** What a read of an address that is not (or no longer) mapped fails with; ENOENT and ESRCH once the process has ended. */
const NOT_THERE: ReadonlySet<string> = new Set(["EIO", "EFAULT", "ENOENT", "ESRCH", "EPERM", "EACCES"]);

/** The memory of a live process; offsets are virtual addresses. */
export interface OpenMemory extends ByteSource {
	readonly pid: number;
	/** bytes read from the process so far */
	readonly bytesRead: number;
	/** system calls made for them */
	readonly calls: number;
	close(): void;
}

/**
 * A ByteSource over /proc/PID/mem (fs/proc/base.c, mem_rw). It reads whatever is mapped, and so can bring absent pages in:
 * a never-touched anonymous page gets the zero page mapped, a file or swapped page is faulted in. SafeMemory does not.
 * The open file keeps the address space of the program that ran when it was opened: after exec or exit reads return 0.
 */
export class ProcessMemory implements OpenMemory {
	readonly pid: number;
	readonly #fd: number;
	#open = true;
	#bytesRead = 0;
	#calls = 0;

	constructor(pid: number, fd: number) {
		this.pid = pid;
		this.#fd = fd;
	}

	get bytesRead(): number {
		return this.#bytesRead;
	}

	get calls(): number {
		return this.#calls;
	}

	readInto(offset: number, into: Uint8Array): number {
		let done = 0;
		while (done < into.length) {
			const want = Math.min(into.length - done, CHUNK);
			const got = this.#read(offset + done, into, done, want);
			done += got;
			if (got < want) break; // mem_rw stops before the first page that is not there
		}
		return done;
	}

	close(): void {
		if (!this.#open) return;
		this.#open = false;
		closeSync(this.#fd);
	}

	#read(address: number, into: Uint8Array, at: number, length: number): number {
		if (!this.#open) throw new Error(`memory of process ${this.pid} read after close`);
		if (!(Number.isSafeInteger(address) && address >= 0)) return 0;
		this.#calls++;
		try {
			const got = readSync(this.#fd, into, at, length, address);
			this.#bytesRead += got;
			return got;
		} catch (error) {
			const errno = errnoOf(error);
			if (errno !== undefined && NOT_THERE.has(errno)) return 0;
			throw error;
		}
	}
}

/**
 * Opens /proc/PID/mem for reading. Unavailable where the process is gone or the kernel's ptrace access check
 * (PTRACE_MODE_ATTACH_FSCREDS) says no; the reason names what denied it. The caller closes it.
 */
export function openProcessMemory(pid: number): ProcessMemory | Unavailable {
	try {
		return new ProcessMemory(pid, openSync(`/proc/${memoryTask(pid)}/mem`, "r"));
	} catch (error) {
		const errno = errnoOf(error);
		if (errno !== undefined && isGone(errno)) return goneProcess(pid) ?? { unavailable: `process ${pid} has ended` };
		if (errno !== undefined && isDenied(errno)) return explainDenied(pid, "attach");
		throw error;
	}
}
