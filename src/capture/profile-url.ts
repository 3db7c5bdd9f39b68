import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { type HttpAnswer, type HttpOptions, httpGet } from "./http.ts";
import { atPath, type HttpAddress, shownAddress } from "./http-address.ts";
import { type ProfileType, profileTypes } from "./profile-types.ts";

export interface FetchRequest {
	/** which page, where the URL names none; default heap */
	readonly type: ProfileType | undefined;
	/** of a CPU profile: how long it samples; of the others: what came about in so many seconds */
	readonly seconds: number | undefined;
	/** collect garbage first */
	readonly gc: boolean;
}

export interface FetchedProfile {
	readonly bytes: Uint8Array;
	/** as it may be shown: without credentials */
	readonly address: string;
	readonly type: ProfileType | undefined;
	/** of the request: the program may not know `seconds` and answer at once */
	readonly wallMs: number;
}

/** Why there is no profile: nobody answers, what is there is denied, or is none. */
export interface NotFetched extends Unavailable {
	readonly code: "url-unreachable" | "url-denied" | "url-without-profile" | "invalid-input";
}

const PAGE = /\/debug\/pprof\/([a-z]+)$/;

/**
 * Gets a profile from a program's net/http/pprof handlers. A URL without a path, one that ends in / and that of the index of
 * pages stand for the page of the type wanted; any other is fetched as it is.
 */
export async function fetchProfile(
	base: HttpAddress,
	request: FetchRequest,
	options: HttpOptions,
): Promise<FetchedProfile | NotFetched> {
	const page = pageOf(base, request);
	if (isUnavailable(page)) return page;
	const started = performance.now();
	const waits = request.seconds ?? (page.type === "cpu" ? DEFAULT_CPU_SECONDS : 0);
	const answer = await httpGet(page.address, { ...options, timeoutMs: options.timeoutMs + waits * 1000 });
	const address = shownAddress(isUnavailable(answer) ? page.address : answer.address);
	if (isUnavailable(answer)) return { code: "url-unreachable", ...answer };
	const problem = problemOf(answer, address);
	if (problem !== undefined) return problem;
	return { bytes: answer.body, address, type: page.type, wallMs: performance.now() - started };
}

/** net/http/pprof, Profile: 30 s where the request does not say */
export const DEFAULT_CPU_SECONDS = 30;

interface Page {
	readonly address: HttpAddress;
	readonly type: ProfileType | undefined;
}

function pageOf(base: HttpAddress, { type, seconds, gc }: FetchRequest): Page | NotFetched {
	const path = base.url.pathname;
	const prefix = /\/debug\/pprof\/?$/.test(path)
		? path.replace(/\/?$/, "/")
		: path.endsWith("/")
			? `${path}debug/pprof/`
			: undefined;
	const named = typeNamed(PAGE.exec(path)?.[1]);
	if (prefix === undefined && type !== undefined && named !== undefined && type !== named) {
		return {
			code: "invalid-input",
			unavailable: `the URL names the ${named} profile, --type the ${type} profile`,
			wouldHelp: "leaving out one of the two",
		};
	}
	const wanted = prefix === undefined ? (named ?? type) : (type ?? "heap");
	const query = new URLSearchParams(base.url.searchParams);
	if (seconds !== undefined) query.set("seconds", String(seconds));
	// the heap handler alone collects (net/http/pprof, handler.ServeHTTP)
	if (gc) query.set("gc", "1");
	if (gc && wanted !== undefined && wanted !== "heap") {
		return {
			code: "invalid-input",
			unavailable: `net/http/pprof collects garbage before the heap profile only, not before ${wanted}`,
			wouldHelp: "leaving out --gc",
		};
	}
	const page = prefix === undefined ? path : prefix + (wanted === "cpu" ? "profile" : wanted);
	return { address: atPath(base, `${page}?${query}`), type: wanted };
}

function typeNamed(page: string | undefined): ProfileType | undefined {
	return page === "profile" ? "cpu" : profileTypes.find((type) => type === page && type !== "cpu");
}

function problemOf(answer: HttpAnswer, address: string): NotFetched | undefined {
	const { status } = answer;
	if (status === 401 || status === 403) {
		return {
			code: "url-denied",
			unavailable: `${address} answers ${status}: it wants credentials, or other ones`,
			wouldHelp: "--bearer-file, --user, --cert and --key, or --header 'Authorization: …'",
		};
	}
	if (status === 404) {
		return {
			code: "url-without-profile",
			unavailable: `${address} answers 404: there is no such page`,
			wouldHelp:
				'import _ "net/http/pprof" in the program, the path where it serves its profiles, or a pid: `gomem profile top PID` needs no page',
		};
	}
	if (status !== 200) {
		const told = answer.fromPprof ? `: ${firstLine(answer)}` : "";
		return {
			code: "url-without-profile",
			unavailable: `${address} answers ${status}${told}`,
			wouldHelp: "what the program itself logs of it",
		};
	}
	if (/^\s*<(?:!doctype|html|\?xml)/i.test(head(answer))) {
		return {
			code: "url-without-profile",
			unavailable: `${address} is an HTML page, not a profile`,
			wouldHelp: "the path of a profile, such as /debug/pprof/heap; or a login page stands before it",
		};
	}
	if (answer.bytes === 0) {
		return {
			code: "url-without-profile",
			unavailable: `${address} answers with nothing`,
			wouldHelp: "the path of a profile, such as /debug/pprof/heap",
		};
	}
	return undefined;
}

function head(answer: HttpAnswer): string {
	return Buffer.from(answer.body.subarray(0, 512)).toString("utf8");
}

function firstLine(answer: HttpAnswer): string {
	return head(answer).split("\n", 1)[0]?.trim().slice(0, 200) ?? "";
}
