import { bytes, percent } from "../figures/figures.ts";
import { adviceFor } from "./advice.ts";
import { type Advice, bytesOf } from "./advice-shape.ts";
import { largestPart, type PartCode, type Parts, sumParts, type VerdictCode } from "./groups.ts";
import type { Growth } from "./growth.ts";
import { changeInWords, NOISE, overTime, shareOfGrowth } from "./growth-words.ts";
import { limitFindings } from "./limits.ts";
import { freedShare, keptShare } from "./survival.ts";
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
	const limits = limitFindings(facts);
	const urgent = limits.flatMap((finding) => finding.change ?? []);
	const small = growing === undefined && facts.ledger.rssBytes < notableBytes(facts);
	return {
		code,
		sentence:
			growing === undefined || facts.growth === undefined
				? standing(code, facts, parts, advice)
				: growingSentence(growing, facts.growth, advice),
		confidence: confidenceOf(code, facts, parts),
		reasons: reasonsFor(code, facts, parts, advice),
		advice: [...urgent, ...(small && urgent.length === 0 ? [SMALL] : advice.change)],
		next: advice.next,
		also: [...limits.map((finding) => finding.note), ...alsoSee(code, facts, parts)],
	};
}

function standing(code: VerdictCode, facts: VerdictFacts, parts: Parts, advice: Advice): string {
	const of = `of ${bytes(facts.ledger.rssBytes)} ${facts.counted}`;
	if (code === "mixed") {
		const [first, second] = [...parts].sort((a, b) => b[1] - a[1]);
		const names = [first, second]
			.filter((p) => p !== undefined)
			.map(([part, size]) => `${NAMES[part]} ${share(size, facts)}`);
		return `No single part dominates: ${names.join(", ")} ${of}${withoutGrowth(facts)}`;
	}
	const detail = advice.detail === undefined ? "" : `: ${advice.detail}`;
	return `${advice.headline} (${share(parts.get(code) ?? 0, facts)} ${of})${detail}${withoutGrowth(facts)}`;
}

/** What several readings said, where growth does not decide. */
function withoutGrowth({ growth }: VerdictFacts): string {
	if (growth === undefined) return "";
	const change = growth.rssBytes;
	if (growth.other !== undefined) {
		const differs =
			change === 0 ? "as large as" : `${bytes(Math.abs(change))} ${change < 0 ? "smaller" : "larger"} than`;
		return `. RSS is ${differs} that of ${processName(growth.other.pid)}, which the baseline is of: another process of this program`;
	}
	return `. ${changeInWords(growth)}`;
}

function processName(pid: number | undefined): string {
	return pid === undefined ? "the process" : `pid ${pid}`;
}

function growingSentence(code: PartCode | "mixed", growth: Growth, advice: Advice): string {
	const { rssBytes, seconds } = growth;
	if (code === "mixed") return `Growth of ${bytes(rssBytes)} in ${overTime(seconds)}, and no single part carries it`;
	return `Growth is in ${NAMES[code]}: ${shareOfGrowth(growth.parts.get(code) ?? 0, rssBytes, seconds)}. ${advice.growing}`;
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
	const sure = confidenceInSizes(code, facts, parts);
	return code === "garbage" ? lower(sure, confidenceInGarbage(facts)) : sure;
}

/** How sure it is that the memory is this part's. */
function confidenceInSizes(code: VerdictCode, facts: VerdictFacts, parts: Parts): Confidence {
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

/** This much freed of what was new shows that the program allocates garbage; this much kept, that it holds what it allocates. */
const MOST = 0.5;

/** How sure it is that new objects are garbage: known of what a GC found dead, and seen where one ran between two readings. */
function confidenceInGarbage(facts: VerdictFacts): Confidence {
	if (bytesOf(facts, "heap.dead") >= facts.ledger.rssBytes * DOMINANT) return "high";
	const seen = facts.growth?.survival;
	if (seen !== undefined && freedShare(seen) >= MOST) return "high";
	if (seen !== undefined && keptShare(seen) >= MOST) return "low";
	const { runtime } = facts;
	// a program that collects usually has some; one that has not collected yet, or does not, may hold it all
	return runtime === undefined || runtime.numGc === 0 || runtime.pacer.gcPercent < 0 ? "low" : "medium";
}

const CONFIDENCES: readonly Confidence[] = ["low", "medium", "high"];

function lower(a: Confidence, b: Confidence): Confidence {
	return CONFIDENCES.indexOf(a) < CONFIDENCES.indexOf(b) ? a : b;
}

function reasonsFor(code: VerdictCode, facts: VerdictFacts, parts: Parts, advice: Advice): string[] {
	const reasons: string[] = [];
	const { growth } = facts;
	const changed = growth?.carrier !== undefined || growth?.other !== undefined || (growth?.missing.length ?? 0) > 0;
	if (growth?.carrier === undefined && code !== "mixed")
		reasons.push(`${NAMES[code]}: ${bytes(parts.get(code) ?? 0)} of ${bytes(facts.ledger.rssBytes)} ${facts.counted}`);
	if (growth !== undefined && changed) reasons.push(...changedLines(growth));
	reasons.push(...advice.reasons);
	return reasons;
}

/** The lines that changed most: those that rose, and against another process those that are smaller as well. */
function changedLines({ lines, readings, seconds, other }: Growth): string[] {
	const told = [...lines].filter(([, change]) => (other === undefined ? change : Math.abs(change)) >= NOISE);
	told.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
	const since = other === undefined ? `over ${readings} readings in ${overTime(seconds)}` : "against that process";
	return told.slice(0, 3).map(([id, change]) => `${id} ${bytes(change, { sign: true })} ${since}`);
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
	const released = facts.runtime?.heapReleased ?? 0;
	if (released >= floor && released >= facts.ledger.rssBytes * NOTABLE_SHARE) {
		also.push(
			`${bytes(released)} of MemStats.Sys were returned to the OS: they are in Sys and in VSZ, not in RSS, and cost nothing`,
		);
	}
	return also;
}

function share(size: number, facts: VerdictFacts): string {
	return percent(size / Math.max(1, facts.ledger.rssBytes));
}
