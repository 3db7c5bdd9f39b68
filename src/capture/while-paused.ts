import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { PAUSE_PART } from "../evidence/reading.ts";
import type { PreparedPause } from "./linux/pause.ts";

export interface WhilePaused<T> {
	readonly value: T;
	/** 0 where the process was not stopped */
	readonly pausedMs: number;
	/** why it was not stopped, or ran on too early; empty where all went well */
	readonly problems: readonly (Unavailable & { readonly part: string })[];
}

/**
 * Runs `body` while the process stands still; where it cannot be stopped, while it runs, and says why. `still` tells the
 * body which of the two it is.
 */
export async function whilePaused<T>(pause: PreparedPause, body: (still: boolean) => T): Promise<WhilePaused<T>> {
	const paused = await pause.run(() => body(true));
	if ("refused" in paused) {
		const wouldHelp = paused.wouldHelp ?? "reading without --pause";
		return { value: body(false), pausedMs: 0, problems: [{ part: PAUSE_PART, unavailable: paused.why, wouldHelp }] };
	}
	const { value, pausedMs, torn } = paused;
	if (torn === undefined) return { value, pausedMs, problems: [] };
	const why = `the target ran on before the reading was done (${torn.why})`;
	return { value, pausedMs, problems: [{ part: PAUSE_PART, unavailable: why, wouldHelp: "a longer --pause" }] };
}
