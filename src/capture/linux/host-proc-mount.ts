import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import { readSmallText } from "./proc-text.ts";
import { errnoOf } from "./system-error.ts";

/** How /proc is mounted (Documentation/filesystems/proc.rst, chapter 4, "Configuring procfs"). */
export interface ProcMount {
	/** 0 all are shown; 1 only their names; 2 (invisible) not even those; 4 (ptraceable) only what may be traced */
	readonly hidepid: 0 | 1 | 2 | 4;
	/** members of this group see everything; 0 is nobody but root */
	readonly gid: number | undefined;
	/** subset=pid: only processes are shown, so no /proc/meminfo, no /proc/sys */
	readonly pidsOnly: boolean;
}

const HIDEPID: Readonly<Record<string, ProcMount["hidepid"]>> = {
	"0": 0,
	off: 0,
	"1": 1,
	noaccess: 1,
	"2": 2,
	invisible: 2,
	"4": 4,
	ptraceable: 4,
};

/** Why gomem can do nothing at all here: undefined where /proc shows gomem itself and the machine. */
export function procProblem(): Unavailable | undefined {
	for (const path of ["/proc/self/stat", "/proc/self/auxv", "/proc/stat", "/proc/meminfo"]) {
		try {
			readSmallText(path);
		} catch (error) {
			const errno = errnoOf(error);
			if (errno === undefined) throw error;
			if (path.startsWith("/proc/self/"))
				return {
					unavailable: `${path}: ${errno}: no procfs is mounted at /proc, or one of a pid namespace that gomem is not in`,
					wouldHelp: "mount -t proc proc /proc",
				};
			return {
				unavailable: `${path}: ${errno}${ownProcMount()?.pidsOnly === true ? ": /proc is mounted with subset=pid" : ""}`,
				wouldHelp: "mount -t proc proc /proc, without subset=pid",
			};
		}
	}
	return undefined;
}

/** Of the topmost mount on /proc. Undefined where gomem cannot learn it. */
export function ownProcMount(): ProcMount | undefined {
	let text: string;
	try {
		text = readSmallText("/proc/self/mounts");
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
	return procMountIn(text);
}

/** In the text of /proc/self/mounts: `proc /proc proc rw,relatime,hidepid=invisible,gid=110 0 0`; the last one counts. */
export function procMountIn(text: string): ProcMount | undefined {
	const line = text.split("\n").findLast((one) => /^\S+ \/proc proc /.test(one));
	if (line === undefined) return undefined;
	const options = line.split(" ")[3]?.split(",") ?? [];
	const option = (name: string) => options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
	const gid = option("gid");
	return {
		hidepid: HIDEPID[option("hidepid") ?? "0"] ?? 0,
		gid: gid === undefined ? undefined : Number(gid),
		pidsOnly: option("subset") === "pid",
	};
}
