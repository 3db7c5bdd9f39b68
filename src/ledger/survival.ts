import type { LedgerPoint } from "./compared.ts";

/** What collections between two readings made of the heap: the one thing that tells of new objects whether they live. */
export interface Survival {
	readonly collections: number;
	/** bytes, resident: live at the GC before the earlier reading, and allocated since, when it was taken */
	readonly live: number;
	readonly new: number;
	/** live after; what was allocated between the reading and the GC is among it */
	readonly left: number;
}

/** Collections of less than this beside what is new now tell nothing of that. */
const TELLING_SHARE = 0.25;

/** The last two readings in a row with a collection between them. Undefined where there was none, or it was of too little. */
export function survivalOf(points: readonly LedgerPoint[]): Survival | undefined {
	const present = bytesOf(points.at(-1), "heap.new");
	for (let i = points.length - 1; i > 0; i--) {
		const [before, after] = [points[i - 1], points[i]];
		if (before?.numGc === undefined || after?.numGc === undefined) continue;
		const fresh = bytesOf(before, "heap.new");
		const collections = after.numGc - before.numGc;
		if (collections <= 0 || fresh === 0 || fresh < present * TELLING_SHARE) continue;
		return { collections, live: bytesOf(before, "heap.live"), new: fresh, left: bytesOf(after, "heap.live") };
	}
	return undefined;
}

/** The least share of the new objects that was freed: all that is left may have been new. */
export function freedShare({ new: fresh, left }: Survival): number {
	return Math.max(0, 1 - left / fresh);
}

/** What is live beyond what was, as a share of what was new. */
export function keptShare({ new: fresh, live, left }: Survival): number {
	return Math.max(0, left - live) / fresh;
}

function bytesOf(point: LedgerPoint | undefined, id: string): number {
	return point?.ledger.lines.find((line) => line.id === id)?.bytes ?? 0;
}
