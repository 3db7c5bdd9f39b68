import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { median } from "../series/quantile.ts";
import { type ComparedPoint, comparedPoints, type LedgerPoint } from "./compared.ts";
import { type PartCode, partOf } from "./groups.ts";
import type { ProcessIdentity } from "./identity.ts";
import { type Survival, survivalOf } from "./survival.ts";

export type { LedgerPoint } from "./compared.ts";

/** What changed from the first reading to the last. */
export interface Growth {
	readonly readings: number;
	/** from the first reading to the last: the window of every change here */
	readonly seconds: number;
	/** change of Rss, bytes; negative where it shrank */
	readonly rssBytes: number;
	/** Rss grew by more than noise, from the first to the last and by the medians of the window's ends */
	readonly enough: boolean;
	/** by the medians of the first and the last third of the readings; undefined across processes, which have no rate */
	readonly rssBytesPerHour: number | undefined;
	/** change by line id; ids that came or went count with their whole size. Lines that did not change are left out */
	readonly lines: ReadonlyMap<string, number>;
	readonly parts: ReadonlyMap<PartCode, number>;
	/** the part that carries the growth, where Rss grew enough and the parts compare */
	readonly carrier: PartCode | "mixed" | undefined;
	/** the process that the baseline is of, where it is another one of the same program */
	readonly other: ProcessIdentity | undefined;
	/** what the last collection between two of the readings left of the heap */
	readonly survival: Survival | undefined;
	/** what does not compare, and why */
	readonly missing: readonly (Unavailable & { readonly part: string })[];
}

/** Growth below this, and below this share of Rss, is noise. */
const MIN_GROWTH_BYTES = 2 ** 20;
const MIN_GROWTH_SHARE = 0.01;
/** A part carries the growth when it makes up this much of all that grew. */
const CARRIER_SHARE = 0.4;

/**
 * Compares readings, oldest first; undefined for fewer than two that compare. Every change is that from the first to the
 * last. The heap's garbage rises and falls with the collector's cycle, so whether there is growth and what carries it must
 * hold for the medians of the window's ends too, where there are readings enough.
 */
export function measureGrowth(points: readonly LedgerPoint[]): Growth | undefined {
	const compared = comparedPoints(points);
	const first = compared.points[0];
	const last = compared.points.at(-1);
	if (first === undefined || last === undefined || compared.points.length < 2) return undefined;
	const summed = compared.points.map((p) => ({ ...p, parts: partsOf(p.lines) }));
	const ends = endsOf(summed);
	const rssBytes = last.ledger.rssBytes - first.ledger.rssBytes;
	const parts = changes(partsOf(first.lines), partsOf(last.lines));
	const usual = ends.change((p) => p.ledger.rssBytes);
	const enough = Math.min(rssBytes, usual) >= leastGrowth(first.ledger.rssBytes);
	const carried = new Map([...parts].map(([code]) => [code, ends.change((p) => p.parts.get(code) ?? 0)]));
	const comparable = compared.other === undefined && compared.everyLine;
	return {
		readings: compared.points.length,
		seconds: (last.at - first.at) / 1000,
		rssBytes,
		enough,
		rssBytesPerHour: compared.other === undefined ? (ends.seconds > 0 ? (usual / ends.seconds) * 3600 : 0) : undefined,
		lines: changes(first.lines, last.lines),
		parts,
		carrier: enough && comparable ? carrierOf(carried, parts) : undefined,
		other: compared.other,
		survival: survivalOf(
			compared.other === undefined ? compared.points : compared.points.filter((p) => p.baseline !== true),
		),
		missing: compared.missing,
	};
}

function leastGrowth(rssBytes: number): number {
	return Math.max(MIN_GROWTH_BYTES, rssBytes * MIN_GROWTH_SHARE);
}

interface SummedPoint extends ComparedPoint {
	readonly parts: ReadonlyMap<PartCode, number>;
}

/** The first and the last third of the readings; never a baseline and the present in one, as much may lie between them. */
function endsOf(points: readonly SummedPoint[]) {
	const third = Math.max(1, Math.floor(points.length / 3));
	const anchors = points.filter((p) => p.baseline === true).length;
	const early = points.slice(0, anchors === 0 ? third : Math.min(third, anchors));
	const late = points.slice(-Math.min(third, points.length - anchors));
	const change = (of: (p: SummedPoint) => number) => median(late.map(of)) - median(early.map(of));
	return { change, seconds: change((p) => p.at) / 1000 };
}

function partsOf(lines: ReadonlyMap<string, number>): Map<PartCode, number> {
	const parts = new Map<PartCode, number>();
	for (const [id, bytes] of lines) parts.set(partOf(id), (parts.get(partOf(id)) ?? 0) + bytes);
	return parts;
}

function changes<K>(before: ReadonlyMap<K, number>, after: ReadonlyMap<K, number>): Map<K, number> {
	const changed = new Map<K, number>();
	for (const key of new Set([...before.keys(), ...after.keys()])) {
		const change = (after.get(key) ?? 0) - (before.get(key) ?? 0);
		if (change !== 0) changed.set(key, change);
	}
	return changed;
}

/** The part that makes up most of what rose by the medians, if it rose from the first reading to the last as well. */
function carrierOf(usual: ReadonlyMap<PartCode, number>, parts: ReadonlyMap<PartCode, number>): PartCode | "mixed" {
	let risen = 0;
	let most: PartCode | "mixed" = "mixed";
	let bytes = 0;
	for (const [code, change] of usual) {
		if (change <= 0) continue;
		risen += change;
		if (change <= bytes || (parts.get(code) ?? 0) <= 0) continue;
		bytes = change;
		most = code;
	}
	return bytes >= risen * CARRIER_SHARE ? most : "mixed";
}
