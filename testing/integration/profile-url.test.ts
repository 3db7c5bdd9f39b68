import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { GomemError } from "../../src/api/errors.ts";
import type { ProfileTopResult } from "../../src/api/profile-top.ts";
import { inflate } from "../../src/capture/inflate.ts";
import { readProfile } from "../../src/formats/pprof/read.ts";
import { whyNoPprof } from "../pprof-corpus.ts";
import { toolchain } from "../subjects.ts";
import { gomemProfile } from "./profile-commands.ts";

// Profiles of a real Go server, by URL and by pid, with credentials, TLS and redirects.

const skip = await whyNoPprof();
const folder = mkdtempSync(join(tmpdir(), "gomem-profile-url-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Places {
	readonly plain: string;
	readonly tls: string;
	readonly mutual: string;
	readonly socket: string;
}

describe("a server of net/http/pprof", { skip }, () => {
	let server: ChildProcess | undefined;
	let at: Places;

	before(async () => {
		const { go, env } = await toolchain();
		const program = join(folder, "server");
		const source = join(import.meta.dirname, "testdata/profile-server");
		await promisify(execFile)(go, ["build", "-o", program, "."], { cwd: source, env: { ...env, CGO_ENABLED: "0" } });
		server = spawn(program, [folder], {
			stdio: ["pipe", "pipe", "ignore"],
			// what it allocates is seen after collections: on a busy machine there have to be some within 2 s, too
			env: { PATH: process.env["PATH"], GOGC: "10" },
		});
		const { stdout } = server;
		assert.ok(stdout !== null);
		const [line] = (await once(createInterface({ input: stdout }), "line")) as [string];
		at = JSON.parse(line) as Places;
		writeFileSync(join(folder, "token"), "t0ken\n");
		writeFileSync(join(folder, "password"), "s3cret\n");
	});
	after(() => server?.kill("SIGKILL"));

	const top = async (words: readonly string[]) => {
		const { document, warnings } = await gomemProfile(["top", ...words]);
		return { ...(document as unknown as ProfileTopResult), warnings };
	};
	const holds = (result: ProfileTopResult) => {
		const row = result.rows.find((one) => one.function === "main.hold");
		assert.ok(row !== undefined, JSON.stringify(result.rows.slice(0, 3)));
		// samples are estimates: 64 MiB are held in pieces of 1 MiB
		assert.ok(Math.abs(Number(row.flat) / 2 ** 26 - 1) < 0.5, `${row.flat} bytes`);
	};
	const fails = (words: readonly string[], code: string, says: RegExp) =>
		assert.rejects(top(words), (error) => {
			assert.ok(error instanceof GomemError, String(error));
			assert.equal(error.code, code, error.message);
			assert.match([error.message, error.why, error.hint].join("\n"), says);
			return true;
		});

	test("the standard pages are found where the URL has no path", async () => {
		const url = `http://${at.plain}`;
		for (const source of [
			url,
			`${url}/`,
			`${url}/debug/pprof`,
			`${url}/debug/pprof/`,
			`${url}/debug/pprof/heap`,
			at.plain,
		]) {
			const result = await top([source]);
			assert.equal(result.sampleType, "inuse_space");
			assert.equal(result.sources[0]?.name, `${url}/debug/pprof/heap`);
			holds(result);
		}
		assert.equal((await top([url, "--type", "allocs"])).sampleType, "alloc_space");
		const goroutines = await top([url, "--type=goroutine"]);
		assert.equal(goroutines.sampleType, "goroutine");
		assert.ok(Number(goroutines.total) > 5);
		holds(await top([`${url}/debug/pprof/heap?debug=1`]));
		assert.ok(Number((await top([`${url}/debug/pprof/goroutine?debug=2`])).total) > 5);
		holds(await top([`unix:${at.socket}`]));
		holds(await top([`unix:${at.socket}:/debug/pprof/heap`, "--gc"]));
	});

	test("--seconds: what came about meanwhile, also of a program that does not know it; CPU", async () => {
		const url = `http://${at.plain}`;
		for (const source of [`${url}/debug/pprof/allocs`, `${url}/old/heap`]) {
			const result = await top([source, "--seconds=2", "--alloc_space", "--no-trim"]);
			const row = result.rows.find((one) => one.function === "main.hold");
			assert.ok(row !== undefined && Number(row.flat) > 2 ** 20, `${source}: ${row?.flat}`);
			// a megabyte every 5 ms at most, on a sampled estimate
			assert.ok(Number(row.flat) < 2 ** 20 * 200 * 60, `${source}: ${row.flat} in 2 s`);
			assert.match(result.sources[0]?.how ?? "", source.includes("old") ? /two GETs 2 s apart/ : /one GET, over 2 s/);
		}
		const begun = performance.now();
		const cpu = await top([url, "--type=cpu", "--seconds=2"]);
		const tookMs = performance.now() - begun;
		assert.equal(cpu.unit, "nanoseconds");
		assert.ok(
			cpu.rows.some((row) => row.function.startsWith("main.main.func")),
			JSON.stringify(cpu.rows.slice(0, 3)),
		);
		const durationMs = cpu.durationMs ?? 0;
		assert.ok(durationMs > 1000 && durationMs <= tookMs + 1, `${durationMs} ms, asked for within ${tookMs} ms`);
	});

	test("credentials: header, bearer, basic", async () => {
		const basic = `http://${at.plain}/basic/debug/pprof/heap`;
		const bearer = `http://${at.plain}/bearer/debug/pprof/`;
		await fails([basic], "url-denied", /answers 401.*\n[\s\S]*--user/);
		await fails([bearer], "url-denied", /answers 403/);
		holds(await top([basic, "--user=ann", `--password-file=${join(folder, "password")}`]));
		holds(await top([basic.replace("http://", "http://ann:s3cret@")]));
		process.env["GOMEM_PASSWORD"] = "s3cret";
		holds(await top([basic, "--user=ann"]));
		process.env["GOMEM_PASSWORD"] = "wrong";
		await fails([basic, "--user=ann"], "url-denied", /401/);
		delete process.env["GOMEM_PASSWORD"];
		await fails([basic, "--user=ann"], "invalid-input", /GOMEM_PASSWORD/);
		holds(await top([bearer, `--bearer-file=${join(folder, "token")}`]));
		holds(await top([bearer, "--header=Authorization: Bearer t0ken"]));
		const { sources } = await top([basic.replace("http://", "http://ann:s3cret@")]);
		assert.doesNotMatch(JSON.stringify(sources), /s3cret/);
		await fails([bearer, "--header=no header"], "invalid-input", /--header is no header/);
		await fails([bearer, "--bearer-file=/nonexistent"], "invalid-input", /cannot be read \(ENOENT\)/);
	});

	test("TLS: an authority of one's own, client certificates, and none checked where one says so", async () => {
		const url = `https://${at.tls}`;
		const ca = `--ca=${join(folder, "ca.pem")}`;
		await fails([url], "url-unreachable", /certificate is not trusted/);
		holds(await top([url, ca]));
		const insecure = await top([url.replace("https:", "https+insecure:")]);
		holds(insecure);
		assert.match(insecure.warnings.join(), /certificate of 127\.0\.0\.1:\d+ is not checked/);
		const mutual = `https://${at.mutual}`;
		await fails([mutual, ca], "url-unreachable", /./);
		const own = [`--cert=${join(folder, "client.pem")}`, `--key=${join(folder, "client-key.pem")}`];
		holds(await top([mutual, ca, ...own]));
		await fails([mutual, ca, own[0] ?? ""], "invalid-input", /--cert and --key/);
		await fails([`http://${at.tls}`], "url-without-profile", /answers 400/);
	});

	test("redirects: on the host, to others only where asked, and without the credentials", async () => {
		holds(await top([`http://${at.plain}/near/x`]));
		await fails([`http://${at.plain}/far/x`], "url-unreachable", /another port.*not followed[\s\S]*--follow/);
		const secrets = ["--header=X-Secret: 1", `--bearer-file=${join(folder, "token")}`, "--follow"];
		const followed = await top([`http://${at.plain}/far/x`, ...secrets]);
		holds(followed);
		assert.match(followed.sources[0]?.name ?? "", /\/tells$/);
		await fails([`http://${at.plain}/loop/x`, "--follow"], "url-unreachable", /more than 5 redirects/);
	});

	test("what is no profile is told", async () => {
		await fails([`http://${at.plain}/nope`], "url-without-profile", /answers 404[\s\S]*gomem profile top PID/);
		await fails([`http://${at.plain}/login`], "url-without-profile", /is an HTML page/);
		await fails([`http://${at.plain}/nothing`], "url-without-profile", /answers with nothing/);
		await fails([`http://${at.plain}/debug/pprof/cmdline2`], "url-without-profile", /answers 404: /);
		await fails(["http://127.0.0.1:1/"], "url-unreachable", /nothing listens there/);
		await fails([`http://${at.plain}/debug/pprof/heap`, "--type=mutex"], "invalid-input", /names the heap profile/);
		await fails([`http://${at.plain}`, "--type=goroutine", "--gc"], "invalid-input", /heap profile only/);
		// who never answers
		const silent = createServer().listen(0, "127.0.0.1");
		try {
			await once(silent, "listening");
			const { port } = silent.address() as AddressInfo;
			const url = `http://127.0.0.1:${port}/debug/pprof/allocs`;
			await fails([url, "--timeout=50ms"], "url-unreachable", /no whole answer/);
		} finally {
			silent.close();
		}
	});

	test("a pid: read from outside, and beside it what the process says itself", async () => {
		const pid = String(server?.pid);
		const outside = await top([pid]);
		assert.equal(outside.sources[0]?.kind, "process");
		assert.equal(outside.comparison, undefined);
		holds(outside);
		const both = await top([pid, "--endpoint"]);
		holds(both);
		assert.match(both.comparison?.endpoint ?? "", /^http:\/\/127\.0\.0\.1:\d+\/debug\/pprof\/heap$/);
		assert.ok((both.comparison?.stacks.same ?? 0) > 0);
		assert.deepEqual(
			both.comparison?.totals.map((one) => one.type),
			["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"],
		);
		const named = await top([pid, `--endpoint=http://${at.plain}`]);
		assert.equal(named.comparison?.endpoint, `http://${at.plain}/debug/pprof/heap`);
		const goroutines = await top([pid, "--type=goroutine", "--endpoint"]);
		assert.equal(goroutines.sampleType, "goroutine");
		assert.ok((goroutines.comparison?.stacks.same ?? 0) >= 3, JSON.stringify(goroutines.comparison?.stacks));
		await fails([pid, "--type=cpu"], "profile-unavailable", /--endpoint asks the process itself/);
		const cpu = await top([pid, "--type=cpu", "--endpoint", "--seconds=1"]);
		assert.equal(cpu.unit, "nanoseconds");
		await fails([at.plain, "--endpoint"], "invalid-input", /--endpoint is for a process/);
		await fails([pid, "--gc"], "invalid-input", /--gc needs a URL/);
	});

	test("proto of a pid is a profile that pprof opens", async () => {
		const { bytes } = await gomemProfile(["proto", String(server?.pid)]);
		const file = join(folder, "pid.pb.gz");
		writeFileSync(file, bytes ?? "");
		const { stdout } = await promisify(execFile)("go", ["tool", "pprof", "-top", file]);
		assert.match(stdout, /main\.hold/);
		// as net/http/pprof has it: heap names no default, allocs does
		const allocs = await gomemProfile(["proto", String(server?.pid), "--type=allocs"]);
		const defaults = [bytes, allocs.bytes].map((one) => readProfile(one ?? new Uint8Array(), { inflate }).profile);
		assert.deepEqual(
			defaults.map((profile) => profile.defaultSampleType),
			["", "alloc_space"],
		);
	});

	test("slope of a live process", async () => {
		const { document } = await gomemProfile(["slope", String(server?.pid), "--every=300ms", "--for=2s"]);
		assert.equal(document["readings"], 7);
		const whole = document["whole"] as { verdict: string; allocated?: { perHour: number } };
		assert.ok((whole.allocated?.perHour ?? 0) > 0);
		assert.notEqual(whole.verdict, "undecided");
	});
});
