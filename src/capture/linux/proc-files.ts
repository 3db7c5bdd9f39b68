import { readlinkSync } from "node:fs";
import { decodeUtf8 } from "../../bytes/cursor.ts";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { readableEnvironment } from "../../formats/procfs/environ.ts";
import { type Access, explainDenied } from "./denied.ts";
import { type Gone, goneProcess } from "./gone.ts";
import { readCapped } from "./proc-text.ts";
import { errnoOf, isDenied, isGone } from "./system-error.ts";
import { memoryTask } from "./task-state.ts";

const MiB = 2 ** 20;

interface FileRow {
	/** bytes; what is longer is not read at all */
	readonly cap: number;
	/** the kernel's access check where the file's mode alone does not decide */
	readonly access: Access | undefined;
	/** belongs to the address space: read through a living thread where the leader has exited */
	readonly ofMemory: boolean;
}

const open: FileRow = { cap: MiB, access: undefined, ofMemory: false };
const memory: FileRow = { cap: MiB, access: "read", ofMemory: true };

/** The files of /proc/PID that gomem reads as they are. environ is not among them: see readEnvironment. */
const FILES = {
	stat: open,
	statm: { ...open, ofMemory: true },
	status: { ...open, ofMemory: true },
	cgroup: open,
	limits: open,
	oom_score_adj: open,
	mountinfo: { ...open, cap: 64 * MiB },
	cmdline: { ...open, cap: 4 * MiB, ofMemory: true },
	auxv: memory,
	// 65,530 mappings (vm.max_map_count) with paths of 4 KiB would be beyond this; with usual ones it is 10 and 60 MiB
	maps: { ...memory, cap: 256 * MiB },
	smaps: { ...memory, cap: 512 * MiB },
	smaps_rollup: memory,
	io: { ...open, access: "read" },
	"net/tcp": { ...open, cap: 64 * MiB },
	"net/tcp6": { ...open, cap: 64 * MiB },
} as const satisfies Readonly<Record<string, FileRow>>;

export type ProcFile = keyof typeof FILES;

/** Reads a file of /proc/PID. Gone, denied and too long are told apart; other system errors are thrown. */
export function readProcBytes(pid: number, name: ProcFile): Uint8Array | Gone | Unavailable {
	const row: FileRow = FILES[name];
	return readPath(pid, name, row);
}

/** As readProcBytes, decoded as UTF-8; bytes that are not UTF-8 (in paths) become U+FFFD. */
export function readProcText(pid: number, name: ProcFile): string | Gone | Unavailable {
	const bytes = readProcBytes(pid, name);
	return bytes instanceof Uint8Array ? decodeUtf8(bytes) : bytes;
}

/** GOGC, GOMEMLIMIT, GODEBUG, GOMAXPROCS and MALLOC_* as they were at exec. Nothing else of the environment is kept. */
export function readEnvironment(pid: number): Readonly<Record<string, string>> | Gone | Unavailable {
	// ARG_MAX is 6 MiB at most for arguments and environment together (fs/exec.c, bprm_stack_limits)
	const bytes = readPath(pid, "environ", { cap: 8 * MiB, access: "read", ofMemory: true });
	return bytes instanceof Uint8Array ? readableEnvironment(bytes) : bytes;
}

/** The target of a link such as "exe", "ns/pid", "fd/3", "cwd". */
export function readProcLink(pid: number, name: string): string | Gone | Unavailable {
	const task = name === "exe" ? memoryTask(pid) : pid;
	try {
		return readlinkSync(`/proc/${task}/${name}`);
	} catch (error) {
		return failure(pid, name, "read", error);
	}
}

function readPath(pid: number, name: string, row: FileRow): Uint8Array | Gone | Unavailable {
	const task = row.ofMemory ? memoryTask(pid) : pid;
	try {
		const { bytes, truncated } = readCapped(`/proc/${task}/${name}`, row.cap);
		if (!truncated) return bytes;
		return { unavailable: `/proc/${pid}/${name} is longer than ${row.cap / MiB} MiB` };
	} catch (error) {
		return failure(pid, name, row.access ?? "read", error);
	}
}

/** The result for a failed system call on a file of /proc/PID. Rethrows what is no expected failure. */
export function failure(pid: number, name: string, access: Access, error: unknown): Gone | Unavailable {
	const errno = errnoOf(error);
	if (errno === undefined) throw error;
	if (isDenied(errno)) return explainDenied(pid, access);
	if (!isGone(errno)) throw error;
	const gone = goneProcess(pid);
	if (gone !== undefined) return gone;
	if (name === "exe") return { unavailable: `process ${pid} has no executable file: it is about to end` };
	return { unavailable: `this kernel has no /proc/PID/${name}` };
}
