import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { runtimeProblem } from "../evidence/runtime-problem.ts";
import { GomemError } from "./errors.ts";

/** The failure of a command that takes the Go runtime: why it could not be read, and what would help. */
export function runtimeUnreadable(
	message: string,
	problems: readonly (Unavailable & { readonly part: string })[],
): GomemError {
	const { unavailable, wouldHelp } = runtimeProblem(problems, {
		unavailable: "this is no Go program that gomem can read",
	});
	return new GomemError({
		code: "runtime-unreadable",
		message,
		why: unavailable,
		...(wouldHelp === undefined ? {} : { hint: wouldHelp }),
	});
}
