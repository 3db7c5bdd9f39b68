import { procProblem } from "../capture/linux/host-proc-mount.ts";
import { GomemError } from "./errors.ts";

/** The failure of everything that reads processes where /proc does not show them; undefined where it does. */
export function noProc(): GomemError | undefined {
	const problem = procProblem();
	if (problem === undefined) return undefined;
	return new GomemError({
		code: "no-proc",
		message: "gomem can read nothing here: it needs /proc",
		why: problem.unavailable,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}

/** What an operation failed with, or that /proc is missing, where it failed on a file below it. */
export function procFailure(error: unknown): unknown {
	const path = (error as NodeJS.ErrnoException | undefined)?.path;
	return typeof path === "string" && path.startsWith("/proc") ? (noProc() ?? error) : error;
}
