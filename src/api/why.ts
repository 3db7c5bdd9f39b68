import { type Static, Type } from "typebox";
import type { Observation } from "../capture/process.ts";
import { sinceGc, verdictFacts } from "../ledger/facts.ts";
import { verdictCodes } from "../ledger/groups.ts";
import { type Growth, type LedgerPoint, measureGrowth } from "../ledger/growth.ts";
import { type Ledger, makeLedger } from "../ledger/ledger.ts";
import { judge } from "../ledger/verdict.ts";
import type { Verdict } from "../ledger/verdict-facts.ts";
import { readBaseline } from "./baseline.ts";
import { observe, targetOf } from "./observe.ts";
import {
	ByteCount,
	BytesPerHour,
	beats,
	Count,
	Duration,
	defineOperation,
	Milliseconds,
	Moment,
	type OperationContext,
} from "./operation.ts";
import { ProcessSummary, Unreadable, unreadable } from "./shapes.ts";
import { processSummary } from "./summaries.ts";
import { headerInput, Obtained, type UrlFlags } from "./url-input.ts";

const Line = Type.Object({
	id: Type.String({ description: "stable name; dots go deeper: heap.live, libs.libc.so.6, files./data/index.bolt" }),
	bytes: ByteCount({ description: "resident bytes" }),
	what: Type.String({ description: "in plain words" }),
	source: Type.String({ description: "how it was counted" }),
	growthBytes: Type.Optional(ByteCount({ description: "change since the first reading or the baseline" })),
});

const Step = Type.Object({ command: Type.String(), says: Type.String() });

const result = Type.Object({
	target: ProcessSummary,
	at: Moment({ description: "when the reading began" }),
	rssBytes: ByteCount({ description: "Rss of smaps" }),
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
			seconds: Type.Number(),
			rssBytes: ByteCount({}),
			rssBytesPerHour: BytesPerHour({}),
			secondsToLimit: Type.Optional(Type.Number({ description: "at this rate; absent when it does not grow" })),
		}),
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
		paused: Type.Boolean(),
	}),
	unavailable: Type.Array(Unreadable),
	cost: Type.Object({ wallMs: Milliseconds({}), pausedMs: Milliseconds({}), bytesRead: ByteCount({}) }),
});

/** The result for a process or a capture; that for a URL is WhyUrlResult. */
export type WhyResult = Static<typeof result>;

/** As published: a URL does not tell what is resident, so those figures are absent and `obtained` is there instead. */
const published = Type.Object({
	...result.properties,
	rssBytes: Type.Optional(result.properties.rssBytes),
	swapBytes: Type.Optional(result.properties.swapBytes),
	vszBytes: Type.Optional(result.properties.vszBytes),
	limit: Type.Optional(result.properties.limit),
	residualBytes: Type.Optional(result.properties.residualBytes),
	obtained: Type.Optional(Obtained),
});

export const operation = defineOperation({
	name: "why",
	summary: "Where the memory went: every resident byte on a line, and a verdict",
	description:
		"Reads the Go runtime's own tables from outside and lays them over the pages that are resident. " +
		"With --every, --watch or --baseline it says what grew.",
	group: "Where memory is",
	kind: "query",
	effect: "read",
	target: "required",
	input: Type.Object({
		pause: Type.Optional(
			Duration({
				description: "stop the process while it is read, at most this long; exact numbers",
				bare: "500ms",
				effect: "pauses",
			}),
		),
		baseline: Type.Optional(
			Type.String({
				description: "an earlier capture (.gomem) or `why --json` output to compare with",
				placeholder: "file",
			}),
		),
		header: headerInput,
		timeout: Duration({ description: "how long a URL may take", default: "10s" }),
	}),
	result: published,
	examples: [
		{ command: "gomem why 4242", says: "where the memory of process 4242 is now" },
		{ command: "gomem why orders-api --every 5s --for 1m", says: "what grows, line by line" },
		{ command: "gomem why 4242 --baseline monday.gomem", says: "what grew since a capture" },
		{ command: "gomem why :8080 --pause --json", says: "exact numbers of what listens on 8080, for a script" },
	],
	async run(ctx, input) {
		const target = targetOf(input.target);
		if (target.kind === "url") return fromUrl(ctx, target.url, input);
		using observed = await observe(target, { pause: input.pause });
		const points = input.baseline === undefined ? [] : await readBaseline(input.baseline, target);
		let last: Observation | undefined;
		// a bundle holds the history itself: its last reading is the present
		for (;;) {
			const next = await observed.next();
			if (next === undefined) break;
			if (last !== undefined) points.push(pointOf(last));
			last = next;
			if (observed.kind === "process") break;
		}
		if (last === undefined) throw new Error("a bundle without readings was opened");
		return explain(input.target, last, points);
	},
	async *watch(ctx, input) {
		const target = targetOf(input.target);
		if (target.kind === "url") {
			for await (const _ of beats(ctx)) yield await fromUrl(ctx, target.url, input);
			return;
		}
		using observed = await observe(target, { pause: input.pause });
		const points = input.baseline === undefined ? [] : await readBaseline(input.baseline, target);
		for await (const _ of observed.kind === "bundle" ? untilDone(ctx) : beats(ctx)) {
			const observation = await observed.next();
			if (observation === undefined) return;
			yield explain(input.target, observation, points);
			points.push(pointOf(observation));
			if (points.length > MAX_POINTS) points.splice(1, 1);
		}
	},
});

/** HTTP is loaded only where it is used: a pid should not wait for it. */
async function fromUrl(ctx: OperationContext, url: string, input: UrlFlags & { readonly baseline?: string }) {
	const { whyFromUrl } = await import("./why-url.ts");
	return whyFromUrl(ctx, url, input);
}

/** Readings that are kept to measure growth; the first stays. */
const MAX_POINTS = 500;

async function* untilDone(ctx: OperationContext): AsyncGenerator<void> {
	while (!ctx.signal.aborted) yield;
}

function pointOf(observation: Observation): LedgerPoint {
	return { at: observation.reading.at, ledger: makeLedger(observation.reading, observation.runtime) };
}

/** The result document of one observation, with what grew since the earlier ones. */
export function explain(target: string, observation: Observation, earlier: readonly LedgerPoint[]): WhyResult {
	const { reading, runtime } = observation;
	const ledger = makeLedger(reading, runtime);
	const growth = measureGrowth([...earlier, { at: reading.at, ledger }]);
	const verdict = judge(verdictFacts(target, reading, runtime, ledger, growth));
	return {
		target: processSummary(reading),
		at: new Date(reading.at).toISOString(),
		rssBytes: ledger.rssBytes,
		...(ledger.pssBytes === undefined ? {} : { pssBytes: ledger.pssBytes }),
		swapBytes: ledger.swapBytes,
		vszBytes: reading.stat.virtualBytes,
		limit: reading.limit,
		...runtimeShape(observation),
		lines: linesWithGrowth(ledger, growth),
		residualBytes: ledger.residualBytes,
		...growthShape(growth, reading.limit.bytes - (reading.limit.usedBytes ?? ledger.rssBytes)),
		verdict: verdictShape(verdict),
		blur: { heapBytes: runtime?.blur.heapBytes ?? 0, paused: reading.cost.pausedMs > 0 },
		unavailable: unreadable(reading.unavailable),
		cost: { ...reading.cost, wallMs: Math.round(reading.cost.wallMs), pausedMs: Math.round(reading.cost.pausedMs) },
	};
}

function runtimeShape(observation: Observation): Pick<WhyResult, "runtime"> | object {
	const { reading, runtime } = observation;
	if (runtime === undefined) return {};
	const { memStats: s, pacer } = runtime.counters;
	const since = sinceGc(reading, runtime);
	return {
		runtime: {
			sysBytes: s.Sys,
			heapAllocBytes: s.HeapAlloc,
			heapReleasedBytes: s.HeapReleased,
			...(typeof s.NextGC === "number" ? { nextGcBytes: s.NextGC } : {}),
			numGC: s.NumGC,
			...(since === undefined ? {} : { lastGcSecondsAgo: Math.round(since * 10) / 10 }),
			gogc: pacer.gcPercent,
			...(pacer.memoryLimit <= BigInt(Number.MAX_SAFE_INTEGER) ? { memoryLimitBytes: Number(pacer.memoryLimit) } : {}),
			goroutines: runtime.goroutineCount,
		},
	};
}

function linesWithGrowth(ledger: Ledger, growth: Growth | undefined): WhyResult["lines"] {
	const lines: WhyResult["lines"] = ledger.lines.map((line) => {
		const change = growth?.lines.get(line.id);
		return change === undefined ? { ...line } : { ...line, growthBytes: Math.round(change) };
	});
	return lines;
}

function growthShape(growth: Growth | undefined, headroom: number): Pick<WhyResult, "growth"> | object {
	if (growth === undefined) return {};
	const perSecond = growth.rssBytesPerHour / 3600;
	return {
		growth: {
			readings: growth.readings,
			seconds: Math.round(growth.seconds * 10) / 10,
			rssBytes: Math.round(growth.rssBytes),
			rssBytesPerHour: Math.round(growth.rssBytesPerHour),
			// garbage stops at the collector's goal, so its rate does not lead to the limit
			...(growth.carrier !== undefined && growth.carrier !== "garbage" && perSecond > 0 && headroom > 0
				? { secondsToLimit: Math.round(headroom / perSecond) }
				: {}),
		},
	};
}

function verdictShape(v: Verdict): WhyResult["verdict"] {
	return {
		...v,
		reasons: [...v.reasons],
		advice: [...v.advice],
		next: v.next.map((step) => ({ ...step })),
		also: [...v.also],
	};
}
