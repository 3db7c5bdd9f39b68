import { statfsSync } from "node:fs";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { type MemoryCgroup, memoryCgroup, parseCgroupPath } from "../../formats/cgroupfs/cgroup-path.ts";
import { cgroupDirectories, parseMountinfo } from "../../formats/cgroupfs/mountinfo.ts";
import type { Gone } from "./gone.ts";
import { readProcText } from "./proc-files.ts";
import { readSmallText } from "./proc-text.ts";
import { errnoOf } from "./system-error.ts";

/** The memory files of one cgroup, as they are; parse them with formats/cgroupfs. */
export interface CgroupLevel {
	/** in the hierarchy, as /proc/PID/cgroup names it to gomem */
	readonly path: string;
	/** where its files were read */
	readonly directory: string;
	/** text by file name; a file that is not there (the root has no memory.max) is absent */
	readonly files: ReadonlyMap<string, string>;
}

/** The memory cgroup of a process and its ancestors, the process's own first, as far up as a mount shows them. */
export interface CgroupReading {
	readonly version: 1 | 2;
	readonly path: string;
	readonly levels: readonly CgroupLevel[];
}

/** Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files"; cgroup-v1/memory.rst, section 3. */
const FILES: Readonly<Record<1 | 2, readonly string[]>> = {
	1: [
		"memory.limit_in_bytes",
		"memory.usage_in_bytes",
		"memory.max_usage_in_bytes",
		"memory.memsw.limit_in_bytes",
		"memory.failcnt",
		"memory.oom_control",
		"memory.stat",
	],
	2: [
		"memory.max",
		"memory.high",
		"memory.current",
		"memory.peak",
		"memory.swap.max",
		"memory.swap.current",
		"memory.events",
		"memory.pressure",
		"memory.oom.group",
		"memory.stat",
	],
};

/** include/uapi/linux/magic.h: CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC */
const MAGIC: Readonly<Record<1 | 2, number>> = { 1: 0x27e0eb, 2: 0x63677270 };

/** cgroup.max.depth has no limit by default; real trees are less than ten deep. */
const MAX_LEVELS = 64;

/** Where the process's memory is accounted, by /proc/PID/cgroup. */
export function memoryCgroupOf(pid: number): MemoryCgroup | Gone | Unavailable {
	const text = readProcText(pid, "cgroup");
	if (typeof text !== "string") return text;
	return (
		memoryCgroup(parseCgroupPath(text)) ?? {
			unavailable: "the kernel accounts no memory by cgroup",
			wouldHelp: "a kernel with CONFIG_MEMCG, and not booted with cgroup_disable=memory",
		}
	);
}

/**
 * Reads the memory files of a process's cgroup and its ancestors. They are looked for below gomem's own mounts, and where
 * those do not show the cgroup (gomem in another container) below those of the process, by /proc/PID/root.
 */
export function readMemoryCgroup(pid: number): CgroupReading | Gone | Unavailable {
	const cgroup = memoryCgroupOf(pid);
	if ("unavailable" in cgroup) return cgroup;
	const directories = directoriesBy(process.pid, "", cgroup) ?? directoriesBy(pid, `/proc/${pid}/root`, cgroup);
	if (directories === undefined) {
		return {
			unavailable: `no mount shows the cgroup ${cgroup.path}`,
			wouldHelp: "mount the host's /sys/fs/cgroup into gomem's container (read-only is enough)",
		};
	}
	return { ...cgroup, levels: readLevels(directories, cgroup) };
}

/** The directories by the mounts of one process, below `prefix`; undefined where they do not show the cgroup. */
function directoriesBy(pid: number, prefix: string, cgroup: MemoryCgroup): readonly string[] | undefined {
	const text = readProcText(pid, "mountinfo");
	if (typeof text !== "string") return undefined;
	const directories = cgroupDirectories(parseMountinfo(text, ["cgroup", "cgroup2"]), cgroup);
	const [own] = directories ?? [];
	if (directories === undefined || own === undefined) return undefined;
	try {
		// Another container's tree is not to be believed: what is not cgroupfs (a FUSE mount, a pipe) could hold us up.
		if (statfsSync(prefix + own).type !== MAGIC[cgroup.version]) return undefined;
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return undefined;
	}
	return directories.map((directory) => prefix + directory);
}

/** Reads the files of each directory; the first belongs to the cgroup itself, each next one to its parent. */
export function readLevels(directories: readonly string[], cgroup: MemoryCgroup): readonly CgroupLevel[] {
	const levels: CgroupLevel[] = [];
	let path = cgroup.path;
	for (const directory of directories.slice(0, MAX_LEVELS)) {
		const files = new Map<string, string>();
		for (const name of FILES[cgroup.version]) {
			const text = textIn(`${directory}/${name}`);
			if (text !== undefined) files.set(name, text);
		}
		levels.push({ path, directory, files });
		path = path.slice(0, path.lastIndexOf("/")) || "/";
	}
	return levels;
}

function textIn(path: string): string | undefined {
	try {
		return readSmallText(path);
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return undefined; // not in this kernel, not for the root, no right, or the cgroup was removed
	}
}
