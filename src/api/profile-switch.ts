import { enableProfiling, type ProfilingSwitched, restoreProfiling } from "../capture/profiling-switch.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { bytes } from "../figures/figures.ts";
import type { OperationContext } from "./operation.ts";
import { unavailableError } from "./profile-source.ts";

/** How long allocations are sampled before they are looked at, where the user does not say. */
const DEFAULT_SECONDS = 10;

/** Switches the memory profile of a process on, says so, and lets it sample for a while. Throws GomemError. */
export async function switchOn(ctx: OperationContext, pid: number, seconds = DEFAULT_SECONDS): Promise<void> {
	const switched = await enableProfiling(pid);
	if (isUnavailable(switched)) throw unavailableError("profiling-not-switched", switched);
	ctx.warn(
		`${changed(switched)}: process ${pid} samples what it allocates from now on, what it holds already is not seen; ` +
			`--restore switches that off again`,
	);
	ctx.progress({ what: `process ${pid}: sampling for ${seconds} s`, done: 0 });
	await ctx.clock.sleep(seconds * 1000, ctx.signal);
}

/** Undoes it. Throws GomemError. */
export async function switchOff(ctx: OperationContext, pid: number): Promise<void> {
	const switched = await restoreProfiling(pid);
	if (isUnavailable(switched)) throw unavailableError("profiling-not-switched", switched);
	ctx.warn(`${changed(switched)}: process ${pid} takes no samples any more`);
}

function changed({ before, after }: ProfilingSwitched): string {
	return `runtime.MemProfileRate was ${bytes(before)} and is ${bytes(after)}`;
}
