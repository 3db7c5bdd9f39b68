import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { type Bounds, boundsFrom, type CgroupEvidence } from "../evidence/memory-bounds.ts";
import { memoryCgroupOf, readMemoryCgroup } from "./linux/cgroup-files.ts";
import { hostFacts } from "./linux/host-facts.ts";

/** What bounds a process's memory now, and whose it is. */
export function boundsOf(pid: number): Bounds {
	return boundsFrom(cgroupOf(pid), hostFacts().memTotal);
}

/** The files that say so; undefined where the kernel accounts no memory by cgroup, or the process is gone. */
export function cgroupOf(pid: number): CgroupEvidence | undefined {
	const cgroup = memoryCgroupOf(pid);
	if (isUnavailable(cgroup)) return undefined;
	const reading = readMemoryCgroup(pid);
	if (isUnavailable(reading)) return { version: cgroup.version, path: cgroup.path, levels: undefined };
	return {
		version: reading.version,
		path: reading.path,
		levels: reading.levels.map(({ path, files }) => ({ path, files: Object.fromEntries(files) })),
	};
}
