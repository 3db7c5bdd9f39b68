import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { hostname } from "node:os";
import { GomemError } from "../api/errors.ts";
import type { Artifact, OperationContext } from "../api/operation.ts";
import { type ProfileArtifactResult, profileReport } from "../api/profile-artifact.ts";
import { inputFrom, type ViewInput } from "../api/profile-options.ts";
import { profileFlame, profilePage } from "../api/profile-picture.ts";
import type { OpenedProfile } from "../api/profile-source.ts";
import { isOption, optionName, parseOption } from "../profile/options.ts";
import { visibleText, write } from "./output.ts";
import type { PromptInput } from "./profile-command.ts";
import { openInBrowser } from "./profile-web.ts";

/** Pages that are kept: one per view that was looked at. */
const KEPT = 8;
/** Short names of options in the addresses of pprof's own page (google/pprof internal/driver/config.go, urlparam). */
const SHORT: Readonly<Record<string, string>> = {
	f: "focus",
	i: "ignore",
	h: "hide",
	s: "show",
	sf: "show_from",
	tf: "tagfocus",
	ti: "tagignore",
	ts: "tagshow",
	th: "taghide",
	si: "sample_index",
	n: "nodecount",
	nf: "nodefraction",
	ef: "edgefraction",
	g: "granularity",
	rel: "relative_percentages",
};

/** Serves the interactive page of a profile until it is stopped; on loopback where no host is named. */
export async function serveProfile(
	ctx: OperationContext,
	opened: OpenedProfile,
	input: PromptInput,
	signal: AbortSignal,
): Promise<number> {
	const { host, port } = addressOf(input.http ?? "");
	const pages = new Pages(ctx, opened, input);
	const allowed = allowedHosts(host);
	const server = createServer((request, response) => {
		answer(request, response, pages, allowed).catch((error: unknown) =>
			refuse(response, statusOf(error), problemOf(error)),
		);
	});
	server.headersTimeout = 10_000;
	server.requestTimeout = 30_000;
	const at = await listening(server, host, port);
	const url = urlOf(host, at.port);
	await write(visibleText(`Serving on ${url} (Ctrl-C ends)\n`));
	if (!isLoopback(at.address)) {
		ctx.warn(
			`everyone who reaches ${placeOf(at.address)} can see the profile; --http=:${at.port} is for this host only`,
		);
	}
	if (input.browser) openInBrowser(urlOf(ownHost(host), at.port));
	await new Promise<void>((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
	server.closeAllConnections();
	server.close();
	return 0;
}

/** `:8080`, `localhost:`, `[::1]:8080`, `8080`; any port where none is named, as pprof has it. */
export function addressOf(text: string): { readonly host: string; readonly port: number } {
	const [, bracketed, plain = "", digits = ""] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ?? [];
	const lone = bracketed === undefined && /^\d+$/.test(plain) && digits === "";
	const host = bracketed ?? (lone ? "" : plain);
	const port = Number((lone ? plain : digits) || 0);
	if (port > 65_535 || (text !== "" && bracketed === undefined && plain === "" && digits === "" && text !== ":")) {
		throw new GomemError({
			code: "invalid-input",
			message: `--http cannot be "${text}"`,
			why: "expected HOST:PORT, where HOST may be left out for loopback and PORT for any that is free",
		});
	}
	return { host: host === "" ? "127.0.0.1" : host, port };
}

function urlOf(host: string, port: number): string {
	return `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}

/** An address of every interface is none that browsers go to. */
function ownHost(host: string): string {
	if (host === "0.0.0.0") return "127.0.0.1";
	return host === "::" ? "::1" : host;
}

export function isLoopback(address: string): boolean {
	return /^(?:::ffff:)?127\./.test(address) || address === "::1";
}

function placeOf(address: string): string {
	return address === "0.0.0.0" || address === "::" ? "this host" : address;
}

/** Where it listens: a name may lead to any address. */
function listening(server: Server, host: string, port: number): Promise<{ address: string; port: number }> {
	return new Promise((resolve, reject) => {
		server.once("error", (error: NodeJS.ErrnoException) =>
			reject(
				new GomemError({
					code: "cannot-listen",
					message: `gomem cannot listen on ${host}:${port} (${error.code})`,
					hint: error.code === "EADDRINUSE" ? "another port, or --http=: for any that is free" : "another host or port",
				}),
			),
		);
		// of a server on a port it is no name of a pipe
		server.listen(port, host, () => resolve(server.address() as AddressInfo));
	});
}

/** Names under which a browser may ask: a foreign name that leads here (DNS rebinding) would make the page readable to its site. */
function allowedHosts(host: string): ReadonlySet<string> {
	return new Set([
		"localhost",
		host.toLowerCase(),
		...(host === "0.0.0.0" || host === "::" ? [hostname().toLowerCase()] : []),
	]);
}

function isAllowed(header: string | undefined, allowed: ReadonlySet<string>): boolean {
	const name = /^(\[[0-9a-fA-F:]+\]|[^:]*)(?::\d+)?$/.exec(header ?? "")?.[1]?.toLowerCase() ?? "";
	const bare = name.replace(/^\[|\]$/g, "");
	return isIP(bare) !== 0 || allowed.has(name);
}

async function answer(
	request: IncomingMessage,
	response: ServerResponse,
	pages: Pages,
	allowed: ReadonlySet<string>,
): Promise<void> {
	if (!isAllowed(request.headers.host, allowed))
		return refuse(response, 421, "this page is served under its own address only");
	if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, 405, "GET only");
	const url = new URL(`http://here${(request.url ?? "/").replace(/^\/*/, "/")}`);
	// the addresses of pprof's own page
	const path = url.pathname.replace(/^\/ui(?=\/|$)/, "") || "/";
	const made = await pages.page(path, url.searchParams);
	if (made === undefined)
		return refuse(response, 404, "there is no such page: / has everything, /flame and /download too");
	response.writeHead(200, {
		"content-type": made.mediaType,
		"content-length": made.bytes.length,
		"content-security-policy": "frame-ancestors 'none'",
		"x-content-type-options": "nosniff",
		"referrer-policy": "no-referrer",
		"cross-origin-resource-policy": "same-origin",
		"cache-control": "no-store",
		...(path === "/download"
			? { "content-disposition": `attachment; filename="${made.fileName.replace(/[^\w.-]/g, "_")}"` }
			: {}),
	});
	response.end(request.method === "HEAD" ? undefined : made.bytes);
}

function refuse(response: ServerResponse, status: number, why: string): void {
	if (response.headersSent) return void response.destroy();
	response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" });
	response.end(`${why}\n`);
}

/** Options that do not fit are who asks, not the server. */
function statusOf(error: unknown): number {
	return error instanceof GomemError && error.code === "invalid-input" ? 400 : 500;
}

function problemOf(error: unknown): string {
	return error instanceof GomemError
		? [error.message, error.why].filter((text) => text).join(": ")
		: "the page cannot be made";
}

interface Page {
	readonly mediaType: string;
	readonly fileName: string;
	readonly bytes: Uint8Array;
}

/** The pages of a profile, made when they are asked for. */
class Pages {
	readonly #ctx: OperationContext;
	readonly #opened: OpenedProfile;
	readonly #input: ViewInput;
	readonly #kept = new Map<string, Promise<Page>>();

	constructor(ctx: OperationContext, opened: OpenedProfile, input: ViewInput) {
		this.#ctx = ctx;
		this.#opened = opened;
		this.#input = input;
	}

	/** undefined where there is no such page */
	async page(path: string, query: URLSearchParams): Promise<Page | undefined> {
		const make = this.#makers[path];
		if (make === undefined) return undefined;
		const input = { ...this.#input, ...optionsOf(query) };
		const key = `${path} ${JSON.stringify(input)}`;
		let page = this.#kept.get(key);
		if (page === undefined) {
			page = make(input).then(async (artifact) => ({ ...artifact, bytes: await bytesOf(artifact) }));
			this.#kept.set(key, page);
			page.catch(() => this.#kept.delete(key));
			for (const old of this.#kept.keys()) if (this.#kept.size > KEPT) this.#kept.delete(old);
		}
		return page;
	}

	get #makers(): Readonly<Record<string, (input: ViewInput) => Promise<Artifact<ProfileArtifactResult>>>> {
		const whole = (input: ViewInput) => profilePage(this.#ctx, this.#opened, input);
		const flame = (input: ViewInput) => profileFlame(this.#ctx, this.#opened, { ...input, form: "html" });
		return {
			"/": whole,
			"/top": whole,
			"/source": whole,
			"/graph": whole,
			"/flame": flame,
			"/flamegraph": flame,
			"/download": async (input) => profileReport(this.#ctx, this.#opened, input, "proto"),
		};
	}
}

/** pprof's options in an address: ?focus=json&si=alloc_space. What is none is passed over. */
function optionsOf(query: URLSearchParams): ViewInput {
	let options = {};
	for (const [name, value] of query) {
		const full = SHORT[name] ?? name;
		if (!isOption(full) || optionName(full) !== full) continue;
		const parsed = parseOption(full, value);
		if ("error" in parsed) throw new GomemError({ code: "invalid-input", message: parsed.error });
		options = { ...options, ...inputFrom(parsed.options) };
	}
	return options;
}

async function bytesOf({ bytes }: Artifact<unknown>): Promise<Uint8Array> {
	if (bytes instanceof Uint8Array) return bytes;
	const chunks: Uint8Array[] = [];
	for await (const chunk of bytes) chunks.push(chunk);
	return Buffer.concat(chunks);
}
