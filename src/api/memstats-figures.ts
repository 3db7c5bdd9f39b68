import { quantile } from "../series/quantile.ts";
import { numberOf, type Taken } from "./memstats-reading.ts";
import type { Figures } from "./memstats-shape.ts";

const NS_PER_MS = 1e6;

/** The figures that people work out from MemStats by hand; each absent where the source does not tell what it takes. */
export function figuresOf(taken: Taken): Figures {
	const { at, fields } = taken;
	const of = (name: keyof typeof fields) => numberOf(fields[name] as number | string | undefined);
	const alloc = of("HeapAlloc") ?? of("Alloc");
	const nextGc = of("NextGC");
	const lastGc = of("LastGC");
	const live = liveHeap(taken, of("NumGC"), nextGc);
	return {
		...(live === undefined ? {} : { liveBytes: live.bytes, liveFrom: live.from }),
		// while spans are unswept, dead objects are in HeapAlloc and may also be subtracted already: never below 0
		...(live === undefined || alloc === undefined ? {} : { sinceGcBytes: Math.max(0, alloc - live.bytes) }),
		...difference("freeSlotsBytes", of("HeapInuse"), of("HeapAlloc")),
		...difference("idleKeptBytes", of("HeapIdle"), of("HeapReleased")),
		...difference("backedBytes", of("Sys"), of("HeapReleased")),
		...(alloc === undefined || nextGc === undefined || nextGc === 0 || nextGc > Number.MAX_SAFE_INTEGER
			? {}
			: { toNextGc: alloc / nextGc }),
		...(at === undefined || lastGc === undefined || lastGc === 0
			? {}
			: { lastGcSecondsAgo: Math.max(0, at - lastGc / NS_PER_MS) / 1000 }),
		...pauseFigures(fields.PauseNs?.map(Number), of("NumGC")),
	};
}

function difference(name: keyof Figures, larger: number | undefined, smaller: number | undefined): Figures | object {
	return larger === undefined || smaller === undefined ? {} : { [name]: Math.max(0, larger - smaller) };
}

/**
 * The live heap at the last GC: what it marked, where the pacer was read. Else from the goal: NextGC = live + (live +
 * stacks + globals) · GOGC/100 (mgcpacer.go: commit, Go 1.18+), so NextGC / (1 + GOGC/100) is an upper bound, unless
 * GOMEMLIMIT or the minimum heap of 4 MiB · GOGC/100 set the goal.
 */
function liveHeap(
	{ pacer, meta }: Taken,
	numGc: number | undefined,
	nextGc: number | undefined,
): { bytes: number; from: string } | undefined {
	// before the first GC heapMarked is the runtime's guess (gcControllerState.init)
	if (pacer !== undefined)
		return numGc === 0 ? undefined : { bytes: pacer.heapMarkedBytes, from: "marked by the last GC" };
	const { gogc, memoryLimitBytes } = meta;
	if (typeof gogc !== "number" || gogc <= 0 || memoryLimitBytes !== "off") return undefined;
	if (nextGc === undefined || !numGc || nextGc <= (4 * 2 ** 20 * gogc) / 100) return undefined;
	return { bytes: Math.round(nextGc / (1 + gogc / 100)), from: "from NextGC and GOGC: at most this" };
}

/** mstats.go: the pause of cycle N (from 1) is at (N+255) % 256. */
function pauseFigures(
	ring: readonly number[] | undefined,
	numGc: number | undefined,
): Pick<Figures, "pauses"> | object {
	if (ring === undefined || numGc === undefined || numGc === 0 || ring.length === 0) return {};
	const count = Math.min(numGc, ring.length);
	const values = Array.from({ length: count }, (_, i) => (ring[(numGc - 1 - i) % ring.length] ?? 0) / NS_PER_MS);
	return {
		pauses: {
			count,
			lastMs: values[0] ?? 0,
			maxMs: Math.max(...values),
			p99Ms: quantile(values, 0.99),
			meanMs: values.reduce((sum, one) => sum + one, 0) / count,
		},
	};
}
