import { readlinkSync } from "node:fs";
import { parseNsLink } from "../../formats/procfs/namespaces.ts";
import { readSmallText } from "./proc-text.ts";
import { errnoOf } from "./system-error.ts";

/** Inodes of the namespaces that the kernel starts with (include/linux/proc_ns.h, PROC_USER_INIT_INO and its like). */
const INITIAL = { ipc: 0xefffffff, uts: 0xeffffffe, user: 0xeffffffd, pid: 0xeffffffc, cgroup: 0xeffffffb } as const;
export type NamespaceKind = keyof typeof INITIAL;

/**
 * Whether a process is in the namespace that the kernel started with: the host's, not a container's. Undefined where the
 * link cannot be read or is none. Sandboxes with a kernel of their own (gVisor) number their first namespace as they like.
 */
export function inInitialNamespace(pid: number | "self", kind: NamespaceKind): boolean | undefined {
	const inode = namespaceOf(pid, kind);
	return inode === undefined ? undefined : inode === INITIAL[kind];
}

/** The inode of a process's namespace; undefined where it cannot be read. */
export function namespaceOf(pid: number | "self", kind: string): number | undefined {
	try {
		return parseNsLink(readlinkSync(`/proc/${pid}/ns/${kind}`))?.inode;
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
}

/** How a user namespace numbers its users: lines of /proc/self/uid_map, `inside outside count`. */
export function ownUidMap(): readonly string[] {
	try {
		const lines = readSmallText("/proc/self/uid_map").split("\n", 340);
		return lines.map((line) => line.trim().split(/\s+/).join(" ")).filter((line) => line !== "");
	} catch (error) {
		if (errnoOf(error) !== undefined) return [];
		throw error;
	}
}
