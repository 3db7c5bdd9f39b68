import type { TargetMemory } from "../bytes/block-reader.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { ProcessStat } from "../formats/procfs/stat.ts";
import type { ProcessStatus } from "../formats/procfs/status.ts";
import type { Unavailable } from "./bundle/unavailable.ts";

/** The machine that the process runs on, as far as a reading depends on it. */
export interface HostSummary {
	readonly kernel: string;
	/** bytes */
	readonly pageSize: number;
	readonly ticksPerSecond: number;
	/** seconds since the epoch */
	readonly bootTime: number;
	/** bytes */
	readonly memTotal: number;
}

/** The limit that ends the process: of its cgroup or an ancestor of it, else the machine's memory. */
export interface MemoryLimit {
	readonly bytes: number;
	/** "cgroup /a/b", "machine" … */
	readonly source: string;
	/** memory.current of the cgroup that has the limit, where there is one */
	readonly usedBytes?: number;
}

/** What the executable says of itself, and where the runtime's variables stand in this process. */
export interface Program {
	/** as the linker wrote it: "go1.26.8", "go1.26.8-X:nogreenteagc" */
	readonly goVersion: string;
	/** where the version was read: the build information, or the runtime's own string */
	readonly goVersionSource: string;
	readonly arch: "amd64" | "arm64";
	/** main module path and version, where the build information has them */
	readonly module?: { readonly path: string; readonly version: string };
	/** import path of package main */
	readonly package?: string;
	/** build settings: GOARCH, CGO_ENABLED, -race, -ldflags … */
	readonly settings: Readonly<Record<string, string>>;
	readonly stripped: boolean;
	readonly pie: boolean;
	readonly dynamic: boolean;
	/** load address minus link address */
	readonly bias: number;
	/** writable memory of the executable (data, bss) in the process, and all of its segments */
	readonly data: readonly { readonly start: number; readonly end: number }[];
	readonly layout?: LayoutUse | undefined;
	/** addresses of runtime variables, name without "runtime." */
	readonly globals: Readonly<Record<string, number>>;
	readonly globalsFrom: "symbols" | "structure" | "none";
}

export interface LayoutUse {
	/** key of the layout in the table */
	readonly label: string;
	/** exact: this release was measured; interpolated: equal neighbours; validated: the only one of its minor that fits */
	readonly certainty: "exact" | "interpolated" | "validated";
}

/** A thread as the kernel has it. */
export interface Thread {
	readonly tid: number;
	/** user stack pointer while blocked; undefined while it runs or without the right to ask */
	readonly sp: number | undefined;
}

/** One reading of one process: everything that later layers judge, and nothing judged. */
export interface Reading {
	readonly pid: number;
	/** unix milliseconds */
	readonly at: number;
	readonly host: HostSummary;
	readonly exe: string;
	readonly exeDeleted: boolean;
	/** device:inode of the executable as maps has it, where it is mapped */
	readonly stat: ProcessStat;
	readonly status: ProcessStatus;
	readonly container: string | undefined;
	readonly limit: MemoryLimit;
	/** GOGC, GOMEMLIMIT, GODEBUG, GOMAXPROCS, MALLOC_* as the process was started with; absent where unreadable */
	readonly environment?: Readonly<Record<string, string>>;
	/** read directly after the residency; empty where smaps may not be read */
	readonly mappings: readonly SmapsEntry[];
	readonly residency?: Residency;
	readonly threads: readonly Thread[];
	readonly program?: Program;
	/** the runtime's memory: the live process, or what a bundle recorded of it */
	readonly memory?: TargetMemory;
	/** parts that could not be read: name, why, what would help */
	readonly unavailable: readonly (Unavailable & { readonly part: string })[];
	readonly cost: ReadingCost;
}

/** What the reading itself cost. */
export interface ReadingCost {
	readonly wallMs: number;
	/** how long the target stood still; 0 where it was not paused */
	readonly pausedMs: number;
	readonly bytesRead: number;
}
