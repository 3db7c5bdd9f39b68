import { type Static, Type } from "typebox";
import { verdictCodes } from "../ledger/groups.ts";
import { CoreShape } from "./core-shape.ts";
import { ByteCount, BytesPerHour, Count, Milliseconds, Moment } from "./operation-values.ts";
import { ProcessSummary, Unreadable } from "./shapes.ts";
import { Obtained } from "./url-input.ts";

const Line = Type.Object({
	id: Type.String({ description: "stable name; dots go deeper: heap.live, libs.libc.so.6, files./data/index.bolt" }),
	bytes: ByteCount({ description: "resident bytes" }),
	what: Type.String({ description: "in plain words" }),
	source: Type.String({ description: "how it was counted" }),
	growthBytes: Type.Optional(
		ByteCount({
			description: "change since the first reading or the baseline; absent where that reading had no such lines",
		}),
	),
});

const Step = Type.Object({ command: Type.String(), says: Type.String() });

const WhyOfProcess = Type.Object({
	target: ProcessSummary,
	at: Moment({ description: "when the reading began" }),
	rssBytes: ByteCount({ description: "Rss of smaps; of a core, the pages in it that are not zero" }),
	pssBytes: Type.Optional(ByteCount({ description: "Rss with shared pages divided by their users" })),
	swapBytes: ByteCount({}),
	vszBytes: ByteCount({ description: "address space" }),
	limit: Type.Object({
		bytes: ByteCount({}),
		source: Type.String({ description: "the cgroup that has it, or the machine" }),
		usedBytes: Type.Optional(ByteCount({ description: "what that cgroup uses" })),
	}),
	runtime: Type.Optional(
		Type.Object({
			sysBytes: ByteCount({ description: "MemStats.Sys" }),
			heapAllocBytes: ByteCount({ description: "MemStats.HeapAlloc: live objects and garbage not yet swept" }),
			heapReleasedBytes: ByteCount({ description: "MemStats.HeapReleased: in Sys, not resident" }),
			nextGcBytes: Type.Optional(
				ByteCount({ description: "heap size at which the next GC is due; absent when GOGC and GOMEMLIMIT are off" }),
			),
			numGC: Count({}),
			lastGcSecondsAgo: Type.Optional(Type.Number()),
			gogc: Type.Integer({ description: "GOGC in force; -1 is off" }),
			memoryLimitBytes: Type.Optional(ByteCount({ description: "GOMEMLIMIT in force; absent when there is none" })),
			goroutines: Count({}),
		}),
	),
	lines: Type.Array(Line, {
		description: "every resident byte on exactly one line; their sum and residualBytes are rssBytes",
	}),
	residualBytes: ByteCount({ description: "what no line explains; negative where pages went away while reading" }),
	growth: Type.Optional(
		Type.Object({
			readings: Count({}),
			seconds: Type.Number({ description: "from the first reading, or the baseline, to this one" }),
			rssBytes: ByteCount({ description: "change in these seconds" }),
			rssBytesPerHour: BytesPerHour({
				description: "by the medians of the first and the last third of the readings",
			}),
			secondsToLimit: Type.Optional(Type.Number({ description: "at this rate; absent when it does not grow" })),
		}),
	),
	comparison: Type.Optional(
		Type.Object(
			{
				pid: Type.Optional(Type.Integer({ description: "the process that the baseline is of" })),
				startedAt: Type.Optional(Moment({ description: "when it was started" })),
				seconds: Type.Number({ description: "from the baseline to this reading" }),
				rssBytes: ByteCount({ description: "by how much Rss is larger now" }),
			},
			{ description: "in place of `growth` where the baseline is of another process of the same program" },
		),
	),
	verdict: Type.Object({
		code: Type.Enum([...verdictCodes]),
		sentence: Type.String(),
		confidence: Type.Enum(["high", "medium", "low"]),
		reasons: Type.Array(Type.String()),
		advice: Type.Array(Type.String()),
		next: Type.Array(Step),
		also: Type.Array(Type.String()),
	}),
	blur: Type.Object({
		heapBytes: ByteCount({ description: "how far the heap's numbers moved while they were read" }),
		paused: Type.Boolean({ description: "it stood still until all was read" }),
	}),
	unavailable: Type.Array(Unreadable),
	cost: Type.Object({ wallMs: Milliseconds({}), pausedMs: Milliseconds({}), bytesRead: ByteCount({}) }),
});

const ObtainedLine = Type.Object({
	...Obtained.properties.lines.items.properties,
	growthBytes: Type.Optional(ByteCount({ description: "change since the first reading" })),
});

const ObtainedWithGrowth = Type.Object(
	{
		...Obtained.properties,
		lines: Type.Array(ObtainedLine, { description: "every byte of Sys on exactly one line" }),
		growth: Type.Optional(
			Type.Object(
				{
					readings: Count({}),
					seconds: Type.Number({ description: "from the first reading to this one" }),
					sysBytes: ByteCount({ description: "change of Sys in these seconds" }),
					backedBytes: ByteCount({ description: "change of Sys less HeapReleased" }),
					backedBytesPerHour: BytesPerHour({
						description: "by the medians of the first and the last third of the readings",
					}),
					allocatedBytes: Type.Optional(
						ByteCount({ description: "by how much TotalAlloc rose: also what is garbage by now" }),
					),
					collections: Type.Optional(Count({ description: "GCs meanwhile" })),
				},
				{ description: "of several readings; `growth` of Rss is there too where every page told it" },
			),
		),
	},
	{ description: "in place of `lines` where the target is a URL" },
);
export type ObtainedWithGrowth = Static<typeof ObtainedWithGrowth>;

/** The result for a process or a capture; that for a URL is WhyUrlResult. */
export type WhyResult = Static<typeof WhyOfProcess>;

/**
 * As published: a URL does not tell what is resident, so those figures are absent and `obtained` is there instead; a core
 * has `core`, and no figures of Pss, swap and limit.
 */
export const WhyDocument = Type.Object({
	...WhyOfProcess.properties,
	rssBytes: Type.Optional(WhyOfProcess.properties.rssBytes),
	swapBytes: Type.Optional(WhyOfProcess.properties.swapBytes),
	vszBytes: Type.Optional(WhyOfProcess.properties.vszBytes),
	limit: Type.Optional(WhyOfProcess.properties.limit),
	residualBytes: Type.Optional(WhyOfProcess.properties.residualBytes),
	obtained: Type.Optional(ObtainedWithGrowth),
	core: Type.Optional(CoreShape),
});

/** The result for a core: `rssBytes` is what the core holds. */
export type WhyCoreResult = Omit<WhyResult, "pssBytes" | "swapBytes" | "limit"> & { core: Static<typeof CoreShape> };

/** The result for a URL: no figure of residency but the one that a Prometheus page may have. */
export type WhyUrlResult = Omit<WhyResult, "rssBytes" | "swapBytes" | "vszBytes" | "limit" | "residualBytes"> & {
	rssBytes?: number;
	obtained: ObtainedWithGrowth;
};
