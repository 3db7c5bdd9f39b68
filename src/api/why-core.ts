import type { CoreEvidence } from "../evidence/reading.ts";
import { coreShape } from "./core-shape.ts";
import { shellWord } from "./shell-word.ts";
import type { WhyCoreResult, WhyResult } from "./why-shape.ts";

/** The result for a core: what it does not hold is left out, and what can only be done with a process. */
export function ofCore(result: WhyResult, core: CoreEvidence): WhyCoreResult {
	const { pssBytes: _pss, swapBytes: _swap, limit: _limit, ...rest } = result;
	return {
		...rest,
		core: coreShape(core),
		lines: result.lines.map((line) => ({ ...line, source: sourceOf(line.source) })),
		// a core does not move: there is nothing to watch
		verdict: { ...result.verdict, next: nextSteps(result, core) },
	};
}

function sourceOf(source: string): string {
	return source.replace("smaps", "the core's mappings").replace("pagemap", "pages in the core that are not zero");
}

function nextSteps({ verdict }: WhyResult, core: CoreEvidence): WhyResult["verdict"]["next"] {
	const kept = verdict.next.filter((step) => !/ --(every|watch|for)\b/.test(step.command));
	const stacks = `gomem stacks ${coreName(core)}`;
	if (kept.some((step) => step.command.startsWith("gomem stacks"))) return kept;
	return [...kept, { command: stacks, says: "what the goroutines were doing, running ones too" }];
}

/** The words that name the core again: its executable is found by the same rule, or was given. */
export function coreName(core: CoreEvidence): string {
	const exe = core.given ? core.executable : undefined;
	return exe === undefined ? shellWord(core.file) : `${shellWord(core.file)} --exe ${shellWord(exe)}`;
}
