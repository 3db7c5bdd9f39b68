import { bytes, percent } from "../figures/figures.ts";
import { limitedByMemory, NO_MEMORY_LIMIT } from "../goruntime/pacer.ts";
import { type Advice, adviceFor } from "./advice.ts";
import { largestPart, type PartCode, type Parts, sumParts, type VerdictCode } from "./groups.ts";
import type { Confidence, Verdict, VerdictFacts } from "./verdict-facts.ts";

/** A part decides when it holds this much of Rss. */
const DOMINANT = 0.4;

/** Names what the memory is, or what makes it grow where two or more readings say so. */
export function judge(facts: VerdictFacts): Verdict {
	const parts = sumParts(facts.ledger);
	const growing = facts.growth?.carrier;
	const largest = largestPart(parts);
	const dominant = largest !== undefined && largest.bytes >= facts.ledger.rssBytes * DOMINANT ? largest.code : "mixed";
	const code = growing ?? dominant;
	const advice = adviceFor(code, facts, parts);
	return {
		code,
		sentence: growing === undefined ? standing(code, facts, parts, advice) : growingSentence(growing, facts, advice),
		confidence: confidenceOf(code, facts, parts),
		reasons: reasonsFor(code, facts, parts, advice),
		advice: growing === undefined && facts.ledger.rssBytes < notableBytes(facts) ? [SMALL] : advice.change,
		next: advice.next,
		also: alsoSee(code, facts, parts),
	};
}

function standing(code: VerdictCode, facts: VerdictFacts, parts: Parts, advice: Advice): string {
	if (code === "mixed") {
		const [first, second] = [...parts].sort((a, b) => b[1] - a[1]);
		const names = [first, second]
			.filter((p) => p !== undefined)
			.map(([part, size]) => `${NAMES[part]} ${share(size, facts)}`);
		return `No single part dominates: ${names.join(", ")} of ${bytes(facts.ledger.rssBytes)} ${facts.counted}`;
	}
	return `${advice.headline} (${share(parts.get(code) ?? 0, facts)} of ${bytes(facts.ledger.rssBytes)} ${facts.counted})`;
}

function growingSentence(code: PartCode | "mixed", facts: VerdictFacts, advice: Advice): string {
	const growth = facts.growth;
	if (growth === undefined) return advice.headline;
	const rate = `${bytes(growth.rssBytes)} in ${Math.round(growth.seconds)} s`;
	if (code === "mixed") return `Growth of ${rate}, and no single part carries it`;
	return `Growth is in ${NAMES[code]}: ${bytes(growth.parts.get(code) ?? 0)} of ${rate}. ${advice.growing}`;
}

/** The parts as a sentence names them. */
export const NAMES: Readonly<Record<PartCode, string>> = {
	"live-heap": "live heap",
	garbage: "garbage and new objects",
	fragmentation: "free slots in spans in use",
	idle: "idle heap",
	stacks: "goroutine stacks",
	runtime: "runtime metadata",
	binary: "the binary and its libraries",
	"c-memory": "C memory",
	threads: "thread stacks",
	"anon-map": "anonymous mappings",
	"file-map": "mapped files",
	shared: "shared memory",
};

function confidenceOf(code: VerdictCode, facts: VerdictFacts, parts: Parts): Confidence {
	const { ledger } = facts;
	const unexplained = Math.abs(ledger.residualBytes) / Math.max(1, ledger.rssBytes);
	const blur = facts.blurBytes / Math.max(1, ledger.rssBytes);
	if (facts.runtime === undefined || unexplained > 0.1 || blur > 0.25) return "low";
	const held = code === "mixed" ? undefined : (parts.get(code) ?? 0) / Math.max(1, ledger.rssBytes);
	const narrow = facts.growth?.carrier === undefined && held !== undefined && held < DOMINANT + 0.05;
	const guessed = code === "anon-map" || code === "c-memory" || code === "threads";
	// garbage rises between two collections and falls at the next: its growth is not yet a trend
	const short = facts.growth?.carrier !== undefined && (facts.growth.readings < 3 || code === "garbage");
	if (unexplained > 0.02 || blur > 0.05 || narrow || short || facts.layoutCertainty === "validated") return "medium";
	return guessed && !facts.cgo && code !== "anon-map" ? "medium" : "high";
}

function reasonsFor(code: VerdictCode, facts: VerdictFacts, parts: Parts, advice: Advice): string[] {
	const reasons: string[] = [];
	if (facts.growth?.carrier !== undefined) {
		const risen = [...facts.growth.lines].filter(([, change]) => change > 0).sort((a, b) => b[1] - a[1]);
		for (const [id, change] of risen.slice(0, 3))
			reasons.push(
				`${id} +${bytes(change)} over ${facts.growth.readings} readings in ${Math.round(facts.growth.seconds)} s`,
			);
	} else if (code !== "mixed") {
		reasons.push(`${NAMES[code]}: ${bytes(parts.get(code) ?? 0)} of ${bytes(facts.ledger.rssBytes)} ${facts.counted}`);
	}
	reasons.push(...advice.reasons);
	return reasons;
}

/** Other parts of note: each needs a share of Rss and 64 MiB or 5 % of the limit, as no ratio judges alone. */
const NOTABLE_SHARE = 0.15;
const NOTABLE_BYTES = 64 * 2 ** 20;

function notableBytes(facts: VerdictFacts): number {
	return Math.min(NOTABLE_BYTES, facts.limit.bytes * 0.05);
}

const SMALL = "nothing: the whole process is smaller than what would be worth a change";

function alsoSee(code: VerdictCode, facts: VerdictFacts, parts: Parts): string[] {
	const also: string[] = [];
	const floor = notableBytes(facts);
	for (const [part, size] of [...parts].sort((a, b) => b[1] - a[1])) {
		if (part === code || size < floor || size < facts.ledger.rssBytes * NOTABLE_SHARE) continue;
		const advice = adviceFor(part, facts, parts);
		also.push(`${NAMES[part]} ${bytes(size)} (${share(size, facts)}): ${advice.change[0] ?? advice.headline}`);
	}
	also.push(...limitNotes(facts));
	const released = facts.runtime?.heapReleased ?? 0;
	if (released >= floor && released >= facts.ledger.rssBytes * NOTABLE_SHARE) {
		also.push(
			`${bytes(released)} of MemStats.Sys were returned to the OS: they are in Sys and in VSZ, not in RSS, and cost nothing`,
		);
	}
	return also;
}

function limitNotes(facts: VerdictFacts): string[] {
	const { runtime, limit } = facts;
	if (runtime === undefined || limit.source === "machine") return [];
	const unset = runtime.pacer.memoryLimit === NO_MEMORY_LIMIT;
	if (unset && runtime.pacer.gcPercent < 0)
		return [
			`GOGC=off without GOMEMLIMIT under a limit of ${bytes(limit.bytes)}: nothing starts the collector before the limit kills the process`,
		];
	if (unset) return [`GOMEMLIMIT is unset under a limit of ${bytes(limit.bytes)} (${limit.source})`];
	const over = Number(runtime.pacer.memoryLimit) > limit.bytes;
	if (over)
		return [
			`GOMEMLIMIT ${bytes(Number(runtime.pacer.memoryLimit))} is above the limit of ${bytes(limit.bytes)} (${limit.source}): it cannot help`,
		];
	return limitedByMemory(runtime.pacer) ? ["GOMEMLIMIT, not GOGC, sets the collector's pace now"] : [];
}

function share(size: number, facts: VerdictFacts): string {
	return percent(size / Math.max(1, facts.ledger.rssBytes));
}
