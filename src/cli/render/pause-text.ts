import { PAUSE_PART } from "../../evidence/reading.ts";
import { duration } from "../../figures/figures.ts";

interface Paused {
	readonly cost: { readonly pausedMs: number };
	readonly unavailable: readonly { readonly part: string }[];
}

/** Whether the target was paused and ran on before the reading was done. */
export function ranOn({ cost, unavailable }: Paused): boolean {
	return cost.pausedMs > 0 && unavailable.some(({ part }) => part === PAUSE_PART);
}

/** What a cost line says of the pause; a pause that did not last is not to pass for one that did. */
export function pauseText(r: Paused): string {
	if (r.cost.pausedMs === 0) return "target not paused";
	const text = `target paused ${duration(r.cost.pausedMs)}`;
	return ranOn(r) ? `${text}, not to the end` : text;
}
