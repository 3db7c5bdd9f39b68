import { ParseError } from "../../bytes/parse-error.ts";

/** Values of the v1 limit files from here on mean none: LONG_MAX rounded down to a page, PAGE_COUNTER_MAX (mm/page_counter.c). */
const V1_UNLIMITED = 2 ** 63 - 2 ** 17;

/**
 * A limit in bytes: memory.max, memory.high, memory.swap.max (v2: a number or `max`), memory.limit_in_bytes,
 * memory.memsw.limit_in_bytes, memory.soft_limit_in_bytes (v1: a number, 9223372036854771712 without a limit; the last
 * digits depend on the page size). Undefined: no limit. Throws ParseError.
 */
export function parseMemoryLimit(text: string): number | undefined {
	const value = text.trim();
	if (value === "max" || value === "-1") return undefined;
	const bytes = number(value, "limit");
	return bytes >= V1_UNLIMITED ? undefined : bytes;
}

/** Bytes in memory.current, memory.peak, memory.swap.current, memory.usage_in_bytes, memory.max_usage_in_bytes. Throws ParseError. */
export function parseMemoryUsage(text: string): number {
	return number(text.trim(), "usage");
}

/** memory.stat has some 60 keys, v1 with its totals some 70; numa files are longer and not read here. */
const MAX_KEYS = 1024;

/** Lines `key number`: memory.stat, memory.events, memory.events.local, memory.oom_control. Throws ParseError. */
export function parseFlatKeyed(text: string, format: string): ReadonlyMap<string, number> {
	const values = new Map<string, number>();
	for (const line of text.split("\n", MAX_KEYS + 1)) {
		if (line === "") continue;
		const space = line.indexOf(" ");
		if (space < 1 || values.size === MAX_KEYS) {
			const actual = JSON.stringify(line.slice(0, 60));
			throw new ParseError({ format, expected: `at most ${MAX_KEYS} lines of a key and a number`, actual });
		}
		values.set(line.slice(0, space), number(line.slice(space + 1), line.slice(0, space)));
	}
	return values;
}

/**
 * memory.stat in the words of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst), of the cgroup with its descendants;
 * bytes but for faults and refaults. What a kernel or v1 does not tell is undefined.
 */
export interface MemoryStat {
	readonly anon: number | undefined;
	/** page cache, tmpfs and shared memory among it */
	readonly file: number | undefined;
	readonly shmem: number | undefined;
	readonly fileMapped: number | undefined;
	readonly fileDirty: number | undefined;
	readonly anonThp: number | undefined;
	/** file pages that go first when memory gets short: usage without these is the kubelet's working set */
	readonly inactiveFile: number | undefined;
	readonly activeFile: number | undefined;
	readonly inactiveAnon: number | undefined;
	readonly activeAnon: number | undefined;
	readonly unevictable: number | undefined;
	/** all kernel memory, the parts below among it; Linux 5.18 */
	readonly kernel: number | undefined;
	readonly kernelStack: number | undefined;
	readonly pageTables: number | undefined;
	readonly slab: number | undefined;
	readonly slabReclaimable: number | undefined;
	readonly sock: number | undefined;
	readonly swapCached: number | undefined;
	readonly pageFaults: number | undefined;
	readonly majorPageFaults: number | undefined;
	/** file pages read again soon after they were taken: the cache is too small */
	readonly workingsetRefaultFile: number | undefined;
	readonly workingsetRefaultAnon: number | undefined;
}

/** Key in v2 and in v1; v1's `total_` forms count the descendants as v2 does (mm/memcontrol-v1.c, Linux 6.18). */
const STAT_KEYS: readonly (readonly [keyof MemoryStat, v2: string, v1: string])[] = [
	["anon", "anon", "total_rss"],
	["file", "file", "total_cache"],
	["shmem", "shmem", "total_shmem"],
	["fileMapped", "file_mapped", "total_mapped_file"],
	["fileDirty", "file_dirty", "total_dirty"],
	["anonThp", "anon_thp", "total_rss_huge"],
	["inactiveFile", "inactive_file", "total_inactive_file"],
	["activeFile", "active_file", "total_active_file"],
	["inactiveAnon", "inactive_anon", "total_inactive_anon"],
	["activeAnon", "active_anon", "total_active_anon"],
	["unevictable", "unevictable", "total_unevictable"],
	["kernel", "kernel", ""],
	["kernelStack", "kernel_stack", ""],
	["pageTables", "pagetables", ""],
	["slab", "slab", ""],
	["slabReclaimable", "slab_reclaimable", ""],
	["sock", "sock", ""],
	["swapCached", "swapcached", "total_swapcached"],
	["pageFaults", "pgfault", "total_pgfault"],
	["majorPageFaults", "pgmajfault", "total_pgmajfault"],
	["workingsetRefaultFile", "workingset_refault_file", "total_workingset_refault_file"],
	["workingsetRefaultAnon", "workingset_refault_anon", "total_workingset_refault_anon"],
];

/** memory.stat of either version. Throws ParseError. */
export function parseMemoryStat(text: string, version: 1 | 2): MemoryStat {
	const values = parseFlatKeyed(text, "memory.stat");
	const stat: Partial<Record<keyof MemoryStat, number | undefined>> = {};
	for (const [name, v2, v1] of STAT_KEYS) stat[name] = values.get(version === 2 ? v2 : v1);
	return stat as MemoryStat; // STAT_KEYS names every member; a test counts them
}

/** memory.events (v2): how often each happened since the cgroup was made. */
export interface MemoryEvents {
	readonly low: number;
	/** times that throttled reclaim ran because usage was above memory.high */
	readonly high: number;
	/** times that usage was about to go over memory.max */
	readonly max: number;
	/** times that reclaim at memory.max failed */
	readonly oom: number;
	/** processes killed */
	readonly oomKill: number;
	/** Linux 5.17 */
	readonly oomGroupKill: number;
}

/** Throws ParseError. Of v1, memory.oom_control has `oom_kill` alone (Linux 4.13), and memory.failcnt is `max`. */
export function parseMemoryEvents(text: string): MemoryEvents {
	const values = parseFlatKeyed(text, "memory.events");
	const count = (key: string): number => values.get(key) ?? 0;
	return {
		low: count("low"),
		high: count("high"),
		max: count("max"),
		oom: count("oom"),
		oomKill: count("oom_kill"),
		oomGroupKill: count("oom_group_kill"),
	};
}

/** Share of time in which tasks waited for memory (Documentation/accounting/psi.rst). */
export interface PressureLine {
	/** percent over the last 10, 60 and 300 seconds */
	readonly avg10: number;
	readonly avg60: number;
	readonly avg300: number;
	/** microseconds */
	readonly total: number;
}

export interface Pressure {
	/** at least one task waited */
	readonly some: PressureLine;
	/** all tasks waited; undefined where the kernel does not tell */
	readonly full: PressureLine | undefined;
}

/** memory.pressure of a cgroup, /proc/pressure/memory of the host. Throws ParseError. */
export function parsePressure(text: string): Pressure {
	const lines = new Map<string, PressureLine>();
	for (const line of text.split("\n", 16)) {
		if (line === "") continue;
		const match =
			/^(some|full) avg10=(\d{1,3}\.\d{1,4}) avg60=(\d{1,3}\.\d{1,4}) avg300=(\d{1,3}\.\d{1,4}) total=(\d{1,20})$/.exec(
				line,
			);
		if (match === null) {
			const actual = JSON.stringify(line.slice(0, 60));
			throw new ParseError({ format: "pressure", expected: "some|full avg10= avg60= avg300= total=", actual });
		}
		const [, kind = "", avg10, avg60, avg300, total] = match;
		lines.set(kind, {
			avg10: Number(avg10),
			avg60: Number(avg60),
			avg300: Number(avg300),
			total: Number(total),
		});
	}
	const some = lines.get("some");
	if (some === undefined) throw new ParseError({ format: "pressure", field: "some", actual: "nothing" });
	return { some, full: lines.get("full") };
}

function number(value: string, field: string): number {
	if (!/^[0-9]{1,20}$/.test(value)) {
		const actual = JSON.stringify(value.slice(0, 60));
		throw new ParseError({ format: "cgroup memory", field, expected: "a decimal number", actual });
	}
	return Number(value);
}
