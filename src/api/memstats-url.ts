import { ParseError } from "../bytes/parse-error.ts";
import { type HttpAnswer, type HttpOptions, httpGet } from "../capture/http.ts";
import { atPath, type HttpAddress, parseHttpAddress, shownAddress } from "../capture/http-address.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { memStatsForm } from "../formats/memstats/detect.ts";
import { parseExpvar } from "../formats/memstats/expvar.ts";
import { parseHeapTrailer } from "../formats/memstats/heap-trailer.ts";
import { parsePrometheus } from "../formats/memstats/prometheus.ts";
import type { MemStatsReading } from "../formats/memstats/reading.ts";
import { GomemError } from "./errors.ts";
import { type MemStatsSource, type Taken, takenFromText } from "./memstats-reading.ts";
import type { OperationContext } from "./operation.ts";
import { headersOf, type UrlFlags } from "./url-input.ts";

/** A heap profile with debug=1 of a program with very many allocation sites. */
const MAX_BODY = 64 << 20;

/** What a request makes the program do, by the form of the page. */
const EFFECTS: Readonly<Record<MemStatsReading["source"], string>> = {
	expvar: "one GET, for which the program called runtime.ReadMemStats (stops goroutines for microseconds)",
	"heap-debug1": "one GET, for which the program wrote its heap profile and called runtime.ReadMemStats",
	prometheus: "one GET, for which the program ran its metric collectors",
	log: "",
};

/** Pages that may hold MemStats, the most telling first. A path that ends in / is the prefix they may stand under. */
const CANDIDATES = ["debug/vars", "debug/pprof/heap?debug=1", "metrics"] as const;

interface Page {
	readonly address: HttpAddress;
	readonly reading: MemStatsReading;
	readonly answer: HttpAnswer;
	readonly wallMs: number;
	readonly at: number;
}

/** The readings of a URL. Where its path is none, or pprof's own, the standard pages are tried. Throws GomemError. */
export async function openUrl(ctx: OperationContext, text: string, flags: UrlFlags): Promise<MemStatsSource> {
	const base = addressOf(text);
	let page: Page | undefined = await findPage(ctx, base, flags);
	const { address } = page;
	return {
		live: true,
		close() {},
		async next() {
			const now = page ?? (await readPage(ctx, address, flags));
			page = undefined;
			return takenFromPage(now);
		},
	};
}

/** As openUrl, one reading; where the page says nothing of the resident size and /metrics is there too, joined with that. */
export async function readUrl(ctx: OperationContext, text: string, flags: UrlFlags): Promise<Taken> {
	const base = addressOf(text);
	const page = await findPage(ctx, base, flags);
	const taken = takenFromPage(page);
	const prefix = prefixOf(base.url.pathname);
	if (taken.meta.rssBytes !== undefined || prefix === undefined) return taken;
	const metrics = await attempt(ctx, atPath(base, `${prefix}metrics`), flags);
	if (!("reading" in metrics)) return taken;
	const {
		source: _source,
		unavailable: _unavailable,
		how: _how,
		cost: _cost,
		target: _target,
		...more
	} = takenFromPage(metrics).meta;
	return {
		...taken,
		meta: {
			...more,
			...taken.meta,
			how: `${taken.meta.how}; a second GET to ${shownAddress(metrics.address)} for the process's size`,
		},
	};
}

function addressOf(text: string): HttpAddress {
	const address = parseHttpAddress(text);
	if (address !== undefined) return address;
	throw new GomemError({
		code: "invalid-input",
		message: "the URL cannot be read",
		hint: "http://HOST:PORT, https://…, or unix:/run/app.sock, with a path such as /debug/vars or without",
	});
}

/** What the standard pages stand under; undefined where the path is that of one page. */
function prefixOf(path: string): string | undefined {
	const pprof = /^(.*\/)debug\/pprof\/?$/.exec(path)?.[1];
	return pprof ?? (path.endsWith("/") ? path : undefined);
}

async function findPage(ctx: OperationContext, base: HttpAddress, flags: UrlFlags): Promise<Page> {
	const path = base.url.pathname;
	const prefix = prefixOf(path);
	// pprof's heap profile has MemStats in its text form only
	if (prefix === undefined && /\/debug\/pprof\/(?:heap|allocs)$/.test(path))
		return readPage(ctx, atPath(base, `${path}?debug=1`), flags);
	if (prefix === undefined) return readPage(ctx, base, flags);
	const candidates = /debug\/pprof\/?$/.test(path) ? [CANDIDATES[1]] : CANDIDATES;
	const missed: Missed[] = [];
	for (const candidate of candidates) {
		const got = await attempt(ctx, atPath(base, prefix + candidate), flags);
		if ("reading" in got) return got;
		// where nobody answers, no other path will
		if (got.status === undefined) throw noPage(base, [got]);
		missed.push(got);
	}
	throw noPage(base, missed);
}

async function readPage(ctx: OperationContext, address: HttpAddress, flags: UrlFlags): Promise<Page> {
	const got = await attempt(ctx, address, flags);
	if ("reading" in got) return got;
	throw noPage(address, [got]);
}

interface Missed {
	readonly path: string;
	/** undefined where there was no answer at all */
	readonly status: number | undefined;
	readonly why: string;
	readonly wouldHelp?: string;
	readonly cause?: unknown;
}

async function attempt(ctx: OperationContext, address: HttpAddress, flags: UrlFlags): Promise<Page | Missed> {
	const options: HttpOptions = {
		headers: headersOf(flags.header),
		timeoutMs: flags.timeout,
		maxBytes: MAX_BODY,
		signal: ctx.signal,
	};
	const path = address.url.pathname;
	const started = ctx.clock.monotonic();
	const answer = await httpGet(address, options);
	const at = ctx.clock.now();
	if (isUnavailable(answer))
		return {
			path,
			status: undefined,
			why: answer.unavailable,
			...(answer.wouldHelp === undefined ? {} : { wouldHelp: answer.wouldHelp }),
		};
	if (answer.status !== 200) return { path, status: answer.status, why: `${path} answers ${answer.status}` };
	try {
		const reading = readingOf(answer.text);
		if (reading !== undefined) return { address, reading, answer, wallMs: ctx.clock.monotonic() - started, at };
		return { path, status: 200, why: `${path} holds no MemStats` };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { path, status: 200, why: `${path} cannot be read: ${error.message}`, cause: error };
	}
}

/** The reading of a page; undefined where it holds none. Throws ParseError, and GomemError where it holds several processes. */
function readingOf(text: string): MemStatsReading | undefined {
	const form = memStatsForm(text);
	if (form === "expvar") return parseExpvar(text);
	if (form === "heap-debug1") return parseHeapTrailer(text);
	if (form !== "prometheus") return undefined;
	const readings = parsePrometheus(text);
	if (readings.length < 2) return readings[0];
	const names = readings.slice(0, 5).map((one) => JSON.stringify(one.labels ?? {}));
	throw new GomemError({
		code: "target-ambiguous",
		message: `the page has the metrics of ${readings.length} processes: ${names.join(", ")}${readings.length > 5 ? " …" : ""}`,
		hint: "give the address of one program's own metrics",
	});
}

function takenFromPage({ address, reading, answer, wallMs, at }: Page): Taken {
	return takenFromText(reading, at, {
		target: shownAddress(address),
		how: EFFECTS[reading.source],
		unavailable: missingFrom(reading),
		cost: { wallMs: Math.round(wallMs * 10) / 10, pausedMs: 0, bytesRead: answer.bytes },
	});
}

/** What this form never tells, and who would. */
export function missingFrom(reading: MemStatsReading): Taken["meta"]["unavailable"] {
	const { memStats, source } = reading;
	const missing: Taken["meta"]["unavailable"] = [
		{
			part: "pacer",
			why: "the pacer's state is in no page or log",
			wouldHelp: "a pid: `gomem memstats PID` reads it in the runtime",
		},
	];
	if (source === "prometheus" && memStats.PauseNs === undefined) {
		missing.push({
			part: "PauseNs, BySize",
			why: "Prometheus pages hold sums of them only",
			wouldHelp: "/debug/vars, or a pid",
		});
	}
	if (source === "heap-debug1")
		missing.push({
			part: "PauseTotalNs, BySize",
			why: "heap?debug=1 does not print them",
			wouldHelp: "/debug/vars, or a pid",
		});
	return missing;
}

function noPage(base: HttpAddress, missed: readonly Missed[]): GomemError {
	const denied = missed.some(({ status }) => status === 401 || status === 403);
	const [only] = missed;
	return new GomemError({
		code: only?.status === undefined ? "url-unreachable" : denied ? "url-denied" : "url-without-memstats",
		message: `${shownAddress(base)} gives no MemStats`,
		why: missed.map(({ why }) => why).join("; "),
		hint: denied
			? "give the credentials it wants: --header 'Authorization: Bearer …'"
			: (only?.wouldHelp ??
				"import expvar or net/http/pprof in the program, give the page's own path, or a pid: `gomem memstats PID` needs neither"),
		...(only?.cause === undefined ? {} : { cause: only.cause }),
	});
}
