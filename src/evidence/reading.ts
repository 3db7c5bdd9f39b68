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
	/** infinite where neither is known, as of a core */
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
	/** the allocator of C memory that is linked into the executable in place of the C library's, where symbols say so */
	readonly allocator?: "jemalloc" | "tcmalloc" | "mimalloc" | "musl" | undefined;
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
	/**
	 * exact: this release was measured; dwarf: the program's own debug information; interpolated: equal neighbours;
	 * validated: the only one of its minor that fits
	 */
	readonly certainty: "exact" | "dwarf" | "interpolated" | "validated";
	/** the layout itself, as JSON, where the table does not have it: of DWARF, or added by the user */
	readonly record?: Readonly<Record<string, unknown>>;
}

/** A thread as the kernel has it. */
export interface Thread {
	readonly tid: number;
	/** user stack pointer while blocked; undefined while it runs or without the right to ask */
	readonly sp: number | undefined;
}

/**
 * What a core file says of itself. A reading of one has no resident pages: its `residency` has the pages that the file holds
 * and that are not all zero, and its mappings' `rss` their sum. Pss, swap, the limit and times of the kernel are not in a
 * core: those fields are 0, and `unavailable` says so.
 */
export interface CoreEvidence {
	readonly file: string;
	/** who wrote it, by its notes */
	readonly maker: "kernel" | "gdb" | "other";
	/** the signal that ended the process; undefined where it lived on */
	readonly signal: number | undefined;
	/** the executable that was read beside it; undefined where only what the core holds of it was */
	readonly executable: string | undefined;
	/** it was named by the user, not by the core */
	readonly given: boolean;
	/** bytes of pages in the file that are all zero, which are not counted: most were never touched */
	readonly zeroBytes: number;
	/** bytes of mapped files that were left out of the dump */
	readonly fileBytesLeftOut: number;
	/** bytes of writable memory without a file that were left out: never touched, or not wanted in the dump */
	readonly anonymousBytesLeftOut: number;
	/** bytes that the file should hold and does not: it ends early */
	readonly cutBytes: number;
	/** bytes that are counted without having been looked at, so with their zero pages */
	readonly uncheckedBytes: number;
}

/** One reading of one process: everything that later layers judge, and nothing judged. */
export interface Reading {
	readonly pid: number;
	/** unix milliseconds */
	readonly at: number;
	/** there where the reading is a core's */
	readonly core?: CoreEvidence;
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
	/** how long the target stood still; 0 where it was not paused. Whether that was long enough, `stoodStill` says */
	readonly pausedMs: number;
	readonly bytesRead: number;
}

/** The part of `unavailable` that says why the target was not stopped, or ran on before the reading was done. */
export const PAUSE_PART = "pause";

/** Whether the target stood still from the first to the last that was read of it. */
export function stoodStill({ cost, unavailable }: Pick<Reading, "cost" | "unavailable">): boolean {
	return cost.pausedMs > 0 && !unavailable.some(({ part }) => part === PAUSE_PART);
}
