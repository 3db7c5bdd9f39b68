import { type AllocationCaches, left, type PCache } from "../goruntime/caches.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { slotBytes, spanClassesOf } from "./spans-classes.ts";
import type { refillSources } from "./spans-shape.ts";

/** What is kept of a reading to say what happened until the next: some KiB, not the reading. */
export interface AllocationPoint {
	/** unix milliseconds */
	readonly at: number;
	readonly collections: number;
	readonly byClass: RuntimeState["counters"]["byClass"];
	readonly tinyAllocs: number;
	readonly totalAlloc: number;
	readonly caches: AllocationCaches | undefined;
	/** slots of a span, by span class: the most that one refill can give */
	readonly slots: readonly number[];
}

export interface ClassRates {
	allocationsPerSecond: number;
	freesPerSecond: number;
	bytesPerSecond: number;
	refillsPerSecond?: number;
	refillsAtLeast?: number;
	refillsFrom?: (typeof refillSources)[number];
}

export interface Rates {
	readonly seconds: number;
	readonly collections: number;
	readonly allocationsPerSecond: number;
	readonly tinyPerSecond: number;
	readonly bytesPerSecond: number;
	readonly refillsPerSecond?: number;
	/** by size class */
	readonly classes: readonly ClassRates[];
}

export function allocationPoint(at: number, runtime: RuntimeState): AllocationPoint {
	const { counters, caches, view, pages } = runtime;
	const { byClass, tinyAllocs, memStats } = counters;
	const sizes = slotBytes(runtime);
	const perSpan = view.layout.constants.sizeClassPages;
	return {
		at,
		collections: memStats.NumGC,
		byClass,
		tinyAllocs,
		totalAlloc: memStats.TotalAlloc,
		caches,
		slots: sizes.map((size, i) => (size === 0 ? 0 : Math.floor(((perSpan[i] ?? 0) * pages.pageBytes) / size))),
	};
}

/** What happened between two readings. Undefined where there was no time between them. */
export function ratesBetween(before: AllocationPoint, now: AllocationPoint): Rates | undefined {
	const seconds = (now.at - before.at) / 1000;
	if (!(seconds > 0)) return undefined;
	const classes = now.byClass.map((one, i): ClassRates => {
		const then = before.byClass[i];
		const allocations = atLeast0(one.Mallocs - (then?.Mallocs ?? 0));
		return {
			allocationsPerSecond: allocations / seconds,
			freesPerSecond: atLeast0(one.Frees - (then?.Frees ?? 0)) / seconds,
			bytesPerSecond: (allocations * one.Size) / seconds,
			...(i === 0 ? {} : refillRates(before, now, i, allocations, seconds)),
		};
	});
	const bytesPerSecond = atLeast0(now.totalAlloc - before.totalAlloc) / seconds;
	const small = classes.reduce((sum, one) => sum + one.bytesPerSecond, 0);
	const large = classes[0];
	// a large object's size is its own, so that the class as a whole has what the others leave
	if (large !== undefined) large.bytesPerSecond = atLeast0(bytesPerSecond - small);
	const refills = classes.flatMap((one) => (one.refillsPerSecond === undefined ? [] : [one.refillsPerSecond]));
	const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);
	return {
		seconds,
		collections: Math.max(0, now.collections - before.collections),
		allocationsPerSecond: sum(classes.map((one) => one.allocationsPerSecond)),
		tinyPerSecond: atLeast0(now.tinyAllocs - before.tinyAllocs) / seconds,
		bytesPerSecond,
		...(refills.length === 0 ? {} : { refillsPerSecond: sum(refills) }),
		classes,
	};
}

/** On a moving target the parts of a sum are not of one moment. */
function atLeast0(value: number): number {
	return Math.max(0, value);
}

/**
 * Refills of a size class (mcache.go: refill). The runtime does not count them, but while no GC comes between, the
 * central lists do: a span is cached by a refill only, and goes back to a list that counts what is put in. So
 *
 *     refills = spans put into the swept lists + spans cached now − spans cached before
 *
 * exactly, as long as no sweeper puts spans there too. Else they are estimated: a refill gives a P the free slots that the
 * span had then (nelems − allocCountBeforeCache), which the spans now cached still say. A span with many slots stays
 * cached for longer and is seen more often, so that the mean of 1/slots is the refills per allocation.
 */
function refillRates(
	before: AllocationPoint,
	now: AllocationPoint,
	sizeClass: number,
	allocations: number,
	seconds: number,
): Partial<ClassRates> {
	if (before.caches === undefined || now.caches === undefined) return {};
	const spanClasses = spanClassesOf(sizeClass);
	const counted = sumOrUndefined(spanClasses.map((at) => countedRefills(before.caches, now.caches, at)));
	if (counted !== undefined) return rates(counted, counted, "counted", seconds);
	const changed = spanClasses.reduce((sum, at) => sum + changedSpans(before.caches, now.caches, at), 0);
	const leftOver = spanClasses.reduce(
		(sum, at) => sum + (before.caches?.ps ?? []).reduce((all, p) => all + (p.freeSlots[at] ?? 0), 0),
		0,
	);
	const needed = Math.ceil((allocations - leftOver) / (now.slots[sizeClass] || 1));
	const least = Math.max(changed, needed, 0);
	const perAllocation = refillsPerAllocation([...before.caches.ps, ...now.caches.ps], spanClasses);
	if (perAllocation === undefined) return rates(least, least, "at-least", seconds);
	return rates(Math.max(least, allocations * perAllocation), least, "estimated", seconds);
}

function rates(
	refills: number,
	least: number,
	refillsFrom: ClassRates["refillsFrom"] & string,
	seconds: number,
): Partial<ClassRates> {
	return { refillsPerSecond: refills / seconds, refillsAtLeast: least, refillsFrom };
}

function sumOrUndefined(values: readonly (number | undefined)[]): number | undefined {
	let sum = 0;
	for (const value of values) {
		if (value === undefined) return undefined;
		sum += value;
	}
	return sum;
}

/** Undefined where a GC came between, or a sweeper was at work. */
function countedRefills(
	before: AllocationCaches | undefined,
	now: AllocationCaches | undefined,
	at: number,
): number | undefined {
	if (before === undefined || now === undefined || before.sweepgen !== now.sweepgen) return undefined;
	const { partialUnswept, fullUnswept } = before.centrals;
	if (left(partialUnswept, at) > 0 || left(fullUnswept, at) > 0) return undefined;
	// a stale cache is swept when its P runs again, and that sweep puts its span into a list
	if (before.ps.some((p) => p.stale && (p.spans[at] ?? 0) !== 0)) return undefined;
	const put = (set: "partialSwept" | "fullSwept") =>
		(now.centrals[set].pushed[at] ?? 0) - (before.centrals[set].pushed[at] ?? 0);
	const cached = (caches: AllocationCaches) => caches.ps.filter((p) => (p.spans[at] ?? 0) !== 0).length;
	return Math.max(0, put("partialSwept") + put("fullSwept") + cached(now) - cached(before));
}

/** Ps that cache another span than before. */
function changedSpans(before: AllocationCaches | undefined, now: AllocationCaches | undefined, at: number): number {
	const then = new Map(before?.ps.map((p) => [p.id, p.spans[at] ?? 0]));
	return (now?.ps ?? []).filter((p) => (p.spans[at] ?? 0) !== 0 && then.get(p.id) !== p.spans[at]).length;
}

/** The mean of 1/slots of the cached spans, each span class by what was allocated from its spans; undefined without any. */
function refillsPerAllocation(ps: readonly PCache[], spanClasses: readonly number[]): number | undefined {
	let weighted = 0;
	let weights = 0;
	for (const at of spanClasses) {
		const given = ps.filter((p) => (p.givenSlots[at] ?? 0) > 0);
		if (given.length === 0) continue;
		const mean = given.reduce((sum, p) => sum + 1 / (p.givenSlots[at] ?? 1), 0) / given.length;
		const used = given.reduce((sum, p) => sum + Math.max(0, (p.givenSlots[at] ?? 0) - (p.freeSlots[at] ?? 0)), 0);
		weighted += mean * used;
		weights += used;
	}
	return weights === 0 ? undefined : weighted / weights;
}
