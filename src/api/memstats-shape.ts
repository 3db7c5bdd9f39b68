import { type Static, type TOptional, type TUnsafe, Type } from "typebox";
import { MEM_STATS_FIELDS, type MemStatsName, memStatsField } from "../formats/memstats/fields.ts";
import { ByteCount, BytesPerHour, Count, Milliseconds, Moment, Share } from "./operation.ts";
import { ProcessSummary, Unreadable } from "./shapes.ts";

/** An integer of a MemStats: a number, or its decimal digits above 2^53−1 (times in nanoseconds since 1970, "no goal"). */
export type Exact = number | string;

const exactSchema = { anyOf: [{ type: "integer" }, { type: "string", pattern: "^[0-9]{1,20}$" }] };

const exact = (name: MemStatsName): TOptional<TUnsafe<Exact>> =>
	Type.Optional(
		Type.Unsafe<Exact>({ ...exactSchema, description: `${memStatsField(name)?.words ?? ""} (${unitOf(name)})` }),
	);
const flag = (name: MemStatsName) => Type.Optional(Type.Boolean({ description: memStatsField(name)?.words ?? "" }));
const list = (description: string) =>
	Type.Optional(Type.Unsafe<readonly Exact[]>({ type: "array", items: exactSchema, description }));

function unitOf(name: MemStatsName): string {
	return memStatsField(name)?.unit ?? "";
}

const fields = {
	Alloc: exact("Alloc"),
	TotalAlloc: exact("TotalAlloc"),
	Sys: exact("Sys"),
	Lookups: exact("Lookups"),
	Mallocs: exact("Mallocs"),
	Frees: exact("Frees"),
	HeapAlloc: exact("HeapAlloc"),
	HeapSys: exact("HeapSys"),
	HeapIdle: exact("HeapIdle"),
	HeapInuse: exact("HeapInuse"),
	HeapReleased: exact("HeapReleased"),
	HeapObjects: exact("HeapObjects"),
	StackInuse: exact("StackInuse"),
	StackSys: exact("StackSys"),
	MSpanInuse: exact("MSpanInuse"),
	MSpanSys: exact("MSpanSys"),
	MCacheInuse: exact("MCacheInuse"),
	MCacheSys: exact("MCacheSys"),
	BuckHashSys: exact("BuckHashSys"),
	GCSys: exact("GCSys"),
	OtherSys: exact("OtherSys"),
	NextGC: exact("NextGC"),
	LastGC: exact("LastGC"),
	PauseTotalNs: exact("PauseTotalNs"),
	PauseNs: list("the last 256 pauses, circular: that of cycle N is at (N+255) % 256 (ns)"),
	PauseEnd: list("when they ended, circular as PauseNs (ns since 1970)"),
	NumGC: exact("NumGC"),
	NumForcedGC: exact("NumForcedGC"),
	GCCPUFraction: Type.Optional(Type.Number({ description: memStatsField("GCCPUFraction")?.words ?? "" })),
	EnableGC: flag("EnableGC"),
	DebugGC: flag("DebugGC"),
	BySize: Type.Optional(
		Type.Array(
			Type.Object({
				Size: Type.Integer({ description: "largest object of the class, bytes" }),
				Mallocs: Type.Unsafe<Exact>(exactSchema),
				Frees: Type.Unsafe<Exact>(exactSchema),
			}),
			{ description: "allocations by size class" },
		),
	),
};

const MemStatsFields = Type.Object(fields);
/** The fields of runtime.MemStats in a result: what the source does not tell, or was not asked for, is absent. */
export type MemStatsFields = Static<typeof MemStatsFields>;
export type FieldName = keyof MemStatsFields;

/** All field names in the struct's order; PauseNs, PauseEnd and BySize are lists. */
export const fieldNames = Object.keys(fields) as readonly FieldName[];
export const listNames: readonly FieldName[] = ["PauseNs", "PauseEnd", "BySize"];

const offOrBytes = (description: string) => Type.Union([ByteCount(), Type.Literal("off")], { description });

const PacerShape = Type.Object(
	{
		goalBytes: offOrBytes("heap size at which the next cycle should end; MemStats.NextGC"),
		triggerBytes: offOrBytes("heap size at which the next cycle starts"),
		heapMarkedBytes: ByteCount({ description: "what the last GC found reachable: the live heap" }),
		heapLiveBytes: ByteCount({ description: "the pacer's own count of the heap, which it holds against the trigger" }),
		gogc: Type.Union([Type.Integer(), Type.Literal("off")], { description: "GOGC in force, percent" }),
		memoryLimitBytes: offOrBytes("GOMEMLIMIT in force"),
		limitedBy: Type.Enum(["GOGC", "GOMEMLIMIT", "minimum heap", "nothing"], { description: "what sets the goal" }),
		stacksScannedBytes: ByteCount({ description: "stacks, which GOGC counts as work since Go 1.18" }),
		globalsScannedBytes: ByteCount({ description: "global variables with pointers, counted likewise" }),
		gcWorkBufBytes: ByteCount({ description: "mark work buffers, inside GCSys" }),
	},
	{ description: "the collector's pacer (runtime: gcController); where the runtime was read from outside" },
);
export type PacerShape = Static<typeof PacerShape>;

const Figures = Type.Object(
	{
		liveBytes: Type.Optional(ByteCount({ description: "live heap at the last GC" })),
		liveFrom: Type.Optional(Type.String({ description: "how liveBytes is known" })),
		sinceGcBytes: Type.Optional(
			ByteCount({ description: "HeapAlloc less liveBytes: allocated since, or dead and not yet swept" }),
		),
		freeSlotsBytes: Type.Optional(ByteCount({ description: "HeapInuse less HeapAlloc: free slots in used spans" })),
		idleKeptBytes: Type.Optional(ByteCount({ description: "HeapIdle less HeapReleased: free spans that Go keeps" })),
		backedBytes: Type.Optional(
			ByteCount({ description: "Sys less HeapReleased: the most of Go's memory that should be resident" }),
		),
		toNextGc: Type.Optional(Share({ description: "HeapAlloc over NextGC" })),
		lastGcSecondsAgo: Type.Optional(Type.Number()),
		pauses: Type.Optional(
			Type.Object({
				count: Count({ description: "pauses in the ring, 256 at most" }),
				lastMs: Milliseconds(),
				maxMs: Milliseconds(),
				p99Ms: Milliseconds(),
				meanMs: Milliseconds(),
			}),
		),
	},
	{ description: "figures derived from the fields" },
);
export type Figures = Static<typeof Figures>;

const Trend = Type.Object({
	name: Type.String({ description: "a field; `live` is the live heap, judged at GCs only" }),
	unit: Type.String(),
	how: Type.String({ description: "what the points are" }),
	readings: Count({ description: "points that the slope rests on" }),
	first: Type.Number(),
	last: Type.Number(),
	slope: Type.Optional(Type.Number({ description: "Theil–Sen, in the field's unit per `per`" })),
	low: Type.Optional(Type.Number({ description: "lower bound at 95 % confidence, widened for autocorrelation" })),
	high: Type.Optional(Type.Number({ description: "upper bound" })),
	direction: Type.Enum(["up", "down", "flat", "unknown"], {
		description:
			"up or down where the bounds leave 0 out and the trend is significant (Mann–Kendall, 5 %); unknown below 5 points",
	}),
	points: Type.Array(Type.Number(), { description: "at most 40 of the points, oldest first" }),
});
export type Trend = Static<typeof Trend>;

const Series = Type.Object(
	{
		readings: Count(),
		per: Type.Enum(["hour", "reading"], {
			description: "what slopes are per; `reading` where the log has no time stamps",
		}),
		seconds: Type.Optional(Type.Number({ description: "from the first reading to the last" })),
		collections: Type.Optional(Count({ description: "GCs meanwhile" })),
		allocBytesPerHour: Type.Optional(BytesPerHour({ description: "TotalAlloc from the first reading to the last" })),
		trends: Type.Array(Trend),
		skippedLines: Type.Optional(Count({ description: "lines of the log that hold no MemStats" })),
	},
	{ description: "what the readings so far say together" },
);
export type Series = Static<typeof Series>;

const LogRow = Type.Intersect([
	Type.Partial(Type.Object({ time: Moment(), goroutines: Count(), rssBytes: ByteCount() })),
	Type.Omit(MemStatsFields, ["PauseNs", "PauseEnd", "BySize"]),
]);
export type Row = Static<typeof LogRow>;

const Meta = Type.Object(
	{
		target: Type.String({ description: "as it was given, without credentials" }),
		source: Type.Enum(["runtime", "expvar", "heap-debug1", "prometheus", "log"]),
		how: Type.String({ description: "how it was read, and what that did to the program" }),
		at: Type.Optional(Moment({ description: "the reading's time; absent where a log has none" })),
		units: Type.Record(Type.String(), Type.String(), { description: "unit of each field that is here" }),
		process: Type.Optional(ProcessSummary),
		goVersion: Type.Optional(Type.String()),
		goroutines: Type.Optional(Count()),
		threads: Type.Optional(Count()),
		gogc: Type.Optional(Type.Union([Type.Number(), Type.Literal("off")])),
		memoryLimitBytes: Type.Optional(offOrBytes("GOMEMLIMIT")),
		rssBytes: Type.Optional(ByteCount({ description: "process_resident_memory_bytes" })),
		peakRssBytes: Type.Optional(ByteCount({ description: "MaxRSS of heap?debug=1" })),
		blur: Type.Optional(
			Type.Object({
				heapBytes: ByteCount({ description: "change of HeapAlloc while it was read" }),
				collections: Count({ description: "GCs that ended while it was read" }),
				paused: Type.Boolean({ description: "it stood still until all was read" }),
			}),
		),
		rounded: Type.Optional(Type.Boolean({ description: "the source gives MiB and the like, not bytes" })),
		unavailable: Type.Array(Unreadable),
		cost: Type.Optional(Type.Object({ wallMs: Milliseconds(), pausedMs: Milliseconds(), bytesRead: ByteCount() })),
	},
	{ description: "where the numbers come from" },
);
export type Meta = Static<typeof Meta>;

const View = Type.Object(
	{ form: Type.Enum(["table", "csv"]), all: Type.Boolean(), fields: Type.Optional(Type.Array(Type.String())) },
	{ description: "how the text form shows it: --csv, --all, --fields" },
);
export type View = Static<typeof View>;

/** The result document: flat fields under Go's names, everything else under a name with an underscore. */
export const MemStatsDocument = Type.Object({
	...fields,
	_meta: Meta,
	_figures: Figures,
	_pacer: Type.Optional(PacerShape),
	_series: Type.Optional(Series),
	_readings: Type.Optional(
		Type.Array(LogRow, { description: "of a log or a capture with several readings: at most 512, evenly spread" }),
	),
	_view: View,
});
export type MemStatsResult = Static<typeof MemStatsDocument>;

/** Units of the fields that are present. */
export function unitsOf(present: MemStatsFields): Record<string, string> {
	const units: Record<string, string> = {};
	for (const { name, unit } of MEM_STATS_FIELDS) if (present[name] !== undefined) units[name] = unit;
	if (present.PauseNs !== undefined) units["PauseNs"] = "ns";
	if (present.PauseEnd !== undefined) units["PauseEnd"] = "unix-ns";
	if (present.BySize !== undefined)
		Object.assign(units, { "BySize.Size": "bytes", "BySize.Mallocs": "objects", "BySize.Frees": "objects" });
	return units;
}
