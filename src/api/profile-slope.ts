import { type Static, Type } from "typebox";
import type { Profile } from "../formats/pprof/model.ts";
import { loadProfiles } from "../profile/combine/load.ts";
import {
	FEWEST_FOR_BOUNDS,
	FEWEST_READINGS,
	profileSlope,
	type SlopeReading,
	type SlopeTrend,
} from "../profile/slope.ts";
import type { TrendLine } from "../series/theil-sen.ts";
import { GomemError, isAbort } from "./errors.ts";
import { defineOperation, type OperationContext } from "./operation.ts";
import { Count, Duration, Milliseconds, Moment } from "./operation-values.ts";
import { profileProperties, type SourceInput } from "./profile-input.ts";
import { viewOf } from "./profile-options.ts";
import { reportError } from "./profile-report.ts";
import { SourceSummary } from "./profile-shape.ts";
import { type TakenProfile, takeProfiles } from "./profile-take.ts";

const Slope = Type.Object(
	{
		perHour: Type.Number({ description: "Theil–Sen slope, in the unit of the figures" }),
		lowPerHour: Type.Optional(Type.Number({ description: "bounds, 95 % confidence; absent where there are none" })),
		highPerHour: Type.Optional(Type.Number()),
	},
	{ description: "absent where there are too few readings" },
);
const trend = {
	held: Type.Optional(Slope),
	allocated: Type.Optional(Slope),
	first: Type.Number(),
	last: Type.Number(),
	verdict: Type.Enum(["leak", "growing cache", "churn", "stable", "undecided"]),
};

const result = Type.Object({
	sampleType: Type.String({ description: "what is held: inuse_space" }),
	unit: Type.String(),
	allocatedType: Type.Optional(Type.String({ description: "what counts all that was allocated: alloc_space" })),
	readings: Count({}),
	from: Moment({ description: "of the first reading" }),
	spanMs: Milliseconds({ description: "from the first reading to the last" }),
	heldAt: Type.Array(Type.Number(), { description: "by reading" }),
	whole: Type.Object(trend),
	sites: Type.Array(
		Type.Object({
			name: Type.String(),
			share: Type.Optional(Type.Number({ description: "of the whole's slope" })),
			heldAt: Type.Array(Type.Number()),
			...trend,
		}),
		{ description: "those that rise first, steepest first" },
	),
	sources: Type.Array(SourceSummary),
});
export type ProfileSlopeResult = Static<typeof result>;

/** Bounds on a series: each reading is kept whole until the end. */
const MAX_READINGS = 1000;

export const operation = defineOperation({
	name: "profile slope",
	summary: "What grows over profiles in a row: leak, cache or churn, by site",
	description:
		"Give profiles that were taken at different times, a capture of several readings, or one process or URL to read --every " +
		"so often, --for so long. What is held (inuse) is set against what was allocated: what rises with the first is kept, what " +
		"only the second shows is churn.",
	group: "Profiles",
	kind: "job",
	effect: "read",
	target: "none",
	input: Type.Object({
		...profileProperties,
		every: Duration({ description: "between readings of a process or a URL", default: "30s" }),
		for: Duration({ description: "how long to read a process or a URL", default: "10m" }),
	}),
	result,
	examples: [
		{
			command: "gomem profile slope 4242 --every 30s --for 10m",
			says: "what grows in a process that serves no profile",
		},
		{ command: "gomem profile slope mon.pb.gz tue.pb.gz wed.pb.gz", says: "over days" },
		{
			command: "gomem profile slope x.gomem",
			says: "over the readings of gomem capture 4242 -o x.gomem --every 30s --for 1h",
		},
	],
	async run(ctx, input) {
		if (input.base.length > 0 || input.diffBase.length > 0) {
			throw new GomemError({ code: "invalid-input", message: "a slope has no base", hint: "leave --base out" });
		}
		const series = await seriesOf(ctx, input);
		const slope = profileSlope(series.readings, { options: viewOf(input) });
		if ("error" in slope) throw reportError(slope.error);
		const [first = 0] = slope.seconds;
		const count = slope.seconds.length;
		if (count >= FEWEST_READINGS && count < FEWEST_FOR_BOUNDS) {
			ctx.warn(
				`${count} readings are too few for bounds of 95 %: those given are of the flattest and the steepest pair of ` +
					`readings; take ${FEWEST_FOR_BOUNDS} or more`,
			);
		}
		return {
			sampleType: slope.sampleType,
			unit: slope.unit,
			...(slope.allocatedType === undefined ? {} : { allocatedType: slope.allocatedType }),
			readings: count,
			from: new Date(Math.round(first * 1000)).toISOString(),
			spanMs: Math.round(((slope.seconds.at(-1) ?? first) - first) * 1000),
			heldAt: [...slope.heldAt],
			whole: trendOf(slope.whole),
			sites: slope.sites.map((site) => ({
				name: site.name,
				...(site.share === undefined ? {} : { share: site.share }),
				heldAt: [...site.heldAt],
				...trendOf(site),
			})),
			sources: series.taken.map(({ summary }) => summary),
		};
	},
});

interface Series {
	readonly readings: readonly SlopeReading[];
	readonly taken: readonly TakenProfile[];
}

async function seriesOf(
	ctx: OperationContext,
	input: SourceInput & { readonly every: number; readonly for: number },
): Promise<Series> {
	const taken: TakenProfile[] = [];
	for (const source of input.source) {
		taken.push(...(await takeProfiles(ctx, source, input, { readings: MAX_READINGS })));
	}
	const [only] = taken;
	if (taken.length === 1 && (only?.summary.kind === "process" || only?.summary.kind === "url")) {
		return watched(ctx, input, only);
	}
	if (taken.length < 2) {
		throw new GomemError({
			code: "invalid-input",
			message: "a slope needs several profiles",
			hint: "give profiles of different times, a capture of several readings, or a pid or URL with --every and --for",
		});
	}
	const readings = taken.map(({ profile, summary }) => {
		// whole milliseconds: of the nanoseconds since 1970 a double loses the last ones
		const seconds = Number(profile.timeNanos / 1_000_000n) / 1000;
		if (seconds !== 0) return { seconds, profile: readied(profile) };
		throw new GomemError({
			code: "profile-without-time",
			message: `${summary.name} does not say when it was taken`,
			hint: "profiles in protobuf form do; the texts of debug=1 do not",
		});
	});
	return { readings, taken };
}

/** Reads one source again and again. Ctrl-C ends the series, and what there is by then is judged. */
async function watched(
	ctx: OperationContext,
	input: SourceInput & { readonly every: number; readonly for: number },
	first: TakenProfile,
): Promise<Series> {
	const start = ctx.clock.now();
	const began = ctx.clock.monotonic();
	const readings = [{ seconds: start / 1000, profile: readied(first.profile) }];
	const total = Math.min(MAX_READINGS, Math.floor(input.for / input.every) + 1);
	for (let at = 1; at < total; at++) {
		ctx.progress({ what: `reading ${at + 1} of ${total}`, done: at, total });
		await ctx.clock.sleep(began + at * input.every - ctx.clock.monotonic(), ctx.signal);
		if (ctx.signal.aborted) break;
		const next = await another(ctx, input);
		if (next === undefined) break;
		readings.push({ seconds: (start + ctx.clock.monotonic() - began) / 1000, profile: readied(next.profile) });
	}
	return { readings, taken: [first] };
}

/** The next reading; undefined where the series ends here: it was interrupted, or the process has ended. */
async function another(ctx: OperationContext, input: SourceInput): Promise<TakenProfile | undefined> {
	try {
		return (await takeProfiles(ctx, input.source[0] ?? "", input))[0];
	} catch (error) {
		if (isAbort(error) && ctx.signal.aborted) return undefined;
		if (!(error instanceof GomemError)) throw error;
		ctx.warn(`the series ends here: ${error.message}`);
		return undefined;
	}
}

function readied(profile: Profile): Profile {
	const loaded = loadProfiles([profile]);
	if ("error" in loaded) throw reportError(loaded.error);
	return loaded.profile;
}

function trendOf({ held, allocated, first, last, verdict }: SlopeTrend): ProfileSlopeResult["whole"] {
	return {
		...(held === undefined ? {} : { held: slopeOf(held) }),
		...(allocated === undefined ? {} : { allocated: slopeOf(allocated) }),
		first,
		last,
		verdict,
	};
}

function slopeOf({ slope, low, high }: TrendLine): Static<typeof Slope> {
	const bounded = Number.isFinite(low) && Number.isFinite(high);
	return { perHour: slope * 3600, ...(bounded ? { lowPerHour: low * 3600, highPerHour: high * 3600 } : {}) };
}
