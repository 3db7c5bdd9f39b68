import { ParseError } from "../../bytes/parse-error.ts";
import type { MemoryCgroup } from "./cgroup-path.ts";

/** A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
	readonly id: number;
	readonly parent: number;
	/** the directory of the file system that is mounted */
	readonly root: string;
	readonly mountPoint: string;
	readonly type: string;
	readonly source: string;
	/** per-superblock options: for cgroup v1 the controllers */
	readonly superOptions: readonly string[];
}

/** Hosts of many containers have tens of thousands of mounts. */
const MAX_MOUNTS = 1 << 18;

/** The mounts, or those of some file-system types (a host's list is long and little of it is of use). Throws ParseError. */
export function parseMountinfo(text: string, types?: readonly string[]): Mount[] {
	const mounts: Mount[] = [];
	for (let at = 0; at < text.length; ) {
		const newline = text.indexOf("\n", at);
		const end = newline < 0 ? text.length : newline;
		const line = text.slice(at, end);
		const mount = line === "" ? undefined : mountOf(line, at, types);
		if (mount !== undefined) {
			if (mounts.length === MAX_MOUNTS) throw error(at, `at most ${MAX_MOUNTS} mounts`);
			mounts.push(mount);
		}
		at = end + 1;
	}
	return mounts;
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
function mountOf(line: string, offset: number, types: readonly string[] | undefined): Mount | undefined {
	// Names have no spaces in them (they are escaped), so the separator is the first that stands alone.
	const separator = line.indexOf(" - ");
	if (separator < 0) throw error(offset, 'the separator " - "');
	const [type, source, options] = line.slice(separator + 3).split(" ", 3);
	const [id, parent, , root, mountPoint] = line.slice(0, separator).split(" ", 6);
	if (type === undefined || source === undefined || root === undefined || mountPoint === undefined) {
		throw error(offset, "id, parent, device, root, mount point - type, source");
	}
	if (types !== undefined && !types.includes(type)) return undefined;
	if (!/^[0-9]{1,10}$/.test(id ?? "") || !/^[0-9]{1,10}$/.test(parent ?? "")) throw error(offset, "two mount ids");
	return {
		id: Number(id),
		parent: Number(parent),
		root: unescapeName(root),
		mountPoint: unescapeName(mountPoint),
		type,
		source: unescapeName(source),
		superOptions: (options ?? "").split(","),
	};
}

/** The kernel writes space, tab, newline, backslash and # as three octal digits (mangle in fs/proc_namespace.c). */
function unescapeName(name: string): string {
	return name.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function error(offset: number, expected: string): ParseError {
	return new ParseError({ format: "mountinfo", offset, expected });
}

/**
 * The directories of a cgroup and of its ancestors, the cgroup's own first, as far up as a mount shows them. Undefined
 * where no mount shows the cgroup: no mount of its hierarchy, or it lies outside of what is mounted.
 *
 * A container without a cgroup namespace has a mount whose root is the container's cgroup while paths start at the
 * host's root; one with a namespace has root `/` and paths relative to it; one whose namespace was made after the
 * mount (or that looks at a process outside) has roots or paths with `/..`. So a path is taken relative to the mount's root.
 */
export function cgroupDirectories(mounts: readonly Mount[], cgroup: MemoryCgroup): string[] | undefined {
	// Of several mounts the one that shows the most ancestors is the best.
	let best: string[] | undefined;
	for (const mount of mounts) {
		if (!showsMemory(mount, cgroup.version)) continue;
		const relative = below(mount.root, cgroup.path);
		if (relative === undefined) continue;
		const directories = [mount.mountPoint];
		for (const name of relative) directories.push(`${directories.at(-1) === "/" ? "" : directories.at(-1)}/${name}`);
		if (best === undefined || directories.length > best.length) best = directories.reverse();
	}
	return best;
}

function showsMemory(mount: Mount, version: 1 | 2): boolean {
	if (version === 2) return mount.type === "cgroup2";
	return mount.type === "cgroup" && mount.superOptions.includes("memory");
}

/** The names that lead from a root down to a path; undefined where the path is not below it or climbs out of it. */
function below(root: string, path: string): string[] | undefined {
	const from = root.split("/").filter((name) => name !== "");
	const to = path.split("/").filter((name) => name !== "");
	if (from.length > to.length || from.some((name, i) => name !== to[i])) return undefined;
	const rest = to.slice(from.length);
	return rest.includes("..") || rest.includes(".") ? undefined : rest;
}
