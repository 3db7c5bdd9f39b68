import { machine, release } from "node:os";
import { parseAuxv } from "../../formats/procfs/auxv.ts";
import { readCapped, readSmallText } from "./proc-text.ts";

/** What of the machine a reading depends on. All of it is constant while the machine is up, but for memTotal. */
export interface HostFacts {
	/** uname -r */
	readonly kernel: string;
	/** uname -m: x86_64, aarch64 … */
	readonly machine: string;
	/** bytes; AT_PAGESZ */
	readonly pageSize: number;
	/** ticks per second of the times in /proc/PID/stat; AT_CLKTCK */
	readonly ticksPerSecond: number;
	/** seconds since the epoch at boot (/proc/stat, btime) */
	readonly bootTime: number;
	/** changes with each boot; with pid and start time it names a process for good */
	readonly bootId: string;
	/** bytes; MemTotal of /proc/meminfo */
	readonly memTotal: number;
}

let known: HostFacts | undefined;

/** The facts of this machine, read once. Throws where /proc is not there: gomem cannot do anything then. */
export function hostFacts(): HostFacts {
	known ??= readHostFacts();
	return known;
}

function readHostFacts(): HostFacts {
	const auxv = parseAuxv(readCapped("/proc/self/auxv", 65536).bytes);
	return {
		kernel: release(),
		machine: machine(),
		pageSize: auxv.pageSize ?? 4096,
		ticksPerSecond: auxv.clockTicks ?? 100,
		bootTime: numberAfter("/proc/stat", /^btime (\d+)$/m),
		bootId: readSmallText("/proc/sys/kernel/random/boot_id").trim(),
		memTotal: numberAfter("/proc/meminfo", /^MemTotal:\s+(\d+) kB$/m) * 1024,
	};
}

function numberAfter(path: string, pattern: RegExp): number {
	return Number(readSmallText(path).match(pattern)?.[1] ?? 0);
}
