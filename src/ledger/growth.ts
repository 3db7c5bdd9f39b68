import { type PartCode, sumParts } from "./groups.ts";
import type { Ledger } from "./ledger.ts";

/** One earlier look at the same process, as far as growth needs it. */
export interface LedgerPoint {
	/** unix milliseconds */
	readonly at: number;
	readonly ledger: Pick<Ledger, "lines" | "rssBytes">;
}

/** What grew between the first and the last of the readings. */
export interface Growth {
	readonly readings: number;
	readonly seconds: number;
	/** change of Rss, bytes; negative where it shrank */
	readonly rssBytes: number;
	/** change per hour at the mean rate of the window */
	readonly rssBytesPerHour: number;
	/** change by line id; ids that came or went count with their whole size. Lines that did not change are left out */
	readonly lines: ReadonlyMap<string, number>;
	readonly parts: ReadonlyMap<PartCode, number>;
	/** the part that carries the growth, where Rss grew by enough to speak of it */
	readonly carrier: PartCode | "mixed" | undefined;
}

/** Growth below this, and below this share of Rss, is noise. */
const MIN_GROWTH_BYTES = 2 ** 20;
const MIN_GROWTH_SHARE = 0.01;
/** A part carries the growth when it makes up this much of all that grew. */
const CARRIER_SHARE = 0.4;

/**
 * Compares readings of one process, oldest first; undefined for fewer than two. The heap's garbage rises and falls with
 * the collector's cycle, so what the window's ends happen to show is judged by medians of its halves where there are
 * readings enough.
 */
export function measureGrowth(points: readonly LedgerPoint[]): Growth | undefined {
	const first = points[0];
	const last = points.at(-1);
	if (first === undefined || last === undefined || points.length < 2) return undefined;
	const edge = Math.max(1, Math.floor(points.length / 3));
	const summed = points.map((p) => ({ ...p, parts: sumParts(p.ledger) }));
	const early = summed.slice(0, edge);
	const late = summed.slice(-edge);
	const between = (of: (p: (typeof summed)[number]) => number) => median(late.map(of)) - median(early.map(of));
	const seconds = (median(late.map((p) => p.at)) - median(early.map((p) => p.at))) / 1000;
	const ids = new Set(points.flatMap((p) => p.ledger.lines.map((line) => line.id)));
	const lines = new Map<string, number>();
	for (const id of ids) {
		const change = between((p) => p.ledger.lines.find((line) => line.id === id)?.bytes ?? 0);
		if (change !== 0) lines.set(id, change);
	}
	const rssBytes = between((p) => p.ledger.rssBytes);
	const parts = new Map<PartCode, number>();
	for (const code of new Set(summed.flatMap((p) => [...p.parts.keys()]))) {
		parts.set(
			code,
			between((p) => p.parts.get(code) ?? 0),
		);
	}
	const enough = rssBytes >= MIN_GROWTH_BYTES && rssBytes >= first.ledger.rssBytes * MIN_GROWTH_SHARE;
	return {
		readings: points.length,
		seconds: (last.at - first.at) / 1000,
		rssBytes,
		rssBytesPerHour: seconds > 0 ? (rssBytes / seconds) * 3600 : 0,
		lines,
		parts,
		carrier: enough ? carrierOf(parts) : undefined,
	};
}

function carrierOf(parts: ReadonlyMap<PartCode, number>): PartCode | "mixed" {
	let risen = 0;
	let most: PartCode | "mixed" = "mixed";
	let bytes = 0;
	for (const [code, change] of parts) {
		if (change <= 0) continue;
		risen += change;
		if (change > bytes) {
			bytes = change;
			most = code;
		}
	}
	return bytes >= risen * CARRIER_SHARE ? most : "mixed";
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? 0;
	return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
