import { statSync } from "node:fs";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { readBuildIds } from "../formats/elf/notes.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { identifyProgram, type ProgramFile } from "../goruntime/program.ts";
import { openExecutable } from "./linux/executable.ts";
import { failure, readProcLink } from "./linux/proc-files.ts";
import { memoryTask } from "./linux/task-state.ts";
import { type Deadline, DeadlinePassed, TimedSource } from "./ps-deadline.ts";

/** What a process runs: a Go program, something else, or a file that could not be read through. */
export interface SeenProgram {
	/** device, inode, time of change and size of the file */
	readonly key: string;
	/** path in the process's own mount namespace */
	readonly path: string;
	/** replaced or removed since the process started */
	readonly deleted: boolean;
	/** undefined: no Go program */
	readonly file: ProgramFile | Unavailable | undefined;
}

/** The sections that Go's linker writes (cmd/link/internal/ld/data.go, Go 1.27) and strip leaves. */
const GO_SECTIONS: ReadonlySet<string> = new Set([
	".go.buildinfo",
	".note.go.buildid",
	".gopclntab",
	".data.rel.ro.gopclntab",
]);
/** A file without a section table (sstrip) is searched for a Go version only up to this size. */
const MAX_SEARCHED = 256 << 20;

/** Tells Go programs from others by their files, each file looked at once for as long as processes run it. */
export class ProgramFiles {
	readonly #known = new Map<string, SeenProgram["file"]>();
	#used = new Set<string>();
	/** bytes of executables read so far */
	bytesRead = 0;

	/** The program of a process, or why its executable cannot be looked at. */
	of(pid: number, deadline: Deadline): SeenProgram | Unavailable {
		const link = readProcLink(pid, "exe");
		if (typeof link !== "string") return link;
		const key = keyOf(pid);
		if (typeof key !== "string") return key;
		const deleted = link.endsWith(" (deleted)");
		const path = deleted ? link.slice(0, -" (deleted)".length) : link;
		this.#used.add(key);
		if (!this.#known.has(key)) {
			const file = this.#read(pid, deadline);
			if (file !== undefined && isUnavailable(file)) return { key, path, deleted, file };
			this.#known.set(key, file);
		}
		return { key, path, deleted, file: this.#known.get(key) };
	}

	/**
	 * Keeps where a stripped program's variables were found, as if its file had said so: other processes of the same file
	 * need not be searched. It is held against the runtime's structure each time, as symbols are.
	 */
	learn(key: string, symbols: ProgramFile["symbols"]): void {
		const file = this.#known.get(key);
		if (file === undefined || isUnavailable(file) || file.symbols.has("mheap_")) return;
		this.#known.set(key, { ...file, symbols });
	}

	/** Forgets the files that no process has run since the last call. */
	endRound(): void {
		for (const key of this.#known.keys()) if (!this.#used.has(key)) this.#known.delete(key);
		this.#used = new Set();
	}

	/** What could not be read is not kept: the next round may have the right, or the time. */
	#read(pid: number, deadline: Deadline): SeenProgram["file"] {
		const exe = openExecutable(pid);
		if (isUnavailable(exe)) return exe;
		try {
			const source = new TimedSource(exe.file, () => deadline);
			const elf = parseElf({
				size: exe.file.size,
				readInto: (offset, into) => {
					const got = source.readInto(offset, into);
					this.bytesRead += got;
					return got;
				},
			});
			return isGo(elf, exe.file.size) ? identifyProgram(elf) : undefined;
		} catch (error) {
			if (error instanceof DeadlinePassed) return outOfTime(deadline, "its executable was looked at");
			// a script's interpreter is ELF, too: what is not (or of 32 bits) is no Go program that gomem reads
			if (error instanceof ParseError) return undefined;
			throw error;
		} finally {
			exe.file.close();
		}
	}
}

/** A look at the headers: reading the data for a version is for those that Go's linker made. */
function isGo(elf: ElfFile, size: number): boolean {
	if (hasGoSections(elf)) return true;
	if (readBuildIds(elf).go !== undefined) return true;
	return elf.sections.every((section) => section.name === "") && size <= MAX_SEARCHED;
}

export function hasGoSections(elf: Pick<ElfFile, "sections">): boolean {
	return elf.sections.some((section) => GO_SECTIONS.has(section.name));
}

function keyOf(pid: number): string | Unavailable {
	try {
		// follows the link to the open file, whatever stands at its path now
		const { dev, ino, mtimeMs, size } = statSync(`/proc/${memoryTask(pid)}/exe`);
		return `${dev}:${ino}:${mtimeMs}:${size}`;
	} catch (error) {
		return failure(pid, "exe", "read", error);
	}
}

/** The result where a process took longer than it may. */
export function outOfTime(deadline: Deadline, doing: string): Unavailable {
	return {
		unavailable: `the ${deadline.milliseconds} ms for one process passed while ${doing}`,
		wouldHelp: "a longer --timeout, or the process by itself: gomem why PID",
	};
}
