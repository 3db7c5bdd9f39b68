import { writeFileSync } from "node:fs";
import { isUnavailable, type Unavailable } from "../../evidence/bundle/unavailable.ts";
import { parseMemoryLimit, parseMemoryStat, parseMemoryUsage } from "../../formats/cgroupfs/memory.ts";
import { type CgroupLevel, type CgroupReading, memoryCgroupOf, readMemoryCgroup } from "./cgroup-files.ts";
import { errnoOf } from "./system-error.ts";

/**
 * Makes gomem the first that the OOM killer takes, rather than the process it looks at. Raising one's own score needs no
 * privilege. Returns whether it worked; children inherit it.
 */
export function preferOwnOomKill(): boolean {
	try {
		writeFileSync("/proc/self/oom_score_adj", "1000");
		return true;
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return false;
	}
}

/** Whether gomem is in the process's own memory cgroup (kubectl exec, nsenter); undefined where that is not known. */
export function inTargetsCgroup(pid: number): boolean | undefined {
	const target = memoryCgroupOf(pid);
	const own = memoryCgroupOf(process.pid);
	if (isUnavailable(target) || isUnavailable(own)) return undefined;
	return own.version === target.version && own.path === target.path;
}

export interface Headroom {
	/** bytes that may still be used before the limit; clean page cache counts as free, since the kernel takes it first */
	readonly bytes: number;
	/** bytes */
	readonly limit: number;
	/** the cgroup whose limit it is */
	readonly path: string;
}

/**
 * The least headroom of the limited cgroups that gomem and the process are both in: what gomem uses there, the process
 * cannot. Undefined where they share no limit. A sidecar shares the pod's.
 */
export function sharedHeadroom(pid: number): Headroom | undefined {
	const target = readMemoryCgroup(pid);
	const own = memoryCgroupOf(process.pid);
	if (isUnavailable(target) || isUnavailable(own) || own.version !== target.version) return undefined;
	return leastHeadroom(target, own.path);
}

/** As sharedHeadroom, of what was read. */
export function leastHeadroom(target: CgroupReading, ownPath: string): Headroom | undefined {
	let least: Headroom | undefined;
	for (const level of target.levels) {
		if (!isWithin(ownPath, level.path)) continue;
		const headroom = headroomOf(level, target.version);
		if (headroom !== undefined && (least === undefined || headroom.bytes < least.bytes)) least = headroom;
	}
	return least;
}

/**
 * Whether gomem may use that many bytes beside the process: undefined if so, else why not. It may where they share no
 * limit, or where at least twice as much is left: one OOM kill may take the whole group (memory.oom.group).
 */
export function refuseForHeadroom(pid: number, plannedBytes: number): Unavailable | undefined {
	const headroom = sharedHeadroom(pid);
	return headroom === undefined ? undefined : refusal(headroom, plannedBytes);
}

export function refusal(headroom: Headroom, plannedBytes: number): Unavailable | undefined {
	if (headroom.bytes > 2 * plannedBytes) return undefined;
	const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
	return {
		unavailable: `gomem would need about ${mib(plannedBytes)} inside the cgroup ${headroom.path}, which it shares with the process and which has ${mib(headroom.bytes)} left of ${mib(headroom.limit)}: more than half of that could get the process killed`,
		wouldHelp: "run gomem on the host or in a container of its own, or raise the limit",
	};
}

function headroomOf(level: CgroupLevel, version: 1 | 2): Headroom | undefined {
	const text = (v2: string, v1: string): string | undefined => level.files.get(version === 2 ? v2 : v1);
	const limitText = text("memory.max", "memory.limit_in_bytes");
	const usageText = text("memory.current", "memory.usage_in_bytes");
	if (limitText === undefined || usageText === undefined) return undefined;
	const limit = parseMemoryLimit(limitText);
	if (limit === undefined) return undefined;
	const stat = level.files.get("memory.stat");
	const reclaimable = stat === undefined ? 0 : (parseMemoryStat(stat, version).inactiveFile ?? 0);
	const used = Math.max(0, parseMemoryUsage(usageText) - reclaimable);
	return { bytes: Math.max(0, limit - used), limit, path: level.path };
}

/** Whether a cgroup is the other one or below it. */
function isWithin(path: string, ancestor: string): boolean {
	return ancestor === "/" || path === ancestor || path.startsWith(`${ancestor}/`);
}
