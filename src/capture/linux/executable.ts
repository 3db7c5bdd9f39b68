import { closeSync, fstatSync, openSync } from "node:fs";
import type { ByteSource } from "../../bytes/byte-source.ts";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import type { Gone } from "./gone.ts";
import { failure, readProcLink } from "./proc-files.ts";
import { readAt } from "./safe-memory.ts";
import { errnoOf } from "./system-error.ts";
import { memoryTask } from "./task-state.ts";

/** An open file as a ByteSource; offsets are those of the file. */
export class FileSource implements ByteSource {
	readonly size: number;
	readonly #fd: number;
	#open = true;

	/** Takes over the descriptor; close() closes it. */
	constructor(fd: number) {
		this.#fd = fd;
		this.size = fstatSync(fd).size;
	}

	readInto(offset: number, into: Uint8Array): number {
		if (!this.#open) throw new Error("file read after close");
		return Number.isSafeInteger(offset) && offset >= 0 ? readAt(this.#fd, into, offset) : 0;
	}

	close(): void {
		if (!this.#open) return;
		this.#open = false;
		closeSync(this.#fd);
	}
}

/** The program that a process runs, as its file is (or was: it may be deleted) on disk. */
export interface Executable {
	readonly file: FileSource;
	/** as the process's mount namespace names it, " (deleted)" left out; may not exist in gomem's */
	readonly path: string;
	/** replaced or removed since the process started, as after an upgrade */
	readonly deleted: boolean;
}

/**
 * Opens /proc/PID/exe itself, never the path it links to: that works for deleted files and in other mount namespaces
 * (proc_pid_get_link resolves to the open file, not to a path). The caller closes `file`.
 */
export function openExecutable(pid: number): Executable | Gone | Unavailable {
	const link = readProcLink(pid, "exe");
	if (typeof link !== "string") return link;
	const deleted = link.endsWith(" (deleted)");
	try {
		const file = new FileSource(openSync(`/proc/${memoryTask(pid)}/exe`, "r"));
		return { file, path: deleted ? link.slice(0, -" (deleted)".length) : link, deleted };
	} catch (error) {
		return failure(pid, "exe", "read", error);
	}
}

/** Opens a file that the user named. The caller closes it. */
export function openFile(path: string): FileSource | Unavailable {
	try {
		const fd = openSync(path, "r");
		if (fstatSync(fd).isFile()) return new FileSource(fd);
		closeSync(fd);
		return { unavailable: `${path} is not a file` };
	} catch (error) {
		const code = errnoOf(error);
		if (code === undefined) throw error;
		return { unavailable: `${path} cannot be read (${code})` };
	}
}
