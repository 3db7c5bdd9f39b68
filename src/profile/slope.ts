import type { Profile } from "../formats/pprof/model.ts";
import { mannKendall } from "../series/mann-kendall.ts";
import { type TrendLine, theilSen } from "../series/theil-sen.ts";
import type { ProfileOptions } from "./options.ts";
import { prepare } from "./prepare.ts";
import { siteSums } from "./slope-sites.ts";

/** A profile of a series: when it was taken, in seconds from any start that all share. */
export interface SlopeReading {
	readonly seconds: number;
	readonly profile: Profile;
}

export interface SlopeOptions {
	/** as for any report: sample_index says what is held (default: the profile's own), granularity what a site is */
	readonly options?: Partial<ProfileOptions>;
	/**
	 * Growth per day, in the unit of the sample type, below which nothing is said to grow: a ratio alone is no finding. Default
	 * 64 MiB, or 1,000 where the unit is not bytes.
	 */
	readonly leastPerDay?: number;
	/** most sites to give (default 50) */
	readonly sites?: number;
}

/**
 * - `leak`: what is held rises through the whole series;
 * - `growing cache`: it rises, and much more slowly in the second half than in the first;
 * - `churn`: it does not rise, and at least as much as is held was allocated meanwhile;
 * - `stable`: neither;
 * - `undecided`: fewer than three readings, or no time between them, or it went up by much and the readings are too few, or
 *   too far from a line, to tell a rise from chance.
 */
export type SlopeVerdict = "leak" | "growing cache" | "churn" | "stable" | "undecided";

/** How something went over the series. Slopes are per second. */
export interface SlopeTrend {
	readonly held: TrendLine | undefined;
	/** of what was allocated since the start of the process, freed or not; undefined where the profile has no such type */
	readonly allocated: TrendLine | undefined;
	readonly first: number;
	readonly last: number;
	readonly verdict: SlopeVerdict;
}

export interface SiteSlope extends SlopeTrend {
	/** how reports write the place, at the granularity asked for */
	readonly name: string;
	/** part of the whole's slope that is this site's; undefined where the whole does not rise or fall */
	readonly share: number | undefined;
	/** by reading */
	readonly heldAt: readonly number[];
}

export interface ProfileSlope {
	/** what is held, as "inuse_space", and its unit */
	readonly sampleType: string;
	readonly unit: string;
	/** the type that counts what was allocated, as "alloc_space" */
	readonly allocatedType: string | undefined;
	readonly seconds: readonly number[];
	readonly heldAt: readonly number[];
	readonly allocatedAt: readonly number[] | undefined;
	readonly whole: SlopeTrend;
	/** those that rise first, steepest first */
	readonly sites: readonly SiteSlope[];
}

/** What the sites of a series of profiles hold and allocate, and what that says: churn, leak, stable, growing cache. */
export function profileSlope(
	readings: readonly SlopeReading[],
	options: SlopeOptions = {},
): ProfileSlope | { readonly error: string } {
	const ordered = [...readings].sort((a, b) => a.seconds - b.seconds);
	const [first] = ordered;
	if (first === undefined) return { error: "no profiles to compare" };
	const shape = prepare(first.profile, { format: "text", options: { ...options.options, trim: false } });
	if ("error" in shape) return shape;
	const { sampleType, sampleUnit } = shape;
	const types = first.profile.sampleTypes.map((one) => one.type);
	const allocatedType = types.find((type) => type !== sampleType && type === sampleType.replace(/^inuse_/, "alloc_"));
	const table = siteSums(
		ordered.map((reading) => reading.profile),
		options.options ?? {},
		allocatedType === undefined ? [sampleType] : [sampleType, allocatedType],
	);
	if ("error" in table) return table;
	const seconds = ordered.map((reading) => reading.seconds);
	const least = (options.leastPerDay ?? (sampleUnit === "bytes" ? 64 * 2 ** 20 : 1000)) / 86_400;
	const sumOf = (column: number): number[] =>
		seconds.map((_, at) => table.sites.reduce((sum, site) => sum + site.sums[column]![at]!, 0));
	const heldAt = sumOf(0);
	const allocatedAt = allocatedType === undefined ? undefined : sumOf(1);
	const whole = trend(seconds, heldAt, allocatedAt, least);
	const sites = table.sites.map(({ name, sums }): SiteSlope => {
		const own = trend(seconds, sums[0]!, sums[1], least); // a column for each type
		const share = own.held && whole.held && whole.held.slope !== 0 ? own.held.slope / whole.held.slope : undefined;
		return { ...own, name, share, heldAt: [...sums[0]!] };
	});
	sites.sort((a, b) => (b.held?.slope ?? 0) - (a.held?.slope ?? 0) || b.last - a.last || (a.name < b.name ? -1 : 1));
	return {
		sampleType,
		unit: sampleUnit,
		allocatedType,
		seconds,
		heldAt,
		allocatedAt,
		whole,
		sites: sites.slice(0, options.sites ?? 50),
	};
}

function trend(
	seconds: readonly number[],
	held: ArrayLike<number>,
	allocated: ArrayLike<number> | undefined,
	least: number,
): SlopeTrend {
	const line = robustLine(seconds, held);
	const allocation = allocated && robustLine(seconds, allocated);
	return {
		held: line,
		allocated: allocation,
		first: held[0] ?? 0,
		last: held[held.length - 1] ?? 0,
		verdict: judged(seconds, held, line, allocation, least),
	};
}

/** The trend line with bounds that take into account how closely readings follow one another. */
function robustLine(xs: readonly number[], ys: ArrayLike<number>): TrendLine | undefined {
	return theilSen(xs, ys, { varianceFactor: mannKendall(xs, ys)?.varianceFactor ?? 1 });
}

/** Fewer readings decide nothing. */
export const FEWEST_READINGS = 3;

/** Of fewer, the flattest and the steepest pair do not enclose 95 % of what chance does. */
export const FEWEST_FOR_BOUNDS = 5;

/** A rise by so much of what is held is not called none. */
const MUCH = 0.1;

function judged(
	seconds: readonly number[],
	held: ArrayLike<number>,
	line: TrendLine | undefined,
	allocation: TrendLine | undefined,
	least: number,
): SlopeVerdict {
	if (line === undefined || seconds.length < FEWEST_READINGS) return "undecided";
	if (line.low > 0 && line.slope >= least) return levelsOff(seconds, held) ? "growing cache" : "leak";
	const span = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0);
	const level = line.intercept + line.slope * ((seconds[0] ?? 0) + span / 2);
	const churns = allocation !== undefined && allocation.low > 0 && allocation.slope >= least;
	if (churns && allocation.slope * span >= level) return "churn";
	// no slope at all is within the bounds, and so is one that is not to be called stable
	return line.slope >= least && line.slope * span >= MUCH * level ? "undecided" : "stable";
}

/** Whether the second half rises at half the slope of the first or less, beyond what chance would do. */
function levelsOff(seconds: readonly number[], held: ArrayLike<number>): boolean {
	const middle = Math.floor(seconds.length / 2);
	if (middle < 4) return false;
	const ys = Array.from(held);
	const early = theilSen(seconds.slice(0, middle), ys.slice(0, middle));
	const late = theilSen(seconds.slice(middle), ys.slice(middle));
	return early !== undefined && late !== undefined && late.slope <= early.slope / 2 && late.high < early.low;
}
