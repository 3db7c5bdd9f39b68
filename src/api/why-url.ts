import { bytes } from "../figures/figures.ts";
import { lineKind } from "../ledger/lines.ts";
import { GomemError } from "./errors.ts";
import { figuresOf } from "./memstats-figures.ts";
import { numberOf, type Taken } from "./memstats-reading.ts";
import type { FieldName } from "./memstats-shape.ts";
import { readUrl } from "./memstats-url.ts";
import type { OperationContext } from "./operation.ts";
import type { Obtained, UrlFlags } from "./url-input.ts";
import type { WhyResult, WhyUrlResult } from "./why-shape.ts";

type Line = Obtained["lines"][number];

/** A share of RSS, and a size, from which on what is not Go's is the finding. */
const OUTSIDE_SHARE = 0.4;
const OUTSIDE_BYTES = 64 * 2 ** 20;

/** What can be said from an expvar, pprof or Prometheus page alone, and what a pid would add. Throws GomemError. */
export async function whyFromUrl(
	ctx: OperationContext,
	url: string,
	flags: UrlFlags & { readonly baseline?: string },
): Promise<WhyUrlResult> {
	if (flags.baseline !== undefined) {
		throw new GomemError({
			code: "invalid-input",
			message: "--baseline needs a process or a capture",
			why: "a URL does not tell what is resident",
			hint: "`gomem memstats URL --every 5s --for 2m` says what rises",
		});
	}
	return explainTaken(await readUrl(ctx, url, flags));
}

/** The result document of one page. Throws GomemError where it has not the fields that make up Sys. */
export function explainTaken(taken: Taken): WhyUrlResult {
	const { meta, at } = taken;
	const obtained = obtainedOf(taken);
	return {
		target: {
			name: meta.target,
			exe: "",
			...(meta.goVersion === undefined ? {} : { goVersion: meta.goVersion }),
			...(meta.gogc === undefined ? {} : { gogc: String(meta.gogc) }),
		},
		at: new Date(at ?? 0).toISOString(),
		...(meta.rssBytes === undefined ? {} : { rssBytes: meta.rssBytes }),
		obtained,
		lines: [],
		verdict: verdictOf(taken, obtained),
		blur: { heapBytes: 0, paused: false },
		unavailable: [
			{
				part: "resident lines",
				why: "a URL tells what the runtime obtained, not what is resident; nor does it see C memory, mappings and files",
				wouldHelp: "the pid, on the machine where it runs: `gomem why PID`",
			},
			{ part: "limit", why: "the cgroup's limit is not in the page", wouldHelp: "the pid" },
		],
		cost: meta.cost ?? { wallMs: 0, pausedMs: 0, bytesRead: 0 },
	};
}

/** The parts of Sys (mstats.go: Sys is the sum of the …Sys fields, HeapSys is HeapInuse + HeapIdle). */
function obtainedOf(taken: Taken): Obtained {
	const of = (name: FieldName) => need(taken, name);
	const { liveBytes, liveFrom } = figuresOf(taken);
	const alloc = of("HeapAlloc");
	const line = (id: string, size: number, what: string, source: string): Line => ({
		id,
		bytes: size,
		what,
		source: `MemStats: ${source}`,
	});
	// an estimate of the live heap above HeapAlloc tells nothing
	const objects =
		liveBytes === undefined || liveBytes > alloc
			? [line("heap.objects", alloc, "objects: live ones, and garbage not yet swept", "HeapAlloc")]
			: [
					line("heap.live", liveBytes, "objects live at the last GC (at most)", `${liveFrom}`),
					line("heap.new", alloc - liveBytes, "objects allocated since, or dead (at least)", "HeapAlloc − live"),
				];
	const lines = [
		...objects,
		line("heap.free-slots", of("HeapInuse") - alloc, lineKind("heap.free-slots").what, "HeapInuse − HeapAlloc"),
		line("heap.idle", of("HeapIdle") - of("HeapReleased"), lineKind("heap.idle").what, "HeapIdle − HeapReleased"),
		line("heap.released", of("HeapReleased"), "returned to the OS: address space only", "HeapReleased"),
		line("stacks", of("StackSys"), "goroutine stacks", "StackSys"),
		line(
			"runtime.metadata",
			of("MSpanSys") + of("MCacheSys") + of("GCSys"),
			"spans, caches, mark bits and arenas",
			"MSpanSys + MCacheSys + GCSys",
		),
		line("runtime.profiling", of("BuckHashSys"), "profiling tables", "BuckHashSys"),
		line("runtime.other", of("OtherSys"), "other runtime memory", "OtherSys"),
	];
	return {
		source: `${taken.meta.target}: ${taken.meta.how}`,
		sysBytes: of("Sys"),
		backedBytes: of("Sys") - of("HeapReleased"),
		lines,
	};
}

function need({ fields, meta }: Taken, name: FieldName): number {
	const value = numberOf(fields[name] as number | string | undefined);
	if (value !== undefined) return value;
	throw new GomemError({
		code: "url-without-memstats",
		message: `${meta.target} has no ${name}, without which Sys cannot be split`,
		hint: "`gomem memstats URL` shows what is there; /debug/vars and heap?debug=1 have all",
	});
}

type Code = WhyResult["verdict"]["code"];
const CODES: readonly (readonly [id: string, code: Code, words: string])[] = [
	["heap.live", "live-heap", "live heap objects"],
	["heap.objects", "live-heap", "heap objects, live ones and garbage"],
	["heap.new", "garbage", "objects allocated since the last GC, or dead"],
	["heap.free-slots", "fragmentation", "free slots in used spans"],
	["heap.idle", "idle", "idle heap that Go keeps"],
	["stacks", "stacks", "goroutine stacks"],
	["runtime", "runtime", "the runtime's own structures"],
];

function verdictOf(taken: Taken, obtained: Obtained): WhyResult["verdict"] {
	const { rssBytes: rss, target } = taken.meta;
	const sums = CODES.map(([id, code, words]) => ({ code, words, bytes: sumOf(obtained.lines, id) }));
	const largest = sums.reduce((most, one) => (one.bytes > most.bytes ? one : most));
	// Go's resident memory is at most Sys − HeapReleased, but for huge pages that the kernel made of released ones
	const outside = rss === undefined ? 0 : rss - obtained.backedBytes;
	const foreign = rss !== undefined && outside > OUTSIDE_BYTES && outside > rss * OUTSIDE_SHARE;
	const of = `of the ${bytes(obtained.backedBytes)} that Go may have resident`;
	return {
		code: foreign ? "mixed" : largest.code,
		sentence: foreign
			? `At least ${bytes(outside)} of ${bytes(rss)} resident are not the Go runtime's: C memory, mappings, files or the binary`
			: `Most ${of} is ${largest.words}: ${bytes(largest.bytes)}`,
		confidence: "low",
		reasons: [
			...(foreign ? [`${largest.words}: ${bytes(largest.bytes)} ${of}`] : []),
			...(rss === undefined
				? ["the page says nothing of what is resident"]
				: [
						`RSS ${bytes(rss)} (process_resident_memory_bytes) against Sys − HeapReleased ${bytes(obtained.backedBytes)}`,
					]),
		],
		advice: [],
		next: [
			{ command: `gomem memstats ${quoted(target)} --every 5s --for 2m`, says: "what rises, and how fast" },
			{ command: "gomem why PID", says: "on its machine: every resident byte on a line" },
		],
		also: [],
	};
}

function sumOf(lines: readonly Line[], id: string): number {
	return lines.reduce((sum, line) => (line.id === id || line.id.startsWith(`${id}.`) ? sum + line.bytes : sum), 0);
}

function quoted(word: string): string {
	return /^[\w./:@-]+$/.test(word) ? word : `'${word}'`;
}
