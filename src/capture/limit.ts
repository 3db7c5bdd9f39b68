import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { MemoryLimit } from "../evidence/reading.ts";
import { containerOf } from "../formats/cgroupfs/container.ts";
import { effectiveLimit } from "../formats/cgroupfs/effective-limit.ts";
import { parseMemoryLimit, parseMemoryUsage } from "../formats/cgroupfs/memory.ts";
import { type CgroupLevel, memoryCgroupOf, readMemoryCgroup } from "./linux/cgroup-files.ts";
import { hostFacts } from "./linux/host-facts.ts";

/** What bounds a process's memory, and whose it is. */
export interface Bounds {
	readonly limit: MemoryLimit;
	/** short id of the container, or the systemd unit; undefined for neither */
	readonly container: string | undefined;
}

/** The smallest limit of the process's cgroup and its ancestors (v2 memory.max, v1 memory.limit_in_bytes), else the machine's memory. */
export function boundsOf(pid: number): Bounds {
	const machine: MemoryLimit = { bytes: hostFacts().memTotal, source: "machine" };
	const cgroup = memoryCgroupOf(pid);
	if (isUnavailable(cgroup)) return { limit: machine, container: undefined };
	const owner = containerOf(cgroup.path);
	const container = owner.container?.id.slice(0, 12) ?? owner.unit;
	const reading = readMemoryCgroup(pid);
	if (isUnavailable(reading)) return { limit: machine, container };
	const [limitFile, usageFile] = reading.version === 2 ? ["memory.max", "memory.current"] : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
	const chain = reading.levels.map((level) => ({ path: level.path, limit: numberIn(level, limitFile, parseMemoryLimit) }));
	const effective = effectiveLimit(chain, machine.bytes);
	if (effective.source === "host") return { limit: machine, container };
	const level = reading.levels.find((one) => one.path === effective.source);
	const usedBytes = level === undefined ? undefined : numberIn(level, usageFile, parseMemoryUsage);
	return {
		limit: { bytes: effective.bytes, source: `cgroup ${effective.source}`, ...(usedBytes === undefined ? {} : { usedBytes }) },
		container,
	};
}

function numberIn(level: CgroupLevel, file: string | undefined, parse: (text: string) => number | undefined): number | undefined {
	const text = file === undefined ? undefined : level.files.get(file);
	return text === undefined ? undefined : parse(text);
}
