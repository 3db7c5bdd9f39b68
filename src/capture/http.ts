import type { IncomingMessage, RequestOptions } from "node:http";
import type { SecureContextOptions } from "node:tls";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { HttpAddress } from "./http-address.ts";

export interface HttpOptions {
	/** sent to the named host only; values are never part of a message */
	readonly headers: readonly (readonly [name: string, value: string])[];
	/** for all of it, redirects too */
	readonly timeoutMs: number;
	readonly maxBytes: number;
	readonly signal: AbortSignal;
	readonly tls?: TlsOptions;
	/** go where a redirect leads, to other hosts too: without headers, credentials and client certificate there */
	readonly follow?: boolean;
}

/** Certificates in PEM. */
export interface TlsOptions {
	readonly ca?: Uint8Array;
	readonly cert?: Uint8Array;
	readonly key?: Uint8Array;
	/** do not check the server's certificate */
	readonly insecure?: boolean;
}

export interface HttpAnswer {
	readonly status: number;
	readonly contentType: string;
	/** where it came from in the end */
	readonly address: HttpAddress;
	/** X-Go-Pprof is set: net/http/pprof itself tells what is wrong */
	readonly fromPprof: boolean;
	readonly body: Uint8Array;
	/** the body as UTF-8, decoded when it is asked for */
	readonly text: string;
	/** bytes of the body */
	readonly bytes: number;
}

const MAX_REDIRECTS = 5;
const DIRECTLY = "naming the address it should have been";

/**
 * One GET. Follows redirects on the same host, never to another one or from https to http, since headers may hold
 * secrets. Unavailable where there is no answer in time or the answer is larger than allowed; any status is an answer.
 * Rejects only when the signal aborts.
 */
export async function httpGet(address: HttpAddress, options: HttpOptions): Promise<HttpAnswer | Unavailable> {
	const deadline = AbortSignal.timeout(options.timeoutMs);
	const signal = AbortSignal.any([options.signal, deadline]);
	try {
		let at = address;
		let own = options;
		for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
			const message = await send(at, own, signal);
			const next = redirectOf(message, at);
			if (next === undefined) return await readBody(message, at, options.maxBytes);
			message.destroy();
			if ("elsewhere" in next) {
				const help = options.follow === undefined ? "" : ", or --follow";
				if (options.follow !== true) return { unavailable: next.why, wouldHelp: `${DIRECTLY}${help}` };
				own = { ...options, headers: [], tls: {} };
				at = { url: next.elsewhere };
			} else if ("unavailable" in next) return next;
			else at = next;
		}
		return { unavailable: `more than ${MAX_REDIRECTS} redirects`, wouldHelp: DIRECTLY };
	} catch (error) {
		options.signal.throwIfAborted();
		if (deadline.aborted)
			return { unavailable: `no whole answer within ${options.timeoutMs / 1000} s`, wouldHelp: "a longer --timeout" };
		return refused(error, whereOf(address), options.tls !== undefined);
	}
}

function whereOf({ url, socket }: HttpAddress): string {
	return socket ?? url.host;
}

function send(
	{ url, socket }: HttpAddress,
	{ headers, tls = {} }: HttpOptions,
	signal: AbortSignal,
): Promise<IncomingMessage> {
	const { insecure, ...certificates } = tls;
	const options: RequestOptions & SecureContextOptions = {
		method: "GET",
		signal,
		agent: false,
		// what comes must not be larger than what is counted
		headers: { "accept-encoding": "identity", accept: "*/*", ...Object.fromEntries(headers) },
		...(url.username === "" ? {} : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
		...(socket === undefined ? {} : { socketPath: socket }),
		...buffers(certificates),
		...(insecure === true ? { rejectUnauthorized: false } : {}),
	};
	const target = new URL(url);
	target.username = target.password = "";
	// loaded where it is needed, and not by an import: that takes 40 ms, as it reads each export, fetch and WebSocket too
	const { request } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
	return new Promise((resolve, reject) => {
		const asked = request(target, options, resolve);
		asked.on("error", reject);
		asked.end();
	});
}

function buffers(certificates: Omit<TlsOptions, "insecure">): SecureContextOptions {
	return Object.fromEntries(Object.entries(certificates).map(([name, pem]) => [name, Buffer.from(pem)]));
}

/** A redirect that is not followed without being asked to. */
interface Elsewhere {
	readonly elsewhere: URL;
	readonly why: string;
}

/** Where a redirect leads; the reason why it is not followed; undefined where the answer is none. */
function redirectOf(message: IncomingMessage, from: HttpAddress): HttpAddress | Elsewhere | Unavailable | undefined {
	const { location } = message.headers;
	if (
		message.statusCode === undefined ||
		![301, 302, 303, 307, 308].includes(message.statusCode) ||
		location === undefined
	)
		return undefined;
	let url: URL;
	try {
		url = new URL(location, from.url);
	} catch {
		return { unavailable: "it redirects to what is no address", wouldHelp: DIRECTLY };
	}
	if (url.protocol !== "http:" && url.protocol !== "https:")
		return { unavailable: `it redirects to ${url.protocol}, which is not followed`, wouldHelp: DIRECTLY };
	const elsewhere = (where: string) => ({
		elsewhere: url,
		why: `it redirects to ${where}, which is not followed`,
	});
	if (url.hostname !== from.url.hostname) return elsewhere(`another host, ${url.hostname}`);
	const upgrade = from.url.protocol === "http:" && url.protocol === "https:" && from.socket === undefined;
	if (url.protocol !== from.url.protocol && !upgrade) return elsewhere(url.protocol);
	if (url.port !== from.url.port && !upgrade) return elsewhere(`another port, ${url.port || "the default one"}`);
	url.username = from.url.username;
	url.password = from.url.password;
	return { ...from, url };
}

async function readBody(
	message: IncomingMessage,
	address: HttpAddress,
	maxBytes: number,
): Promise<HttpAnswer | Unavailable> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of message as AsyncIterable<Uint8Array>) {
		bytes += chunk.length;
		if (bytes > maxBytes) {
			message.destroy();
			return {
				unavailable: `the answer is larger than ${maxBytes / 2 ** 20} MiB`,
				wouldHelp: "the address of a page that is smaller",
			};
		}
		chunks.push(chunk);
	}
	const body = Buffer.concat(chunks);
	return {
		status: message.statusCode ?? 0,
		contentType: message.headers["content-type"] ?? "",
		address,
		fromPprof: message.headers["x-go-pprof"] !== undefined,
		body,
		get text() {
			return body.toString("utf8");
		},
		bytes,
	};
}

const REASONS: Readonly<Record<string, readonly [why: string, help: string]>> = {
	ECONNREFUSED: ["nothing listens there", "the right port, or the program to be running"],
	ENOTFOUND: ["there is no such host", "the right host name"],
	EAI_AGAIN: ["the host's name could not be looked up", "the right host name, or its address"],
	ENOENT: ["there is no such socket", "the right path"],
	EACCES: ["no right to use that socket", "the user that owns it"],
	EHOSTUNREACH: ["the host cannot be reached", "the right address"],
	ENETUNREACH: ["the network cannot be reached", "the right address"],
	ECONNRESET: ["the connection broke", "trying again"],
	EPROTO: ["the two ends speak different protocols", "http:// in place of https://, or the other way round"],
	HPE_INVALID_CONSTANT: ["what answers does not speak HTTP", "the right port, or https:// in place of http://"],
};

function refused(error: unknown, where: string, takesCa: boolean): Unavailable {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	const [why, help] = REASONS[code] ?? [];
	if (why !== undefined && help !== undefined) return { unavailable: `${where}: ${why}`, wouldHelp: help };
	if (!(error instanceof Error) || code === "") throw error;
	if (/CERT|SIGNED|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
		const unchecked = ", or https+insecure:// in place of https://, with which nobody checks who answers";
		return {
			unavailable: `${where}: its certificate is not trusted (${code})`,
			wouldHelp: `${takesCa ? "--ca or " : ""}NODE_EXTRA_CA_CERTS with the authority's certificate${takesCa ? unchecked : ""}`,
		};
	}
	return {
		unavailable: `${where}: ${error.message.split("\n", 1)[0]} (${code})`,
		wouldHelp: "the right address, and credentials where it wants some",
	};
}
