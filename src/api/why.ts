import { Type } from "typebox";
import type { Observation } from "../capture/process.ts";
import { sinceGc, verdictFacts } from "../ledger/facts.ts";
import { type Growth, type LedgerPoint, measureGrowth } from "../ledger/growth.ts";
import { type Ledger, makeLedger } from "../ledger/ledger.ts";
import { judge } from "../ledger/verdict.ts";
import type { Verdict } from "../ledger/verdict-facts.ts";
import { readBaseline } from "./baseline.ts";
import { executableInput } from "./core-input.ts";
import { type Observed, observe, refuseExecutable, targetOf } from "./observe.ts";
import { beats, defineOperation, type OperationContext, pauseInput } from "./operation.ts";
import { unreadable } from "./shapes.ts";
import { processSummary } from "./summaries.ts";
import { headerInput, timeoutInput, type UrlFlags } from "./url-input.ts";
import { coreName, ofCore } from "./why-core.ts";
import { type WhyCoreResult, WhyDocument, type WhyResult } from "./why-shape.ts";

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
		if (target.kind === "url") return fromUrl(ctx, target.url, input);
		using observed = await observe(target, { pause: input.pause, exe: input.exe });
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
		return explainAny(nameOf(observed.kind, input.target, last), last, points);
	},
	async *watch(ctx, input) {
		const target = targetOf(input.target);
		if (target.kind === "url") {
			for await (const _ of beats(ctx)) yield await fromUrl(ctx, target.url, input);
			return;
		}
		using observed = await observe(target, { pause: input.pause, exe: input.exe });
		const points = input.baseline === undefined ? [] : await readBaseline(input.baseline, target);
		for await (const _ of observed.kind === "process" ? beats(ctx) : untilDone(ctx)) {
			const observation = await observed.next();
			if (observation === undefined) return;
			const point = pointOf(observation);
			yield explainAny(nameOf(observed.kind, input.target, observation), observation, points, point.ledger);
			points.push(point);
			if (points.length > MAX_POINTS) points.splice(1, 1);
		}
	},
});

/** HTTP is loaded only where it is used: a pid should not wait for it. */
async function fromUrl(
	ctx: OperationContext,
	url: string,
	input: UrlFlags & { readonly baseline?: string; readonly exe?: string },
) {
	refuseExecutable(input.exe);
	const { whyFromUrl } = await import("./why-url.ts");
	return whyFromUrl(ctx, url, input);
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

function pointOf(observation: Observation): LedgerPoint & { readonly ledger: Ledger } {
	return { at: observation.reading.at, ledger: makeLedger(observation.reading, observation.runtime) };
}

/** The result document of one observation, with what is a core's own where it is one. */
function explainAny(...observed: Parameters<typeof explain>): WhyResult | WhyCoreResult {
	const { core } = observed[1].reading;
	const result = explain(...observed);
	return core === undefined ? result : ofCore(result, core);
}

/** The result document of one observation, with what grew since the earlier ones. `ledger` where it was made already. */
export function explain(
	target: string,
	observation: Observation,
	earlier: readonly LedgerPoint[],
	ledger: Ledger = makeLedger(observation.reading, observation.runtime),
): WhyResult {
	const { reading, runtime } = observation;
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
