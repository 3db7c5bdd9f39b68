import { readlinkSync, statSync } from "node:fs";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { inInitialNamespace, ownUidMap } from "./host-namespaces.ts";
import { readSmallText } from "./proc-text.ts";
import { errnoOf } from "./system-error.ts";

/**
 * What decides the kernel's ptrace access check (kernel/ptrace.c, __ptrace_may_access; security/yama/yama_lsm.c):
 * same uids and gids or CAP_SYS_PTRACE in the target's user namespace; then dumpable or CAP_SYS_PTRACE; then security
 * modules. Undefined where it could not be learnt.
 */
export interface AccessFacts {
	readonly pid: number;
	/** real, effective, saved uid; gomem's filesystem uid is the effective one */
	readonly ownUid: number;
	readonly targetUids: readonly number[] | undefined;
	/** gomem's effective capabilities */
	readonly ownCaps: bigint;
	/** the target's permitted capabilities: the caller needs all of them */
	readonly targetCaps: bigint;
	/** the files of /proc/PID belong to root although the process does not: PR_SET_DUMPABLE 0, or a setuid/unreadable file */
	readonly dumpable: boolean | undefined;
	/** kernel.yama.ptrace_scope; undefined where the kernel has no Yama */
	readonly yamaScope: number | undefined;
	/** gomem runs in a user namespace other than the initial one (rootless container) */
	readonly inUserNamespace: boolean;
	/** the label of a confining security module, such as an AppArmor profile in enforce mode */
	readonly confinedBy: string | undefined;
}

export const CAP_SYS_PTRACE = 1n << 19n;
const CAP_DAC_OVERRIDE = 1n << 1n;
const CAP_DAC_READ_SEARCH = 1n << 2n;

/** "attach": mem, task/TID/syscall (Yama applies). "read": maps, smaps, pagemap, environ, exe (Yama does not). */
export type Access = "attach" | "read";

/** Says in words why the check failed and what would make it pass. */
export function whyDenied(facts: AccessFacts, access: Access): Unavailable {
	const hasPtrace = (facts.ownCaps & CAP_SYS_PTRACE) !== 0n;
	const container = " (docker: --cap-add SYS_PTRACE; kubectl debug --profile=general)";
	const asRoot = `run gomem as root or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH${container}`;
	if (hasPtrace) {
		if (access === "attach" && facts.yamaScope === 3) {
			return {
				unavailable: "kernel.yama.ptrace_scope=3 forbids reading other processes' memory, even for root",
				wouldHelp: "boot with kernel.yama.ptrace_scope below 3 (it cannot be lowered while running)",
			};
		}
		if (facts.inUserNamespace) {
			return {
				unavailable: "gomem's capabilities are those of a container's user namespace, and the process is outside of it",
				wouldHelp: "run gomem as root of the host, or in the user namespace of the process",
			};
		}
		if (deniedByMode(facts)) {
			return {
				unavailable: `the files of process ${facts.pid} in /proc may be opened by their owner only: CAP_SYS_PTRACE alone, without CAP_DAC_READ_SEARCH, does not do`,
				wouldHelp: `run gomem as root, or with CAP_DAC_READ_SEARCH as well${container}`,
			};
		}
		return deniedByModule(facts);
	}
	const uids = facts.targetUids;
	if (uids?.some((uid) => uid !== facts.ownUid)) {
		const owner = uids.every((uid) => uid === uids[0]) ? `uid ${uids[0]}` : `uids ${uids.join(", ")}`;
		return {
			unavailable: `process ${facts.pid} runs as ${owner}, gomem as uid ${facts.ownUid} without CAP_SYS_PTRACE`,
			wouldHelp:
				uids[0] !== 0 && uids.every((uid) => uid === uids[0])
					? `run gomem as uid ${uids[0]}, as root or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH${container}`
					: asRoot,
		};
	}
	if (facts.dumpable === false) {
		return {
			unavailable: `process ${facts.pid} is not dumpable: it was started set-uid, from a file that its user may not read, or called prctl(PR_SET_DUMPABLE, 0)`,
			wouldHelp: asRoot,
		};
	}
	if ((facts.targetCaps & ~facts.ownCaps) !== 0n) {
		return {
			unavailable: `process ${facts.pid} holds capabilities that gomem lacks`,
			wouldHelp: asRoot,
		};
	}
	if (access === "attach" && facts.yamaScope !== undefined && facts.yamaScope > 0) {
		return {
			unavailable: `kernel.yama.ptrace_scope=${facts.yamaScope} denies another process's memory ${
				["", "to all but its ancestors", "to all without CAP_SYS_PTRACE", "to all, root too"][facts.yamaScope] ?? ""
			}, even to its owner`,
			wouldHelp: facts.yamaScope === 3 ? "a kernel.yama.ptrace_scope below 3, which needs a reboot" : asRoot,
		};
	}
	return deniedByModule(facts);
}

/**
 * mem, pagemap, environ, auxv and syscall have mode 0400 or 0600 (tgid_base_stuff in fs/proc/base.c), and that is checked
 * before the rest. They belong to the process's effective user, and to root where the process is not dumpable.
 */
function deniedByMode({ targetUids, dumpable, ownUid, ownCaps }: AccessFacts): boolean {
	const owner = dumpable === false ? 0 : targetUids?.[1];
	return owner !== undefined && owner !== ownUid && (ownCaps & (CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH)) === 0n;
}

function deniedByModule(facts: AccessFacts): Unavailable {
	const label = facts.confinedBy === undefined ? "" : ` (gomem runs as ${facts.confinedBy})`;
	return {
		unavailable: `the kernel denied access to process ${facts.pid}, though user and capabilities would allow it: a security module (AppArmor, SELinux) or seccomp${label}`,
		wouldHelp: "run gomem unconfined (docker: --security-opt apparmor=unconfined --security-opt seccomp=unconfined)",
	};
}

/** Gathers the facts and says why. For a file of /proc/PID that could not be opened with EACCES or EPERM. */
export function explainDenied(pid: number, access: Access): Unavailable {
	return whyDenied(accessFacts(pid), access);
}

export function accessFacts(pid: number): AccessFacts {
	const own = statusFields("self");
	const target = statusFields(String(pid));
	const targetUids = target.get("Uid")?.split(/\s+/).slice(0, 3).map(Number);
	return {
		pid,
		ownUid: Number(own.get("Uid")?.split(/\s+/)[1] ?? 0),
		targetUids,
		ownCaps: BigInt(`0x${own.get("CapEff") ?? "0"}`),
		targetCaps: BigInt(`0x${target.get("CapPrm") ?? "0"}`),
		dumpable: dumpable(pid, targetUids),
		yamaScope: numberIn("/proc/sys/kernel/yama/ptrace_scope"),
		inUserNamespace: !(inInitialNamespace("self", "user") ?? ownUidMap().join() === "0 0 4294967295"),
		confinedBy: confinement(),
	};
}

/** task_dump_owner (fs/proc/base.c): /proc/PID's files belong to the process's effective uid only while it is dumpable. */
function dumpable(pid: number, uids: readonly number[] | undefined): boolean | undefined {
	if (uids === undefined || uids[1] === 0) return undefined;
	try {
		return statSync(`/proc/${pid}/stat`).uid === uids[1];
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
}

/** The label of a security module that confines gomem, such as an AppArmor profile; undefined where there is none. */
export function confinement(): string | undefined {
	const label = textOf("/proc/self/attr/current")?.replaceAll("\0", "").trim();
	return label === undefined || label === "" || label === "unconfined" ? undefined : label;
}

/** Whether two processes share a namespace; undefined where one of the links cannot be read. */
export function sameNamespace(pid: number, kind: "user" | "pid" | "mnt" | "cgroup"): boolean | undefined {
	try {
		return readlinkSync(`/proc/self/ns/${kind}`) === readlinkSync(`/proc/${pid}/ns/${kind}`);
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
}

function statusFields(pid: string): ReadonlyMap<string, string> {
	const fields = new Map<string, string>();
	for (const line of textOf(`/proc/${pid}/status`)?.split("\n") ?? []) {
		const colon = line.indexOf(":");
		if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
	}
	return fields;
}

function numberIn(path: string): number | undefined {
	const text = textOf(path)?.trim();
	return text === undefined || text === "" || Number.isNaN(Number(text)) ? undefined : Number(text);
}

function textOf(path: string): string | undefined {
	try {
		return readSmallText(path);
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
}
