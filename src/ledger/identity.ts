import type { Reading } from "../evidence/reading.ts";

/** Which process a reading is of, as far as it tells. */
export interface ProcessIdentity {
	/** as it was seen by who read it: another pid namespace counts otherwise */
	readonly pid: number | undefined;
	/** the command's name, of which the kernel keeps 15 bytes */
	readonly name: string;
	/** path of the executable; "" where it could not be read */
	readonly exe: string;
	/** path of the main module */
	readonly module?: string | undefined;
	/** unix milliseconds; undefined where the reading does not hold it, as of a core */
	readonly startedAt?: number | undefined;
}

export function identityOf(reading: Reading): ProcessIdentity {
	const { pid, exe, stat, host, program, core } = reading;
	return {
		pid,
		name: stat.comm,
		exe,
		module: program?.module?.path,
		startedAt: core === undefined ? (host.bootTime + stat.startTime / host.ticksPerSecond) * 1000 : undefined,
	};
}

/** Boot time and uptime are whole seconds in saved results, and the clock is set now and then. */
const SAME_START_MS = 5000;

/** Whether two readings are of one life of one process. What either does not tell is not held against it. */
export function sameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
	if (a.pid !== undefined && b.pid !== undefined && a.pid !== b.pid) return false;
	const apart = a.startedAt === undefined || b.startedAt === undefined ? 0 : Math.abs(a.startedAt - b.startedAt);
	return apart <= SAME_START_MS && sameProgram(a, b);
}

/**
 * Whether two processes run the same program, whatever its version. Releases and `go run` put one program at many paths: where
 * the main module is the same, the file's name decides. Names of folders may be a capture's pseudonyms.
 */
export function sameProgram(a: ProcessIdentity, b: ProcessIdentity): boolean {
	if (a.exe === "" || b.exe === "") return a.name === b.name;
	if (a.exe === b.exe) return !modulesDiffer(a, b);
	if (baseName(a.exe) !== baseName(b.exe) || modulesDiffer(a, b)) return false;
	return (a.module !== undefined && a.module === b.module) || PSEUDONYM.test(a.exe) || PSEUDONYM.test(b.exe);
}

function modulesDiffer(a: ProcessIdentity, b: ProcessIdentity): boolean {
	return a.module !== undefined && b.module !== undefined && a.module !== b.module;
}

/** What a capture has in place of a folder's name (evidence/redaction.ts). */
const PSEUDONYM = /\/dir-[0-9a-f]{8}\//;

function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
