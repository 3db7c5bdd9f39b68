import { containerOf } from "../formats/cgroupfs/container.ts";
import { effectiveLimit } from "../formats/cgroupfs/effective-limit.ts";
import { parseMemoryLimit, parseMemoryUsage } from "../formats/cgroupfs/memory.ts";
import type { MemoryLimit } from "./reading.ts";

/** Where a process's memory is accounted, as the kernel's files say it. */
export interface CgroupEvidence {
	readonly version: 1 | 2;
	/** in the hierarchy, as /proc/PID/cgroup names it to gomem */
	readonly path: string;
	/** the process's own cgroup first, then its ancestors; text by file name. Undefined where no mount shows them */
	readonly levels: readonly CgroupFiles[] | undefined;
}

export interface CgroupFiles {
	readonly path: string;
	readonly files: Readonly<Record<string, string>>;
}

/** What bounds a process's memory, and whose it is. */
export interface Bounds {
	readonly limit: MemoryLimit;
	/** short id of the container, or the systemd unit; undefined for neither */
	readonly container: string | undefined;
}

/**
 * The smallest limit of the process's cgroup and its ancestors (v2 memory.max, v1 memory.limit_in_bytes), else the
 * machine's memory (bytes). Throws ParseError.
 */
export function boundsFrom(cgroup: CgroupEvidence | undefined, memTotal: number): Bounds {
	const machine: MemoryLimit = { bytes: memTotal, source: "machine" };
	if (cgroup === undefined) return { limit: machine, container: undefined };
	const owner = containerOf(cgroup.path);
	const container = owner.container?.id.slice(0, 12) ?? owner.unit;
	const { levels } = cgroup;
	if (levels === undefined) return { limit: machine, container };
	const [limitFile, usageFile] =
		cgroup.version === 2
			? (["memory.max", "memory.current"] as const)
			: (["memory.limit_in_bytes", "memory.usage_in_bytes"] as const);
	const chain = levels.map((level) => ({ path: level.path, limit: numberIn(level, limitFile, parseMemoryLimit) }));
	const effective = effectiveLimit(chain, machine.bytes);
	if (effective.source === "host") return { limit: machine, container };
	const level = levels.find((one) => one.path === effective.source);
	const usedBytes = level === undefined ? undefined : numberIn(level, usageFile, parseMemoryUsage);
	return {
		limit: {
			bytes: effective.bytes,
			source: `cgroup ${effective.source}`,
			...(usedBytes === undefined ? {} : { usedBytes }),
		},
		container,
	};
}

function numberIn(level: CgroupFiles, file: string, parse: (text: string) => number | undefined): number | undefined {
	const text = level.files[file];
	return text === undefined ? undefined : parse(text);
}
