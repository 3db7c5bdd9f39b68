import { GomemError } from "./errors.ts";
import type { Taken } from "./memstats-reading.ts";
import { readUrl } from "./memstats-url.ts";
import type { OperationContext } from "./operation.ts";
import type { Obtained, UrlFlags } from "./url-input.ts";
import type { WhyUrlResult } from "./why-shape.ts";
import { growthOf, RESTARTED, type UrlGrowth, type UrlPoint, urlPoint } from "./why-url-growth.ts";
import { obtainedOf } from "./why-url-lines.ts";
import { urlVerdict } from "./why-url-verdict.ts";

/** One page, reading after reading. */
export interface WhyOfUrl {
	/** What can be said from the page alone, with what grew since the first reading. Throws GomemError. */
	next(): Promise<WhyUrlResult>;
}

/** Readings that are kept to measure growth; the first stays. */
const MAX_POINTS = 500;

/** What can be said from an expvar, pprof or Prometheus page, and what a pid would add. Throws GomemError. */
export function whyOfUrl(
	ctx: OperationContext,
	url: string,
	flags: UrlFlags & { readonly baseline?: string },
): WhyOfUrl {
	if (flags.baseline !== undefined) {
		throw new GomemError({
			code: "invalid-input",
			message: "--baseline needs a process or a capture",
			why: "a URL does not tell what is resident",
			hint: "`gomem memstats URL --every 5s --for 2m` says what rises",
		});
	}
	const points: UrlPoint[] = [];
	return {
		async next() {
			const taken = await readUrl(ctx, url, flags);
			const obtained = obtainedOf(taken);
			points.push(urlPoint(taken, obtained));
			const result = explainTaken(taken, obtained, growthOf(points));
			if (points.length > MAX_POINTS) points.splice(1, 1);
			return result;
		},
	};
}

/** The result document of one page. */
function explainTaken(taken: Taken, obtained: Obtained, growth: UrlGrowth | undefined): WhyUrlResult {
	const { meta, at } = taken;
	const { gogc, memoryLimitBytes } = meta;
	return {
		target: {
			name: meta.target,
			exe: "",
			...(meta.goVersion === undefined ? {} : { goVersion: meta.goVersion }),
			...(gogc === undefined ? {} : { gogc: String(gogc) }),
			...(memoryLimitBytes === undefined ? {} : { gomemlimit: String(memoryLimitBytes) }),
		},
		at: new Date(at ?? 0).toISOString(),
		...(meta.rssBytes === undefined ? {} : { rssBytes: meta.rssBytes }),
		obtained:
			growth === undefined
				? obtained
				: {
						...obtained,
						lines: obtained.lines.map((line) => {
							const growthBytes = growth.lines.get(line.id);
							return growthBytes === undefined ? line : { ...line, growthBytes };
						}),
						growth: growth.shape,
					},
		lines: [],
		...(growth?.rss === undefined ? {} : { growth: growth.rss.shape }),
		verdict: urlVerdict(taken, obtained, growth),
		blur: { heapBytes: 0, paused: false },
		unavailable: [
			{
				part: "resident lines",
				why: "a URL tells what the runtime obtained, not what is resident; nor does it see C memory, mappings and files",
				wouldHelp: "the pid, on the machine where it runs: `gomem why PID`",
			},
			{ part: "limit", why: "the cgroup's limit is not in the page", wouldHelp: "the pid" },
			...(growth?.restarted === true ? [RESTARTED] : []),
		],
		cost: meta.cost ?? { wallMs: 0, pausedMs: 0, bytesRead: 0 },
	};
}
