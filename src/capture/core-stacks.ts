import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { GoroutineStacks } from "../evidence/stacks.ts";
import type { CoreThread } from "../formats/core/model.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { Attached } from "../goruntime/attach.ts";
import { placeRunning } from "../goruntime/running-goroutines.ts";
import { optional, type RuntimeState } from "../goruntime/runtime-state.ts";
import { stacksEvidence, walkGoroutines } from "../goruntime/stack-walk-goroutines.ts";
import { openProgramCode } from "../goruntime/symbols.ts";
import type { CoreProgram } from "./core-executable.ts";
import type { CoreMemory } from "./core-memory.ts";

/** Puts running goroutines where their threads' registers are; by row, whether it was interrupted there. */
export function placeGoroutines(runtime: RuntimeState, threads: readonly CoreThread[]): Uint8Array | undefined {
	const { goroutines, view } = runtime;
	if (goroutines === undefined) return undefined;
	const places = threads.flatMap((t) => (t.registers === undefined ? [] : [{ tid: t.tid, ...t.registers }]));
	return optional(() => placeRunning(view, view.memory.look(), goroutines, places));
}

export interface CoreStackSources {
	readonly attached: Attached;
	readonly runtime: RuntimeState;
	/** of placeGoroutines */
	readonly interrupted: Uint8Array | undefined;
	readonly memory: CoreMemory;
	readonly program: CoreProgram;
	readonly residency: Residency | undefined;
	/** unix milliseconds of the dump, as far as known */
	readonly at: number;
}

/** The stacks of all goroutines, running ones among them. */
export function coreStacks(sources: CoreStackSources): GoroutineStacks | Unavailable {
	const { attached, runtime, memory, program } = sources;
	const { view } = attached;
	const { bias, data } = attached.program;
	const code = openProgramCode({
		elf: program.elf,
		layout: view.layout,
		globals: view.globals,
		bias,
		data,
		look: memory.look(),
	});
	if (isUnavailable(code)) {
		if (program.file !== undefined) return code;
		return {
			unavailable: `the table of functions is in the executable, and that is not here (${program.notUsed?.unavailable ?? "none was given"})`,
			wouldHelp: "--exe FILE, the executable that was dumped",
		};
	}
	try {
		const { goroutines } = runtime;
		const walked = walkGoroutines({ view, code, memory, bytes: memory, goroutines, interrupted: sources.interrupted });
		return stacksEvidence(walked, nanotimeAt(runtime, sources.at), sources.residency);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `the goroutines in the core cannot be read: ${error.message}` };
	}
}

/**
 * runtime.nanotime at a moment of the wall clock: the runtime noted the end of the last collection by both
 * (memstats.last_gc_unix, last_gc_nanotime). 0 before the first one: then it is unknown.
 */
function nanotimeAt({ counters }: RuntimeState, at: number): number {
	const unix = Number(BigInt(counters.memStats.LastGC) / 1000n) * 1000;
	if (unix === 0 || counters.lastGcNanotime === 0) return 0;
	return Math.max(counters.lastGcNanotime, counters.lastGcNanotime + (at * 1e6 - unix));
}
