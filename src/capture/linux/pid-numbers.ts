import { readlinkSync } from "node:fs";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";

/** gomem's pid as this /proc numbers it: it may be that of another pid namespace. */
export function ownPid(): number {
	return Number(readlinkSync("/proc/self"));
}

/** Whether kill(2) and this /proc mean the same process by a number: not where /proc is of another pid namespace. */
export function signalsByProc(): boolean {
	return process.pid === ownPid();
}

export const OTHER_NUMBERS: Unavailable = {
	unavailable: "/proc is of another pid namespace than gomem: by its numbers the wrong process would be stopped",
	wouldHelp: "mount the /proc of gomem's own pid namespace, or run gomem in the other one",
};
