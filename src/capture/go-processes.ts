import { readFileSync, readlinkSync, statSync } from "node:fs";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { openExecutable } from "./linux/executable.ts";
import { listPids } from "./linux/process-identity.ts";
import { errnoOf } from "./linux/system-error.ts";
import { Deadline, DeadlinePassed, TimedSource } from "./ps-deadline.ts";
import { hasGoSections } from "./ps-programs.ts";

export interface NamedProcess {
	readonly pid: number;
	/** the command's name, 15 bytes at most */
	readonly name: string;
}

/**
 * Running processes whose executable has the sections of Go's linker, newest first, as far as they are found in the time.
 * Each file is looked at once, and nothing but its headers: for completion, not for saying what is there.
 */
export function goProcesses(longestMs: number): readonly NamedProcess[] {
	const deadline = new Deadline(longestMs);
	const known = new Map<string, boolean>();
	const found: NamedProcess[] = [];
	const own = Number(readlinkSync("/proc/self"));
	for (const pid of listPids().toReversed()) {
		try {
			deadline.check();
			if (pid === own) continue;
			const { dev, ino } = statSync(`/proc/${pid}/exe`);
			const key = `${dev}:${ino}`;
			const go = known.get(key) ?? isGo(pid, deadline);
			known.set(key, go);
			if (go) found.push({ pid, name: readFileSync(`/proc/${pid}/comm`, "utf8").trim() });
		} catch (error) {
			if (error instanceof DeadlinePassed) break;
			// a kernel thread, another user's process, one that has ended
			if (errnoOf(error) === undefined) throw error;
		}
	}
	return found;
}

function isGo(pid: number, deadline: Deadline): boolean {
	const exe = openExecutable(pid);
	if (isUnavailable(exe)) return false;
	try {
		const source = new TimedSource(exe.file, () => deadline);
		return hasGoSections(parseElf({ size: exe.file.size, readInto: (offset, into) => source.readInto(offset, into) }));
	} catch (error) {
		if (error instanceof ParseError) return false;
		throw error;
	} finally {
		exe.file.close();
	}
}
