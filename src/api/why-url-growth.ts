import { type Growth, measureGrowth } from "../ledger/growth.ts";
import { numberOf, type Taken } from "./memstats-reading.ts";
import type { Obtained } from "./url-input.ts";
import type { ObtainedWithGrowth, WhyResult } from "./why-shape.ts";

/** One reading of a page, as far as growth needs it. Bytes. */
export interface UrlPoint {
	/** unix milliseconds */
	readonly at: number;
	readonly obtained: Obtained;
	readonly rssBytes: number | undefined;
	readonly totalAlloc: number | undefined;
	readonly numGc: number | undefined;
}

export function urlPoint({ at, fields, meta }: Taken, obtained: Obtained): UrlPoint {
	return {
		at: at ?? 0,
		obtained,
		rssBytes: meta.rssBytes,
		totalAlloc: numberOf(fields.TotalAlloc),
		numGc: numberOf(fields.NumGC),
	};
}

export interface UrlGrowth {
	/** of what Go may have resident: Sys less HeapReleased */
	readonly backed: Growth;
	/** of the resident size, where every page told it */
	readonly rss: { readonly growth: Growth; readonly shape: NonNullable<WhyResult["growth"]> } | undefined;
	readonly shape: NonNullable<ObtainedWithGrowth["growth"]>;
	/** change by id of a line of Sys */
	readonly lines: ReadonlyMap<string, number>;
	/** the counters fell on the way: what was before is another process's */
	readonly restarted: boolean;
}

export const RESTARTED: WhyResult["unavailable"][number] = {
	part: "growth",
	why: "the program behind the URL was started again between the readings: those of before are left out",
};

/** What changed over the readings of one program; undefined for fewer than two. */
export function growthOf(all: readonly UrlPoint[]): UrlGrowth | undefined {
	const points = sinceRestart(all);
	const first = points[0];
	const last = points.at(-1);
	const objects = points.some((p) => p.obtained.lines.some((line) => line.id === "heap.objects"));
	const backed = measureGrowth(
		points.map(({ at, obtained }) => ({
			at,
			ledger: { rssBytes: obtained.backedBytes, lines: resident(obtained, objects) },
		})),
	);
	if (first === undefined || last === undefined || backed === undefined) return undefined;
	const lines = new Map(backed.lines);
	const released = releasedOf(last.obtained) - releasedOf(first.obtained);
	if (released !== 0) lines.set("heap.released", released);
	if (objects) {
		lines.set("heap.objects", lines.get("heap.live") ?? 0);
		lines.delete("heap.live");
	}
	return {
		backed,
		rss: rssGrowth(points),
		shape: {
			readings: backed.readings,
			seconds: tenths(backed.seconds),
			sysBytes: last.obtained.sysBytes - first.obtained.sysBytes,
			backedBytes: backed.rssBytes,
			backedBytesPerHour: Math.round(backed.rssBytesPerHour ?? 0),
			...risen("allocatedBytes", first.totalAlloc, last.totalAlloc),
			...risen("collections", first.numGc, last.numGc),
		},
		lines,
		restarted: points.length < all.length,
	};
}

function sinceRestart(points: readonly UrlPoint[]): readonly UrlPoint[] {
	let from = 0;
	for (let i = 1; i < points.length; i++) {
		const [before, after] = [points[i - 1], points[i]];
		if (fell(before?.totalAlloc, after?.totalAlloc) || fell(before?.numGc, after?.numGc)) from = i;
	}
	return points.slice(from);
}

function fell(before: number | undefined, after: number | undefined): boolean {
	return before !== undefined && after !== undefined && after < before;
}

/**
 * The lines that may be resident. Whether the heap can be split into live and new may change from page to page: with
 * `objects` they are one line, under the id of which a verdict speaks.
 */
function resident({ lines }: Obtained, objects: boolean): Obtained["lines"] {
	const backed = lines.filter((line) => line.id !== "heap.released");
	if (!objects) return backed;
	const isHeap = (id: string) => id === "heap.objects" || id === "heap.live" || id === "heap.new";
	const bytes = backed.reduce((sum, line) => (isHeap(line.id) ? sum + line.bytes : sum), 0);
	const rest = backed.filter((line) => !isHeap(line.id));
	return [{ id: "heap.live", bytes, what: "", source: "" }, ...rest];
}

function releasedOf({ sysBytes, backedBytes }: Obtained): number {
	return sysBytes - backedBytes;
}

function rssGrowth(points: readonly UrlPoint[]): UrlGrowth["rss"] {
	const told = points.flatMap(({ at, rssBytes }) =>
		rssBytes === undefined ? [] : [{ at, ledger: { rssBytes, lines: [] } }],
	);
	const growth = told.length < points.length ? undefined : measureGrowth(told);
	if (growth === undefined) return undefined;
	const { readings, seconds, rssBytes, rssBytesPerHour = 0 } = growth;
	return {
		growth,
		shape: { readings, seconds: tenths(seconds), rssBytes, rssBytesPerHour: Math.round(rssBytesPerHour) },
	};
}

function risen<K extends string>(key: K, before: number | undefined, after: number | undefined): { [k in K]?: number } {
	return before === undefined || after === undefined ? {} : ({ [key]: after - before } as { [k in K]?: number });
}

function tenths(seconds: number): number {
	return Math.round(seconds * 10) / 10;
}
