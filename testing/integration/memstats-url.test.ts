import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual, promisify } from "node:util";
import { GomemError } from "../../src/api/errors.ts";
import { operation } from "../../src/api/memstats.ts";
import type { MemStatsResult } from "../../src/api/memstats-shape.ts";
import { operation as why } from "../../src/api/why.ts";
import type { WhyUrlResult } from "../../src/api/why-shape.ts";
import { type HttpOptions, httpGet } from "../../src/capture/http.ts";
import { parseHttpAddress, shownAddress } from "../../src/capture/http-address.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { documentOf } from "../operations.ts";
import { assertBetween } from "../settled.ts";
import { toolchain } from "../subjects.ts";

const folder = mkdtempSync(join(tmpdir(), "gomem-memstats-url-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function memstats(target: string, input: Record<string, unknown> = {}): Promise<MemStatsResult> {
	return (await documentOf(operation, { target, timeout: "60s", ...input })) as unknown as MemStatsResult;
}

describe("the pages of a real Go server", () => {
	let server: ChildProcess | undefined;
	let port = "";
	const socket = join(folder, "server.sock");

	before(async () => {
		const { go, env } = await toolchain();
		const program = join(folder, "server");
		const source = join(import.meta.dirname, "testdata/memstats-server");
		await promisify(execFile)(go, ["build", "-o", program, "."], { cwd: source, env: { ...env, CGO_ENABLED: "0" } });
		server = spawn(program, [socket], { stdio: ["pipe", "pipe", "inherit"], env: { PATH: process.env["PATH"] } });
		const { stdout } = server;
		assert.ok(stdout !== null);
		[port] = (await once(createInterface({ input: stdout }), "line")) as [string];
	});
	after(() => server?.kill("SIGKILL"));

	/** What only a GC moves: what each page tells of it, and what expvar tells. */
	const exact = ["NumGC", "NumForcedGC", "LastGC", "PauseNs", "PauseEnd"] as const;
	const exactInVars = [...exact, "PauseTotalNs", "GCCPUFraction"] as const;
	/**
	 * What a page says, and what is seen from outside before and after: the heap may grow by a chunk of 4 MiB
	 * while the page is asked for, so that neither reading alone need agree. Where the GC of every two minutes came in
	 * between, it is asked for once more.
	 */
	const asked = async (path: string) => {
		for (let tries = 3; ; tries--) {
			const before = await memstats(String(server?.pid));
			const url = await memstats(`http://127.0.0.1:${port}${path}`);
			const after = await memstats(String(server?.pid));
			if (exactInVars.every((name) => isDeepStrictEqual(before[name], after[name]))) return { before, url, after };
			assert.ok(tries > 1, "one GC after another");
		}
	};
	// a request allocates a little, and its goroutine needs a stack
	const near = (
		{ before, url, after }: { before: MemStatsResult; url: MemStatsResult; after: MemStatsResult },
		names: readonly (keyof MemStatsResult)[],
	) => {
		for (const name of names) {
			const seen = [Number(before[name]), Number(after[name])];
			assertBetween(Number(url[name]), seen, Math.max(Math.max(...seen) * 0.01, 512 * 1024), name);
		}
	};
	const all = [
		"HeapAlloc",
		"HeapInuse",
		"HeapIdle",
		"HeapSys",
		"StackInuse",
		"Sys",
		"GCSys",
		"OtherSys",
		"BuckHashSys",
		"NextGC",
		"MSpanInuse",
	] as const;

	test("expvar says what is seen from outside", async () => {
		const readings = await asked("/debug/vars");
		const { url, after: pid } = readings;
		assert.equal(url._meta.source, "expvar");
		near(readings, all);
		for (const name of [...exactInVars, "EnableGC", "DebugGC"] as const) assert.deepEqual(url[name], pid[name], name);
		assert.deepEqual(
			url.BySize?.map((one) => one.Size),
			pid.BySize?.map((one) => one.Size),
		);
		assert.equal(url._figures.pauses?.lastMs, pid._figures.pauses?.lastMs);
	});

	test("heap?debug=1 too, found below /debug/pprof/ or at its own path", async () => {
		for (const path of [
			"/debug/pprof/",
			"/debug/pprof",
			"/debug/pprof/heap",
			"/debug/pprof/heap?debug=1",
			"/debug/pprof/allocs",
		]) {
			const readings = await asked(path);
			const { url, after: pid } = readings;
			assert.equal(url._meta.source, "heap-debug1", path);
			near(readings, all);
			for (const name of exact) assert.deepEqual(url[name], pid[name], `${path} ${name}`);
			assert.ok((url._meta.peakRssBytes ?? 0) >= 48 * 2 ** 20);
		}
	});

	test("Prometheus too, and the resident size", async () => {
		const readings = await asked("/metrics");
		const { url, after: pid } = readings;
		assert.equal(url._meta.source, "prometheus");
		near(
			readings,
			all.filter((name) => name !== "NextGC"),
		);
		assert.equal(url.NumGC, pid.NumGC);
		assert.ok((url._meta.rssBytes ?? 0) >= 48 * 2 ** 20);
		assert.deepEqual([url._meta.gogc, url._meta.memoryLimitBytes], [100, "off"]);
	});

	test("without a path the standard pages are tried, over a unix socket as well", async () => {
		assert.equal((await memstats(`http://127.0.0.1:${port}`))._meta.target, `http://127.0.0.1:${port}/debug/vars`);
		assert.equal((await memstats(`unix:${socket}`))._meta.target, `unix:${socket}:/debug/vars`);
		assert.equal((await memstats(`unix:${socket}:/metrics`))._meta.source, "prometheus");
	});

	test("why: every byte of Sys on a line, none of them said to be resident", async () => {
		const document = (await documentOf(why, { target: `http://127.0.0.1:${port}` })) as unknown as WhyUrlResult;
		const { obtained } = document;
		assert.deepEqual(document.lines, []);
		assert.equal(
			obtained.lines.reduce((sum, line) => sum + line.bytes, 0),
			obtained.sysBytes,
		);
		assert.ok(obtained.lines.every((line) => line.bytes >= 0));
		assert.ok((document.rssBytes ?? 0) >= 48 * 2 ** 20, "from /metrics");
		assert.equal(document.verdict.confidence, "low");
		assert.equal(document.verdict.code, "live-heap");
		assert.ok(
			document.unavailable.some(({ part, wouldHelp }) => part === "resident lines" && /pid/.test(wouldHelp ?? "")),
		);
		const other = (await documentOf(why, { target: `http://127.0.0.1:${port}/debug/vars` })) as unknown as WhyUrlResult;
		assert.equal(other.rssBytes, undefined, "a path of its own is the only page that is read");
		await assert.rejects(
			documentOf(why, { target: `http://127.0.0.1:${port}`, baseline: "x.gomem" }),
			/--baseline needs a process/,
		);
	});
});

describe("HTTP that is not as it should be", () => {
	const servers: Server[] = [];
	after(() => {
		for (const server of servers) server.close().closeAllConnections();
	});
	async function serve(listener: RequestListener): Promise<{ url: string; seen: IncomingMessage[] }> {
		const seen: IncomingMessage[] = [];
		const server = createServer((request, response) => {
			seen.push(request);
			listener(request, response);
		});
		servers.push(server);
		await once(server.listen(0, "127.0.0.1"), "listening");
		return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
	}
	const page = JSON.stringify({ memstats: { HeapSys: 4096, Sys: 8192, BySize: [] } });
	const options: HttpOptions = {
		headers: [],
		timeoutMs: 60_000,
		maxBytes: 1 << 20,
		signal: new AbortController().signal,
	};
	const failure = async (target: string, input: Record<string, unknown> = {}): Promise<GomemError> => {
		const error = await documentOf(operation, { target, timeout: "60s", ...input }).then(
			() => undefined,
			(one: unknown) => one,
		);
		assert.ok(error instanceof GomemError, String(error));
		return error;
	};

	test("headers go where they should and into no message", async () => {
		const { url, seen } = await serve((request, response) => {
			response.statusCode = request.headers.authorization === "Bearer s3cret" ? 200 : 401;
			response.end(page);
		});
		const denied = await failure(url);
		assert.equal(denied.code, "url-denied");
		assert.match(denied.hint ?? "", /--header/);
		const document = await memstats(url, { header: ["Authorization: Bearer s3cret"] });
		assert.equal(document.Sys, 8192);
		assert.doesNotMatch(JSON.stringify(document), /s3cret/);
		assert.ok(seen.every(({ method }) => method === "GET"));
		for (const bad of ["s3cret", "Bad Name: s3cret", "X: s3cret\r\nY: z"]) {
			const error = await failure(url, { header: [bad] });
			assert.doesNotMatch(`${error.message} ${error.why} ${error.hint}`, /s3cret/);
		}
		const login = await failure(url.replace("//", "//me:s3cret@"));
		assert.doesNotMatch(`${login.message} ${login.why}`, /s3cret/);
		assert.equal(seen.at(-1)?.headers.authorization, `Basic ${Buffer.from("me:s3cret").toString("base64")}`);
	});

	test("redirects are followed on the same host only", async () => {
		const elsewhere = await serve((_, response) => void response.end(page));
		const { url } = await serve((request, response) => {
			if (request.url === "/here") return void response.end(page);
			const to: Record<string, string> = {
				"/away": `http://localhost:${new URL(elsewhere.url).port}/`,
				"/port": elsewhere.url,
				"/near": "/here",
				"/loop": "/loop",
				"/odd": "http://[",
				"/file": "file:///etc/passwd",
			};
			response.writeHead(302, { location: to[request.url ?? ""] ?? "/away" }).end();
		});
		assert.equal((await memstats(`${url}/near`)).Sys, 8192);
		for (const [path, why] of [
			["/away", /another host/],
			["/port", /another port/],
			["/loop", /more than 5/],
			["/odd", /no address/],
			["/file", /another host|file:/],
		] as const) {
			assert.match((await failure(url + path)).why ?? "", why, path);
		}
		assert.equal(elsewhere.seen.length, 0);
	});

	test("time and size are bounded", async () => {
		const { url } = await serve((request, response) => {
			if (request.url === "/never") return;
			response.write("{");
			if (request.url === "/drip") return;
			const more = () => {
				while (response.write("x".repeat(65536)));
				response.once("drain", more);
			};
			more();
		});
		for (const path of ["/never", "/drip"]) {
			const started = performance.now();
			assert.match((await failure(url + path, { timeout: "300ms" })).why ?? "", /within 0.3 s/);
			assert.ok(performance.now() - started < 30_000);
		}
		const address = parseHttpAddress(`${url}/flood`);
		assert.ok(address !== undefined);
		const answer = await httpGet(address, options);
		assert.ok(isUnavailable(answer) && /larger than 1 MiB/.test(answer.unavailable));
	});

	test("what is no MemStats, or nobody, is said with what would help", async () => {
		const { url } = await serve((request, response) => {
			response.statusCode = request.url === "/page" ? 200 : 404;
			response.end(request.url === "/page" ? "<html>hello" : "");
		});
		assert.match((await failure(`${url}/page`)).why ?? "", /holds no MemStats/);
		const none = await failure(url);
		assert.match(none.why ?? "", /\/debug\/vars answers 404; \/debug\/pprof\/heap answers 404; \/metrics answers 404/);
		assert.match(none.hint ?? "", /expvar/);
		assert.equal((await failure("http://127.0.0.1:1")).code, "url-unreachable");
		assert.equal((await failure("unix:/nonexistent.sock")).code, "url-unreachable");
		assert.match((await failure("http://gomem.invalid/debug/vars")).why ?? "", /no such host|could not be looked up/);
		const wrong = await failure(url.replace("http:", "https:"));
		assert.equal(wrong.code, "url-unreachable");
	});

	test("a page of several processes is not guessed at; damaged pages are errors, not bugs", async () => {
		let body = 'go_memstats_sys_bytes{pod="a"} 1\ngo_memstats_sys_bytes{pod="b"} 2\n';
		const { url } = await serve((_, response) => void response.end(body));
		assert.equal((await failure(`${url}/federate`)).code, "target-ambiguous");
		for (body of [
			'{"memstats": {"HeapSys": -1, "BySize": []}}',
			'{"HeapSys": 1, "BySize": [',
			"heap profile: 0: 0\n# runtime.MemStats\n# Alloc = x\n",
			'go_memstats_sys_bytes{pod="a 1\n',
		]) {
			assert.equal((await failure(`${url}/page`)).code, "url-without-memstats", body);
		}
	});

	test("addresses", () => {
		const shown = (text: string) => {
			const address = parseHttpAddress(text);
			return address === undefined ? undefined : shownAddress(address);
		};
		assert.equal(shown("http://u:p@h:1/x?debug=1&token=t"), "http://h:1/x?debug=1&token=…");
		assert.equal(shown("unix:///run/a.sock"), "unix:/run/a.sock");
		assert.equal(shown("unix:/run/a.sock:/debug/vars"), "unix:/run/a.sock:/debug/vars");
		assert.equal(shown("unix:run/a.sock"), "unix:run/a.sock");
		for (const bad of ["ftp://h/", "http://", "unix:", "unix://host/a", "h:80"])
			assert.equal(shown(bad), undefined, bad);
	});
});
