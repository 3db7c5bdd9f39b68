import { bytes, percent } from "../figures/figures.ts";
import type { PartCode } from "../ledger/groups.ts";
import { changeInWords, NOISE, overTime, shareOfGrowth } from "../ledger/growth-words.ts";
import { bytesWithin } from "../ledger/lines.ts";
import type { Taken } from "./memstats-reading.ts";
import { shellWord } from "./shell-word.ts";
import type { Obtained } from "./url-input.ts";
import type { WhyResult } from "./why-shape.ts";
import type { UrlGrowth } from "./why-url-growth.ts";

type Verdict = WhyResult["verdict"];

/** A share of RSS, and a size, from which on what is not Go's is the finding. A Go program's own file has some MiB resident. */
const OUTSIDE_SHARE = 0.4;
const OUTSIDE_BYTES = 16 * 2 ** 20;

const PARTS: readonly (readonly [id: string, code: PartCode, words: string])[] = [
	["heap.live", "live-heap", "live heap objects"],
	["heap.objects", "live-heap", "heap objects, live ones and garbage"],
	["heap.new", "garbage", "objects allocated since the last GC, or dead"],
	["heap.free-slots", "fragmentation", "free slots in used spans"],
	["heap.idle", "idle", "idle heap that Go keeps"],
	["stacks", "stacks", "goroutine stacks"],
	["runtime", "runtime", "the runtime's own structures"],
];

const BACKED = "what Go may have resident";

/** What a page says that the memory is, or that grows. A page is never sure: it does not see what is resident. */
export function urlVerdict(taken: Taken, obtained: Obtained, growth: UrlGrowth | undefined): Verdict {
	const finding = growingFinding(obtained, growth) ?? standingFinding(taken, obtained, growth);
	const reasons = [...finding.reasons, ...rssReasons(taken, obtained)];
	return {
		code: finding.code,
		sentence: finding.sentence,
		confidence: "low",
		reasons,
		advice: finding.outside ? [OUTSIDE_ADVICE] : [],
		next: nextSteps(taken, finding),
		also: memoryLimitNotes(taken, obtained),
	};
}

const OUTSIDE_ADVICE =
	"look on its machine for C memory (cgo), mmap and mapped files: GOGC and GOMEMLIMIT do not act on them";

interface Finding {
	readonly code: Verdict["code"];
	readonly sentence: string;
	readonly reasons: readonly string[];
	/** it is about what is not the runtime's */
	readonly outside: boolean;
}

function growingFinding(obtained: Obtained, growth: UrlGrowth | undefined): Finding | undefined {
	if (growth === undefined) return undefined;
	const { backed, rss } = growth;
	const inside = Math.max(0, backed.rssBytes);
	if (rss?.growth.enough === true && rss.growth.rssBytes - inside > rss.growth.rssBytes / 2) {
		const { rssBytes, seconds } = rss.growth;
		return {
			code: "mixed",
			sentence: `Growth is in all likelihood not the Go runtime's: RSS grew by ${bytes(rssBytes)} in ${overTime(seconds)}, and ${BACKED} by ${bytes(inside)}`,
			reasons: [],
			outside: true,
		};
	}
	if (backed.carrier === undefined) return undefined;
	const reasons = risenLines(growth);
	const { carrier, rssBytes, seconds } = backed;
	if (carrier === "mixed") {
		const sentence = `Growth of ${bytes(rssBytes)} in ${overTime(seconds)} of ${BACKED}, and no single part carries it`;
		return { code: "mixed", sentence, reasons, outside: false };
	}
	const share = shareOfGrowth(backed.parts.get(carrier) ?? 0, rssBytes, seconds, BACKED);
	const sentence = `Growth is in ${wordsOf(carrier, obtained)}: ${share}, of ${BACKED}`;
	return { code: carrier, sentence, reasons, outside: false };
}

function wordsOf(code: PartCode, { lines }: Obtained): string {
	const part =
		PARTS.find(([id, of]) => of === code && bytesWithin(lines, id) > 0) ?? PARTS.find(([, of]) => of === code);
	return part?.[2] ?? code;
}

function risenLines({ lines, shape }: UrlGrowth): string[] {
	const risen = [...lines].filter(([, change]) => change >= NOISE).sort((a, b) => b[1] - a[1]);
	const over = `over ${shape.readings} readings in ${overTime(shape.seconds)}`;
	return risen.slice(0, 3).map(([id, change]) => `${id} ${bytes(change, { sign: true })} ${over}`);
}

function standingFinding({ meta }: Taken, obtained: Obtained, growth: UrlGrowth | undefined): Finding {
	const rss = meta.rssBytes;
	const sums = PARTS.map(([id, code, words]) => ({ code, words, bytes: bytesWithin(obtained.lines, id) }));
	const largest = sums.reduce((most, one) => (one.bytes > most.bytes ? one : most));
	const of = `of the ${bytes(obtained.backedBytes)} that Go may have resident`;
	// Go's resident memory is at most Sys − HeapReleased, but for huge pages that the kernel made of released ones
	const outside = rss === undefined ? 0 : rss - obtained.backedBytes;
	const then = withoutGrowth(growth);
	if (rss === undefined || outside <= OUTSIDE_BYTES || outside <= rss * OUTSIDE_SHARE) {
		const sentence = `Most ${of} is ${largest.words}: ${bytes(largest.bytes)}${then}`;
		return { code: largest.code, sentence, reasons: [], outside: false };
	}
	const lead =
		outside > rss / 2 ? "Most of RSS is not the Go runtime's" : "A large part of RSS is not the Go runtime's";
	return {
		code: "mixed",
		sentence: `${lead}: at least ${bytes(outside)} of ${bytes(rss)} (${percent(outside / rss)}) are C memory, mappings, files or the binary${then}`,
		reasons: [`${largest.words}: ${bytes(largest.bytes)} ${of}`],
		outside: true,
	};
}

function withoutGrowth(growth: UrlGrowth | undefined): string {
	if (growth === undefined) return "";
	const rss = growth.rss === undefined ? "" : `, and ${changeInWords(growth.rss.growth)}`;
	return `. ${changeInWords(growth.backed, "What Go may have resident")}${rss}`;
}

function rssReasons({ meta }: Taken, obtained: Obtained): string[] {
	return meta.rssBytes === undefined
		? ["the page says nothing of what is resident"]
		: [
				`RSS ${bytes(meta.rssBytes)} (process_resident_memory_bytes) against Sys − HeapReleased ${bytes(obtained.backedBytes)}`,
			];
}

function nextSteps({ meta }: Taken, finding: Finding): Verdict["next"] {
	const heap = finding.code === "live-heap" || finding.code === "garbage";
	const origin = /^https?:\/\/[^/]+/.exec(meta.target)?.[0];
	return [
		...(heap && origin !== undefined
			? [{ command: `gomem profile top ${shellWord(origin)}`, says: "who allocated it, where /debug/pprof is served" }]
			: []),
		{ command: `gomem memstats ${shellWord(meta.target)} --every 5s --for 2m`, says: "what rises, and how fast" },
		{ command: "gomem why PID", says: "on its machine: every resident byte on a line" },
	];
}

function memoryLimitNotes({ meta }: Taken, obtained: Obtained): string[] {
	const limit = meta.memoryLimitBytes;
	if (typeof limit !== "number") return [];
	const of = `GOMEMLIMIT ${bytes(limit)} bounds Sys − HeapReleased, which is ${bytes(obtained.backedBytes)}`;
	const above = meta.rssBytes !== undefined && meta.rssBytes > limit;
	return [above ? `${of}; RSS is above it, as what is not the runtime's does not count` : of];
}
