import type { Unavailable } from "./bundle/unavailable.ts";

/** The parts of a reading without which there is no runtime, the most telling first; hyphenated are those of a capture. */
const PARTS = ["go program", "program", "runtime memory", "runtime-memory", "runtime", "executable", "mappings"];

/** Of all that could not be read, why the Go runtime could not; `otherwise` where nothing says. */
export function runtimeProblem(
	problems: readonly (Unavailable & { readonly part: string })[],
	otherwise: Unavailable,
): Unavailable {
	for (const part of PARTS) {
		const problem = problems.find((one) => one.part === part);
		if (problem !== undefined) return problem;
	}
	return otherwise;
}
