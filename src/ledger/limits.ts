import { bytes } from "../figures/figures.ts";
import { limitedByMemory, NO_MEMORY_LIMIT } from "../goruntime/pacer.ts";
import { bytesOf } from "./advice-shape.ts";
import type { RuntimeFacts, VerdictFacts } from "./verdict-facts.ts";

/** What the limit, GOMEMLIMIT and the collector's goal mean for each other. */
export interface LimitFinding {
	readonly note: string;
	/** there where the process is about to be killed, or works for its collector only */
	readonly change?: string;
}

/** The most urgent first. */
export function limitFindings(facts: VerdictFacts): LimitFinding[] {
	const { runtime } = facts;
	if (runtime === undefined || !Number.isFinite(facts.limit.bytes)) return [];
	const tight = noRoomBelowMemoryLimit(facts, runtime);
	if (tight !== undefined) return [tight];
	const late = goalAboveLimit(facts, runtime);
	return [...(late === undefined ? [] : [late]), ...memoryLimitNotes(facts, runtime, late !== undefined)];
}

/** What of Rss is Go's beside the heap: GOMEMLIMIT covers it, the heap's goal does not. */
function besideHeap(facts: VerdictFacts): number {
	return bytesOf(facts, "stacks") + bytesOf(facts, "runtime");
}

function notGo(facts: VerdictFacts): number {
	return Math.max(0, facts.ledger.rssBytes - bytesOf(facts, "heap") - besideHeap(facts));
}

/** The part of what is left for Go that GOMEMLIMIT should use: it is a goal that allocation may pass for a moment. */
const USABLE = 0.9;
/** The collector needs this share above what is live to run now and then, and not all the time. */
const ROOM = 0.05;
const MIN_ROOM = 2 ** 20;

/** GOMEMLIMIT that fits below the limit, in whole MiB; undefined where none does with what is live now. */
function fittingMemoryLimit(facts: VerdictFacts, r: RuntimeFacts): number | undefined {
	const fits = Math.floor(((facts.limit.bytes - notGo(facts)) * USABLE) / 2 ** 20) * 2 ** 20;
	// before the first GC heapMarked is the runtime's own guess (gcControllerState.init)
	const live = r.numGc === 0 ? 0 : r.pacer.heapMarked;
	return fits > 0 && fits >= live * (1 + ROOM) + besideHeap(facts) ? fits : undefined;
}

function setting(size: number): string {
	return `GOMEMLIMIT=${Math.round(size / 2 ** 20)}MiB`;
}

/** What to set, and why that much. */
function settingAdvice(facts: VerdictFacts, r: RuntimeFacts): string {
	const { limit } = facts;
	const fits = fittingMemoryLimit(facts, r);
	const outside = notGo(facts);
	if (fits !== undefined)
		return `set ${setting(fits)}: the limit of ${bytes(limit.bytes)} less the ${bytes(outside)} that are not Go's, and a tenth of that as headroom`;
	return `raise the limit of ${bytes(limit.bytes)}, or hold less: below it GOMEMLIMIT leaves the collector no room, as ${bytes(r.pacer.heapMarked)} are live, ${bytes(besideHeap(facts))} are Go's beside the heap, and ${bytes(outside)} are not Go's`;
}

/** The heap's goal and all that stands beside the heap are more than the limit: the kernel is there before the collector. */
function goalAboveLimit(facts: VerdictFacts, r: RuntimeFacts): LimitFinding | undefined {
	const { limit } = facts;
	// clean pages of mapped files are given up before anyone is killed
	const clean = bytesOf(facts, "files") - (facts.filePages?.copied ?? 0);
	const beside = facts.ledger.rssBytes - bytesOf(facts, "heap") - Math.max(0, clean);
	if (r.nextGc === undefined || r.nextGc + beside <= limit.bytes) return undefined;
	const by = limitedByMemory(r.pacer) ? "GOMEMLIMIT" : `GOGC=${r.pacer.gcPercent}`;
	const with_ = r.nextGc > limit.bytes ? "" : `, with the ${bytes(beside)} beside it`;
	return {
		note: `the next GC is due at a heap of ${bytes(r.nextGc)} (${by})${with_}: above the limit of ${bytes(limit.bytes)} (${limit.source}), so the process is killed, or swaps, before it`,
		change: settingAdvice(facts, r),
	};
}

/** mgcpacer.go, memoryLimitHeapGoal: the goal is never below what is live, so at that point one cycle follows the other. */
function noRoomBelowMemoryLimit(facts: VerdictFacts, r: RuntimeFacts): LimitFinding | undefined {
	const { memoryLimit, heapMarked } = r.pacer;
	if (memoryLimit === NO_MEMORY_LIMIT || r.numGc === 0 || r.nextGc === undefined || !limitedByMemory(r.pacer))
		return undefined;
	if (r.nextGc - heapMarked > Math.max(MIN_ROOM, heapMarked * ROOM)) return undefined;
	const needed = heapMarked + besideHeap(facts);
	const fits = fittingMemoryLimit(facts, r);
	const most =
		facts.limit.source !== "machine" && fits !== undefined && fits > Number(memoryLimit)
			? `; ${setting(fits)} fits below the limit of ${bytes(facts.limit.bytes)}`
			: "";
	return {
		note: `GOMEMLIMIT ${bytes(Number(memoryLimit))} leaves no room above what is live (${bytes(heapMarked)} at the last GC, and ${bytes(besideHeap(facts))} of Go's beside the heap): the collector runs all the time, on up to half of the CPU`,
		change: `raise GOMEMLIMIT well above ${bytes(needed)}, or shrink the live heap${most}`,
	};
}

/** `told`: the value to set was named already. */
function memoryLimitNotes(facts: VerdictFacts, r: RuntimeFacts, told: boolean): LimitFinding[] {
	const { limit } = facts;
	if (limit.source === "machine") return [];
	const { memoryLimit, gcPercent } = r.pacer;
	if (memoryLimit === NO_MEMORY_LIMIT && gcPercent < 0)
		return [
			{
				note: `GOGC=off without GOMEMLIMIT under a limit of ${bytes(limit.bytes)}: nothing starts the collector before the limit kills the process; ${settingAdvice(facts, r)}`,
			},
		];
	if (memoryLimit === NO_MEMORY_LIMIT)
		return told ? [] : [{ note: `GOMEMLIMIT is unset under a limit of ${bytes(limit.bytes)} (${limit.source})` }];
	if (Number(memoryLimit) > limit.bytes)
		return [
			{
				note: `GOMEMLIMIT ${bytes(Number(memoryLimit))} is above the limit of ${bytes(limit.bytes)} (${limit.source}): it cannot help${told ? "" : `; ${settingAdvice(facts, r)}`}`,
			},
		];
	return limitedByMemory(r.pacer) ? [{ note: "GOMEMLIMIT, not GOGC, sets the collector's pace now" }] : [];
}
