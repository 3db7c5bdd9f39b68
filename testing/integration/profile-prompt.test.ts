import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runtimeProfiles, whyNoPprof } from "../pprof-corpus.ts";
import { until } from "../settled.ts";
import { pprofText } from "./profile-commands.ts";

// The prompt and the page of `gomem profile` without a verb, as processes of their own.

const skip = await whyNoPprof();
const gomem = join(import.meta.dirname, "../../bin/gomem");
const folder = mkdtempSync(join(tmpdir(), "gomem-profile-prompt-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const env = { PATH: process.env["PATH"], HOME: folder, TZ: "UTC", TERM: "xterm" };

let heap = "";
before(async () => {
	if (skip === false) heap = join(await runtimeProfiles(), "heap.pb.gz");
});

interface Ended {
	readonly code: number | null;
	readonly out: string;
	readonly err: string;
}

function gather(child: ChildProcessWithoutNullStreams): { out: string; err: string } {
	const told = { out: "", err: "" };
	child.stdout.setEncoding("utf8").on("data", (text: string) => (told.out += text));
	child.stderr.setEncoding("utf8").on("data", (text: string) => (told.err += text));
	return told;
}

async function script(lines: readonly string[], args: readonly string[] = []): Promise<Ended> {
	const child = spawn(gomem, ["profile", heap, ...args], { cwd: folder, env });
	const told = gather(child);
	child.stdin.end(`${lines.join("\n")}\n`);
	const [code] = (await once(child, "close")) as [number | null];
	return { code, ...told };
}

describe("the prompt under a script", { skip }, () => {
	test("its commands give what pprof's give, and a failing one is the exit code", async () => {
		const pprof = async (...words: string[]) => pprofText([...words, "-compact_labels", heap]);
		const { code, out, err } = await script([
			"style=pprof",
			"top3",
			"alloc_space",
			"top 2 -cum",
			"inuse_space",
			"focus=main.leaf",
			"tree",
			":",
			"peek small",
			"nonsense",
			"quit",
			"top1",
		]);
		const parts = [
			await pprof("-top", "-nodecount=3", "-inuse_space"),
			await pprof("-top", "-nodecount=2", "-cum", "-alloc_space"),
			await pprof("-tree", "-focus=main.leaf", "-inuse_space"),
			await pprof("-peek=small", "-inuse_space"),
		];
		assert.equal(out, parts.join(""));
		assert.equal(err, 'unrecognized command: "nonsense" (help lists them)\n');
		assert.equal(code, 2);
	});

	test("options, help, files", async () => {
		const { code, out } = await script([
			"nodecount=7",
			"options",
			"help",
			"help focus",
			"proto > kept.pb.gz",
			"top > top.txt",
			"callgrind",
			"callgrind",
		]);
		assert.equal(code, 0);
		assert.match(out, /^ {2}nodecount +=\s7/m);
		assert.match(out, /^ {2}sample_index .*\[alloc_objects \| alloc_space \| inuse_objects \| inuse_space\]$/m);
		assert.match(out, /q\/quit/);
		assert.equal(await pprofText(["-raw", join(folder, "kept.pb.gz")]), await pprofText(["-raw", heap]));
		assert.match(readFileSync(join(folder, "top.txt"), "utf8"), /main\.leaf/);
		// without a name, and not over one that is there
		assert.ok(existsSync(join(folder, "heap.callgrind.out")) && existsSync(join(folder, "heap-1.callgrind.out")));
	});

	test("output=FILE sends every report there, as pprof has it, until there is none", async () => {
		const { code, out } = await script([
			"output=sent.txt",
			"top1",
			"style=pprof",
			"top2",
			"o",
			"output=-",
			"top3",
			"output=",
			"top1",
			"output=sent.pb.gz",
			"proto",
		]);
		assert.equal(code, 0);
		assert.match(out, /^wrote sent\.txt\nwrote sent\.txt\n/);
		assert.match(out, /\n {2}output +=\ssent\.txt +\n/);
		const pprof = (rows: number) => pprofText(["-top", `-nodecount=${rows}`, "-compact_labels", heap]);
		assert.equal(readFileSync(join(folder, "sent.txt"), "utf8"), await pprof(2));
		assert.ok(out.includes((await pprof(3)) + (await pprof(1))));
		assert.equal(await pprofText(["-raw", join(folder, "sent.pb.gz")]), await pprofText(["-raw", heap]));
	});

	test("what it says can be typed, and what goes to a file is not cut", async () => {
		const { code, out, err } = await script([
			"help nosuch",
			"help fokus",
			"top2",
			"traces > no/such/folder",
			"top > t",
		]);
		assert.equal(code, 2);
		assert.match(out, /more with nodecount=0 · .*\(trim=false\)/);
		assert.doesNotMatch(out, /Commands:/);
		const [nosuch, fokus, unwritable] = err.split("\n");
		assert.equal(nosuch, "nothing is called nosuch: help lists what there is");
		assert.equal(fokus, "nothing is called fokus: did you mean focus?");
		assert.match(unwritable ?? "", /cannot be written.*: name another file with > FILE$/);
		assert.doesNotMatch(readFileSync(join(folder, "t"), "utf8"), /…/);
	});

	test("a verb that does not exist is no process", async () => {
		for (const words of [["tpo", heap], ["tpo"], ["topp5", heap]]) {
			const { status, stderr } = spawnSync(gomem, ["profile", ...words], { env, input: "", encoding: "utf8" });
			assert.equal(status, 2, words.join(" "));
			assert.match(stderr, /has no verb .*\n.*did you mean gomem profile top5?\?/);
		}
		// what is not near a verb may be a process that is not there
		const other = spawnSync(gomem, ["profile", "no-such-thing", heap], { env, input: "", encoding: "utf8" });
		assert.equal(other.status, 0, "the other source is there");
		assert.match(other.stderr, /left out: there is no file no-such-thing/);
	});
});

describe("the prompt on a terminal", { skip: skip || lacksScript() }, () => {
	test("greets, completes, keeps a history", async (t) => {
		// in a session of its own: script ends its process group with it
		const child = spawn("script", ["-qfec", `${gomem} profile ${heap}`, "/dev/null"], {
			cwd: folder,
			env,
			detached: true,
		});
		const told = gather(child);
		t.after(() => child.kill("SIGKILL"));
		/** Types, and waits until what comes of it is shown. */
		const typed = async (keys: string, pattern: RegExp) => {
			const before = told.out.length;
			child.stdin.write(keys);
			await until(
				() => `${pattern} comes after ${JSON.stringify(keys)}, in ${JSON.stringify(told.out.slice(before))}`,
				() => pattern.test(told.out.slice(before)),
			);
		};
		await typed("", /Type: inuse_space[\s\S]*\(gomem\) /);
		await typed("sample_i\t", /sample_index=/);
		await typed("alloc_s\t", /alloc_space/);
		await typed("\r", /\(gomem\) /);
		await typed("top2 allocate.f\t", /main\.allocate\.func1/);
		await typed("\r", /alloc_space[^\n]*\n[\s\S]*in 2 rows[\s\S]*\(gomem\) /);
		await typed("\x1b[A", /top2 main\.allocate\.func1/);
		child.stdin.write("\x15quit\r");
		const [code] = (await once(child, "close")) as [number];
		assert.equal(code, 0);
		const history = join(folder, ".local/state/gomem/profile-history");
		assert.deepEqual(readFileSync(history, "utf8").trim().split("\n"), [
			"sample_index=alloc_space",
			"top2 main.allocate.func1",
			"quit",
		]);
		assert.equal(statSync(history).mode & 0o777, 0o600);
	});
});

describe("-http", { skip }, () => {
	test("serves the page on loopback, to its own name only, until it is stopped", async () => {
		const child = spawn(gomem, ["profile", "-http=:", "-no_browser", heap], { cwd: folder, env });
		const told = gather(child);
		try {
			await until(
				() => `it serves: ${JSON.stringify(told)}`,
				() => /Serving on \S+ /.test(told.out),
			);
			const url = new URL(/Serving on (\S+)/.exec(told.out)?.[1] ?? "");
			assert.equal(url.hostname, "127.0.0.1");
			const page = await fetch(url);
			assert.equal(page.status, 200);
			assert.match(await page.text(), /Content-Security-Policy[\s\S]*default-src 'none'/);
			assert.equal(page.headers.get("x-content-type-options"), "nosniff");
			const flame = await fetch(new URL("/ui/flamegraph?si=alloc_space&f=leaf", url));
			assert.equal(flame.headers.get("content-type"), "text/html; charset=utf-8");
			const download = await fetch(new URL("/download", url));
			assert.match(download.headers.get("content-disposition") ?? "", /attachment; filename="heap\.pb\.gz"/);
			const bytes = new Uint8Array(await download.arrayBuffer());
			assert.deepEqual([...bytes.subarray(0, 2)], [0x1f, 0x8b]);
			assert.equal((await fetch(new URL("/nope", url))).status, 404);
			assert.equal((await fetch(url, { method: "POST" })).status, 405);
			assert.equal((await fetch(new URL("/?focus=(", url))).status, 400);
			assert.equal((await fetch(new URL("/?nodecount=x", url))).status, 400);
			const statuses = await Promise.all(
				["evil.example", `evil.example:${url.port}`, "localhost", `127.0.0.1:${url.port}`, "[::1]"].map((host) =>
					statusOf(url, host),
				),
			);
			assert.deepEqual(statuses, [421, 421, 200, 200, 200]);
		} finally {
			child.kill("SIGINT");
		}
		const [code] = (await once(child, "close")) as [number | null];
		assert.equal(code, 0);
		assert.equal(told.err, "");
	});

	test("on all addresses says so", async () => {
		const child = spawn(gomem, ["profile", "-http=0.0.0.0:", "-no_browser", heap], { cwd: folder, env });
		const told = gather(child);
		try {
			await until(
				() => `it serves, with a warning: ${JSON.stringify(told)}`,
				() => /Serving on \S+ /.test(told.out) && told.err !== "",
			);
			assert.match(told.out, /^Serving on http:\/\/0\.0\.0\.0:\d+\/ /);
			assert.match(told.err, /^gomem: warning: everyone who reaches this host can see the profile/);
		} finally {
			child.kill("SIGINT");
		}
		await once(child, "close");
	});

	test("a port that is taken, and a word that is no address", () => {
		const wrong = spawnSync(gomem, ["profile", "-http=:99999", heap], { env, encoding: "utf8" });
		assert.equal(wrong.status, 2);
		assert.match(wrong.stderr, /--http cannot be ":99999"/);
		const both = spawnSync(gomem, ["profile", "-http=:", "-top", heap], { env, encoding: "utf8" });
		assert.equal(both.status, 2);
		assert.match(both.stderr, /-http serves the interactive page, and takes no verb such as top/);
	});
});

test("bytes that go into a pipe are told to be there", { skip }, () => {
	const piped = join(folder, "piped");
	mkdirSync(piped);
	for (const verb of ["proto", "topproto", "flame", "speedscope", "callgrind", "png", "html"]) {
		const { stdout, stderr, status } = spawnSync(gomem, ["profile", verb, heap], { env, cwd: piped });
		assert.equal(status, 0, verb);
		assert.ok(stdout.length > 0, verb);
		assert.match(stderr.toString(), /\n\nstandard output/, verb);
		assert.doesNotMatch(stderr.toString(), /owner only|Next/, verb);
	}
	assert.deepEqual(readdirSync(piped), []);
});

function statusOf(url: URL, host: string): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		const asked = request(url, { headers: { host }, method: "HEAD" }, (response) => {
			response.resume();
			resolve(response.statusCode);
		});
		asked.on("error", reject).end();
	});
}

function lacksScript(): string | false {
	return spawnSync("script", ["--version"]).status === 0 ? false : "script(1) is not here";
}
