import { ParseError } from "../../bytes/parse-error.ts";

/**
 * /proc/PID/cgroup (cgroups(7)): where a process is in each hierarchy. Paths are relative to the cgroup namespace of the
 * reader; one outside of it starts with `/..`.
 */
export interface CgroupPaths {
	/** path in the unified hierarchy (cgroup v2, the line `0::`); a hybrid system has it beside the v1 ones */
	readonly unified: string | undefined;
	/** path by v1 controller: memory, cpu … and named ones as `name=systemd` */
	readonly controllers: ReadonlyMap<string, string>;
}

/** The hierarchy that accounts memory. A v1 memory controller has it alone, even where v2 is mounted too (hybrid). */
export interface MemoryCgroup {
	readonly version: 1 | 2;
	readonly path: string;
}

/** Linux has 14 controllers; named hierarchies are few. */
const MAX_LINES = 256;

/** Throws ParseError. */
export function parseCgroupPath(text: string): CgroupPaths {
	const controllers = new Map<string, string>();
	let unified: string | undefined;
	const lines = text.split("\n", MAX_LINES + 1);
	if (lines.length > MAX_LINES) throw new ParseError({ format: "cgroup", expected: `at most ${MAX_LINES} lines` });
	for (const line of lines) {
		if (line === "") continue;
		// hierarchy:controllers:path; a path may hold colons
		const match = /^([0-9]{1,10}):([^:]*):(\/[\s\S]*)$/.exec(line);
		if (match === null) {
			const actual = JSON.stringify(line.slice(0, 60));
			throw new ParseError({ format: "cgroup", expected: "hierarchy:controllers:path", actual });
		}
		const [, hierarchy, names = "", path = "/"] = match;
		// A removed cgroup's path ends so (Linux 3.19).
		const clean = path.endsWith(" (deleted)") ? path.slice(0, -" (deleted)".length) : path;
		if (hierarchy === "0" && names === "") unified = clean;
		else for (const name of names.split(",")) controllers.set(name, clean);
	}
	return { unified, controllers };
}

/** Where the process's memory is accounted; undefined where the kernel has no memory controller mounted at all. */
export function memoryCgroup(paths: CgroupPaths): MemoryCgroup | undefined {
	const v1 = paths.controllers.get("memory");
	if (v1 !== undefined) return { version: 1, path: v1 };
	return paths.unified === undefined ? undefined : { version: 2, path: paths.unified };
}
