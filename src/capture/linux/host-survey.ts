import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { isUnavailable, type Unavailable } from "../../evidence/bundle/unavailable.ts";
import { parseLimits } from "../../formats/procfs/limits.ts";
import { parseMeminfo } from "../../formats/procfs/meminfo.ts";
import { type CgroupReading, readMemoryCgroup } from "./cgroup-files.ts";
import { hostFacts } from "./host-facts.ts";
import { type KernelSettings, kernelSettings } from "./host-kernel.ts";
import { ownProcMount, type ProcMount } from "./host-proc-mount.ts";
import { type OwnIdentity, ownIdentity } from "./host-self.ts";
import { type Executables, lookAtExecutables, type Trial, tryOwnProcess, tryProcess } from "./host-trial.ts";
import { preferOwnOomKill } from "./own-safety.ts";
import { ownPid } from "./pid-numbers.ts";
import { readSmallText } from "./proc-text.ts";

/** All that `gomem doctor` looked at, before anything is made of it. */
export interface HostSurvey {
	readonly machine: string;
	readonly pageSize: number;
	readonly identity: OwnIdentity;
	readonly kernel: KernelSettings;
	readonly procMount: ProcMount | undefined;
	/** a process of this user that is not gomem's descendant, if one could be started */
	readonly own: Trial | Unavailable;
	/** a child of gomem: tried only where the other's memory could not be read */
	readonly child: Trial | Unavailable | undefined;
	/** a process of another user; undefined where /proc shows none */
	readonly foreign: Trial | Unavailable | undefined;
	readonly executables: Executables;
	readonly cgroup: CgroupReading | Unavailable;
	/** whether gomem could make itself the first that the OOM killer takes */
	readonly oomPreference: boolean;
	readonly swapTotal: number | undefined;
	/** RLIMIT_CORE of gomem, soft, in bytes */
	readonly coreLimit: number | "unlimited" | undefined;
	/** paths of programs that are a convenience */
	readonly tools: Readonly<Record<Tool, string | undefined>>;
	readonly node: { readonly version: string; readonly heapLimit: number };
}

export const tools = ["gcore", "gdb", "go", "kubectl", "docker", "podman", "setcap", "setpriv", "sudo"] as const;
export type Tool = (typeof tools)[number];

/** Looks at the machine, and tries reading a process of this user and one of another. Takes 0.1 to 0.3 s. */
export async function surveyHost(signal: AbortSignal): Promise<HostSurvey> {
	const { kernel, machine, pageSize } = hostFacts();
	const identity = ownIdentity();
	// before anything is started that would be counted
	const executables = lookAtExecutables(identity.uid, identity.initialUserNamespace);
	const trying = tryOwnProcess("orphan", signal);
	const { foreign } = executables;
	const survey = {
		machine,
		pageSize,
		identity,
		kernel: kernelSettings(kernel),
		procMount: ownProcMount(),
		foreign: foreign === undefined ? undefined : tryProcess(foreign),
		executables,
		cgroup: readMemoryCgroup(ownPid()),
		oomPreference: preferOwnOomKill(),
		swapTotal: optional(() => parseMeminfo(readSmallText("/proc/meminfo")).swapTotal),
		coreLimit: optional(() => {
			const limit = parseLimits(readSmallText("/proc/self/limits")).get("Max core file size");
			return limit === undefined ? undefined : (limit.soft ?? ("unlimited" as const));
		}),
		tools: Object.fromEntries(tools.map((name) => [name, inPath(name)])) as HostSurvey["tools"],
		node: { version: process.version, heapLimit: getHeapStatistics().heap_size_limit },
	};
	const own = await trying;
	const tried = !isUnavailable(own);
	if (tried && own.rights.memory === "granted") return { ...survey, own, child: undefined };
	const child = await tryOwnProcess("child", signal);
	// where no other process could be started, a child is better than nothing: it says that it is one
	return { ...survey, own: tried ? own : child, child };
}

function inPath(name: string): string | undefined {
	for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
		if (folder === "") continue;
		const path = join(folder, name);
		try {
			accessSync(path, constants.X_OK);
			return path;
		} catch {
			// not in this folder
		}
	}
	return undefined;
}

function optional<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch (error) {
		if (error instanceof Error && ("code" in error || error.name === "ParseError")) return undefined;
		throw error;
	}
}
