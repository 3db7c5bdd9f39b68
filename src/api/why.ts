import { Type } from "typebox";
import type { Observation } from "../capture/process.ts";
import { stoodStill } from "../evidence/reading.ts";
import { sinceGc, verdictFacts } from "../ledger/facts.ts";
import { type Growth, type LedgerPoint, measureGrowth } from "../ledger/growth.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { judge } from "../ledger/verdict.ts";
import type { Verdict } from "../ledger/verdict-facts.ts";
import { readBaseline, refuseOtherProgram } from "./baseline.ts";
import { executableInput } from "./core-input.ts";
import { type Observed, observe, refuseExecutable, targetOf } from "./observe.ts";
import { beats, defineOperation, type OperationContext, pauseInput } from "./operation.ts";
import { unreadable } from "./shapes.ts";
import { processSummary } from "./summaries.ts";
import { headerInput, timeoutInput, type UrlFlags } from "./url-input.ts";
import { coreName, ofCore } from "./why-core.ts";
import { pointOf, type WholePoint } from "./why-point.ts";
import { type WhyCoreResult, WhyDocument, type WhyResult } from "./why-shape.ts";
import type { WhyOfUrl } from "./why-url.ts";

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
		pause: pauseInput,
		baseline: Type.Optional(
			Type.String({
				description: "an earlier capture (.gomem) or `why --json` output to compare with",
				placeholder: "file",
			}),
		),
		exe: executableInput,
		header: headerInput,
		timeout: timeoutInput,
	}),
	result: WhyDocument,
	examples: [
		{ command: "gomem why 4242", says: "where the memory of process 4242 is now" },
		{ command: "gomem why orders-api --every 5s --for 1m", says: "what grows, line by line" },
		{ command: "gomem why 4242 --baseline monday.gomem", says: "what grew since a capture" },
		{ command: "gomem why core.4242 --exe ./orders-api", says: "where it was when the process died, from its core" },
		{ command: "gomem why :8080 --pause --json", says: "exact numbers of what listens on 8080, for a script" },
	],
	async run(ctx, input) {
		const target = targetOf(input.target);
		if (target.kind === "url") return (await openPage(ctx, target.url, input)).next();
		using observed = await observe(target, { pause: input.pause, exe: input.exe });
		const points = input.baseline === undefined ? [] : await readBaseline(input.baseline, target);
		const baselines = points.length;
		let last: Observation | undefined;
		let point: WholePoint | undefined;
		// a bundle holds the history itself: its last reading is the present
		for (;;) {
			const next = await observed.next();
			if (next === undefined) break;
			if (point !== undefined) points.push(point);
			last = next;
			point = pointOf(next);
			if (observed.kind === "process") break;
		}
		if (last === undefined || point === undefined) throw new Error("a bundle without readings was opened");
		if (input.baseline !== undefined) refuseOtherProgram(input.baseline, points.slice(0, baselines), point);
		return explainAny(nameOf(observed.kind, input.target, last), last, points, { point });
	},
	async *watch(ctx, input) {
		const target = targetOf(input.target);
		if (target.kind === "url") {
			const page = await openPage(ctx, target.url, input);
			for await (const _ of beats(ctx)) yield await page.next();
			return;
		}
		using observed = await observe(target, { pause: input.pause, exe: input.exe });
		const points = input.baseline === undefined ? [] : await readBaseline(input.baseline, target);
		const baselines = points.length;
		for await (const _ of observed.kind === "process" ? beats(ctx) : untilDone(ctx)) {
			const observation = await observed.next();
			if (observation === undefined) return;
			const point = pointOf(observation);
			if (input.baseline !== undefined) refuseOtherProgram(input.baseline, points.slice(0, baselines), point);
			const name = nameOf(observed.kind, input.target, observation);
			yield explainAny(name, observation, points, { point, watched: true });
			points.push(point);
			// what is compared with the present stays: the baseline, or the first reading
			if (points.length > MAX_POINTS) points.splice(Math.max(1, baselines), 1);
		}
	},
});

/** HTTP is loaded only where it is used: a pid should not wait for it. */
async function openPage(
	ctx: OperationContext,
	url: string,
	input: UrlFlags & { readonly baseline?: string; readonly exe?: string },
): Promise<WhyOfUrl> {
	refuseExecutable(input.exe);
	return (await import("./why-url.ts")).whyOfUrl(ctx, url, input);
}

/** What the next commands are told to look at: a capture cannot be watched, its process can, while it lives. */
function nameOf(kind: Observed["kind"], target: string, { reading }: Observation): string {
	if (reading.core !== undefined) return coreName(reading.core);
	return kind === "bundle" ? String(reading.pid) : target;
}

/** Readings that are kept to measure growth; the first stays. */
const MAX_POINTS = 500;

async function* untilDone(ctx: OperationContext): AsyncGenerator<void> {
	while (!ctx.signal.aborted) yield;
}

/** The result document of one observation, with what is a core's own where it is one. */
function explainAny(...observed: Parameters<typeof explain>): WhyResult | WhyCoreResult {
	const { core } = observed[1].reading;
	const result = explain(...observed);
	return core === undefined ? result : ofCore(result, core);
}

export interface ExplainOptions {
	/** what is kept of the observation, where that was made already */
	readonly point?: WholePoint;
	/** readings are taken over time, this one is among the first */
	readonly watched?: boolean;
}

/** The result document of one observation, with what grew since the earlier ones. */
export function explain(
	target: string,
	observation: Observation,
	earlier: readonly LedgerPoint[],
	{ point = pointOf(observation), watched = false }: ExplainOptions = {},
): WhyResult {
	const { reading, runtime } = observation;
	const { ledger } = point;
	const growth = measureGrowth([...earlier, point]);
	const verdict = judge(verdictFacts(target, reading, runtime, ledger, growth, watched));
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
		...comparisonShape(growth),
		verdict: verdictShape(verdict),
		blur: { heapBytes: runtime?.blur.heapBytes ?? 0, paused: stoodStill(reading) },
		unavailable: unreadable([...reading.unavailable, ...(growth?.missing ?? [])]),
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
	if (growth?.rssBytesPerHour === undefined) return {};
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

/** Two processes differ, and neither grew into the other: there is no rate. */
function comparisonShape(growth: Growth | undefined): Pick<WhyResult, "comparison"> | object {
	if (growth?.other === undefined) return {};
	const { pid, startedAt } = growth.other;
	return {
		comparison: {
			...(pid === undefined ? {} : { pid }),
			...(startedAt === undefined ? {} : { startedAt: new Date(startedAt).toISOString() }),
			seconds: Math.round(growth.seconds * 10) / 10,
			rssBytes: growth.rssBytes,
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
