import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { observe } from "../../src/api/observe.ts";
import { explain, operation } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { type Observation, ObservedProcess } from "../../src/capture/process.ts";
import { buildGo } from "../../src/formats/elf/testdata/go-binary.ts";
import type { LedgerPoint } from "../../src/ledger/growth.ts";
import { documentOf, run } from "../operations.ts";
import { halted, lookStill } from "../settled.ts";
import { smapsSum } from "../subject-proc.ts";
import {
	type BuildMode,
	buildSubject,
	type RunningSubject,
	type SubjectHolds,
	type SubjectMemStats,
	skipReason,
	startSubject,
} from "../subjects.ts";
import { assertBalanced, expectations, lineBytes } from "./why-truth.ts";

const exec = promisify(execFile);
const launcher = join(import.meta.dirname, "../../bin/gomem");
const WITH_C = new Set(["cheap", "threadstacks"]);

/** Reads a subject once, in this process, and explains it; growth is since `earlier`. */
async function look(
	pid: number,
	{ pauseMs, earlier = [] }: { readonly pauseMs?: number; readonly earlier?: readonly LedgerPoint[] } = {},
): Promise<{ observation: Observation; why: WhyResult }> {
	const observed = await ObservedProcess.open(pid, { pauseMs });
	assert.ok(observed instanceof ObservedProcess, "the process can be opened");
	try {
		const observation = await observed.read();
		return { observation, why: explain(String(pid), observation, earlier) };
	} finally {
		observed.close();
	}
}

interface Stopped {
	readonly observation: Observation;
	readonly why: WhyResult;
	readonly truth: SubjectMemStats;
}

/** The subject stands still while it is read, from where it read its own MemStats. */
async function lookStopped(subject: RunningSubject): Promise<Stopped> {
	const { seen, truth } = await lookStill(subject, () => look(subject.pid));
	return { ...seen, truth };
}

/** Every field of MemStats is equal. */
function assertMemStats(observation: Observation, truth: SubjectMemStats): void {
	const ours = observation.runtime?.counters.memStats;
	assert.ok(ours !== undefined, "the runtime was read");
	const plain = (value: unknown) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v));
	for (const field of Object.keys(truth) as (keyof SubjectMemStats)[])
		assert.equal(plain(ours[field]), plain(truth[field]), `MemStats.${field}`);
}

describe("why: the line and the verdict that each subject is made for", () => {
	for (const [name, { code, check }] of Object.entries(expectations)) {
		const mode: BuildMode = WITH_C.has(name) ? "cgo" : "plain";
		test(name, async (t) => {
			const skip = await skipReason(name, { mode });
			if (skip !== false) return t.skip(skip);
			await using subject = await startSubject(name, { mode });
			if (subject.holds["unsupported"] !== undefined) return t.skip(String(subject.holds["unsupported"]));
			const { observation, why, truth } = await lookStopped(subject);
			assertBalanced(why);
			assert.equal(why.verdict.code, code, why.verdict.sentence);
			assert.ok(
				Math.abs(why.residualBytes) <= why.rssBytes * 0.005,
				`residual ${why.residualBytes} of ${why.rssBytes}`,
			);
			check(why, subject.holds);
			assertMemStats(observation, truth);
		});
	}
});

/** Nightly runs name more by GOMEM_TEST_GO. */
const releases = process.env["GOMEM_TEST_GO"]?.split(",") ?? ["1.24.13", "1.25.9", "1.27.3"];
const modes: readonly BuildMode[] = ["plain", "stripped", "stripped-pie", "cgo", "cgo-static", "nobuildinfo"];

describe("why: Go releases and link modes", () => {
	for (const go of releases) {
		for (const mode of modes) {
			test(`go${go} ${mode}`, async (t) => {
				const skip = await skipReason("mixed", { go, mode });
				if (skip !== false) return t.skip(skip);
				for (const name of ["mixed", "fragmentation"]) {
					await using subject = await startSubject(name, { go, mode });
					const { observation, why, truth } = await lookStopped(subject);
					assertBalanced(why);
					assert.equal(why.verdict.code, expectations[name]?.code, `${name}: ${why.verdict.sentence}`);
					assert.ok(
						Math.abs(why.residualBytes) <= why.rssBytes * 0.005,
						`${name}: residual ${why.residualBytes} of ${why.rssBytes}`,
					);
					assertMemStats(observation, truth);
				}
			});
		}
	}
});

test("why: a busy process that nobody stops keeps its residual below 1 % in nine readings of ten", async () => {
	await using subject = await startSubject("churn");
	const { Mallocs } = await subject.memstats();
	let good = 0;
	const residuals: number[] = [];
	for (let i = 0; i < 10; i++) {
		const { why } = await look(subject.pid);
		assertBalanced(why);
		residuals.push(why.residualBytes / why.rssBytes);
		if (Math.abs(why.residualBytes) <= why.rssBytes * 0.01) good++;
	}
	assert.ok(good >= 9, `residuals ${residuals.map((r) => r.toFixed(4)).join(" ")}`);
	assert.ok((await subject.memstats()).Mallocs > Mallocs, "it allocated meanwhile");
});

test("why: --pause reads a busy process exactly and lets it run on", async () => {
	await using subject = await startSubject("churn");
	const { why } = await look(subject.pid, { pauseMs: 60_000 });
	assertBalanced(why);
	assert.ok(why.blur.paused && why.cost.pausedMs > 0);
	// the stop may hit the middle of an allocation: one span is then counted here and not yet there
	assert.ok(why.blur.heapBytes <= 2 ** 20, `nothing moved: ${why.blur.heapBytes}`);
	assert.ok(Math.abs(why.residualBytes) <= why.rssBytes * 0.005);
	const before = await subject.memstats();
	let after = before;
	for (let i = 0; i < 100 && after.Mallocs === before.Mallocs; i++) {
		await sleep(100);
		after = await subject.memstats();
	}
	assert.ok(after.Mallocs > before.Mallocs, "it allocates again");
});

test("why: reading adds nothing to the target's memory", async () => {
	await using subject = await startSubject("livemap");
	await subject.stop();
	const sum = (field: string) => smapsSum(subject.pid, field);
	const sums = () => ({ huge: sum("AnonHugePages"), rss: sum("Rss"), swap: sum("Swap") });
	let [before, after] = [sums(), sums()];
	for (let tries = 20; tries > 0; tries--) {
		before = sums();
		await look(subject.pid);
		after = sums();
		// the kernel's own khugepaged may join pages meanwhile, which adds to Rss: then once more
		if (before.huge === after.huge) break;
	}
	await subject.resume();
	assert.equal(after.huge, before.huge);
	// what it takes away under pressure is no addition
	assert.ok(after.rss <= before.rss, `${before.rss} resident, then ${after.rss}`);
	assert.ok(after.rss + after.swap <= before.rss + before.swap, `${before.swap} in swap, then ${after.swap}`);
});

test("why: readings in a row name what grows", async () => {
	await using subject = await startSubject("slowleak", { args: ["-rate", "16777216"] });
	const leaked = async () => Number(((await subject.ask("holds")) as SubjectHolds)["leakedBytes"]);
	const outcome = await run(operation, { target: String(subject.pid), every: "300ms" });
	if (outcome.kind !== "documents") return assert.fail();
	let last: WhyResult | undefined;
	const held: number[] = [];
	for await (const document of outcome.documents) {
		last = document as unknown as WhyResult;
		// leaked between the first reading and this one, at the least
		if (held.length >= 4 && (held.at(-1) ?? 0) - (held[0] ?? 0) >= 40 * 2 ** 20) break;
		held.push(await leaked());
	}
	assert.ok(last !== undefined);
	assert.ok(["live-heap", "garbage"].includes(last.verdict.code), last.verdict.sentence);
	assert.match(last.verdict.sentence, /^Growth/);
	assert.ok((last.growth?.rssBytes ?? 0) > 24 * 2 ** 20);
});

test("why: what a large heap left behind is the runtime's own", async () => {
	await using subject = await startSubject("released", { args: ["-mib", "512"] });
	const { why } = await lookStopped(subject);
	assertBalanced(why);
	assert.equal(why.verdict.code, "runtime", why.verdict.sentence);
	assert.ok(lineBytes(why, "runtime.metadata.spans") > lineBytes(why, "binary.text"));
});

describe("why: what grows decides, whatever is large", () => {
	const growing: readonly [string, string, string[]][] = [
		["anonmap", "anon-map", []],
		["cheap", "c-memory", []],
		["garbage", "garbage", []],
		["livemap", "live-heap", ["gc"]],
		["nestedjson", "live-heap", ["gc"]],
	];
	for (const [name, code, then] of growing) {
		const mode: BuildMode = WITH_C.has(name) ? "cgo" : "plain";
		test(name, async (t) => {
			const skip = await skipReason(name, { mode });
			if (skip !== false) return t.skip(skip);
			await using subject = await startSubject(name, { mode });
			const first = await look(subject.pid);
			await subject.ask("grow 48");
			for (const command of then) await subject.ask(command);
			const earlier = [{ at: first.observation.reading.at, ledger: first.why }];
			const { why } = await look(subject.pid, { earlier });
			assert.equal(why.verdict.code, code, why.verdict.sentence);
			assert.match(why.verdict.sentence, /^Growth is in /);
			assert.ok((why.growth?.rssBytes ?? 0) > 24 * 2 ** 20);
		});
	}
});

test("why: an earlier why --json serves as the baseline", async () => {
	await using subject = await startSubject("livemap", { args: ["-mib", "16"] });
	const first = await exec(launcher, ["why", String(subject.pid), "--json"]);
	const file = join(subject.folder, "first.json");
	await import("node:fs/promises").then((fs) => fs.writeFile(file, first.stdout));
	await subject.ask("grow 32");
	const why = (await documentOf(operation, { target: String(subject.pid), baseline: file })) as unknown as WhyResult;
	assert.ok((why.growth?.rssBytes ?? 0) > 24 * 2 ** 20);
	assert.match(why.verdict.sentence, /^Growth/);
	const heap = why.lines
		.filter((line) => line.id.startsWith("heap."))
		.reduce((n, line) => n + (line.growthBytes ?? 0), 0);
	assert.ok(heap > 24 * 2 ** 20, `heap lines grew by ${heap}`);
});

test("why: a user without rights over the process gets the operating system's half and the reason", async (t) => {
	if (process.getuid?.() !== 0) return t.skip("takes root to become another user");
	await using subject = await startSubject("livemap", { args: ["-mib", "16"] });
	const { stdout } = await exec("setpriv", [
		"--reuid",
		"65534",
		"--regid",
		"65534",
		"--clear-groups",
		launcher,
		"why",
		String(subject.pid),
		"--json",
	]);
	const why = JSON.parse(stdout) as WhyResult;
	assertBalanced(why);
	assert.ok(why.rssBytes > 16 * 2 ** 20);
	assert.ok(why.unavailable.length > 0 && why.unavailable.every((part) => part.why !== ""));
	assert.ok(
		why.unavailable.some((part) => /root|owner|user|ptrace/i.test(part.wouldHelp ?? "")),
		JSON.stringify(why.unavailable),
	);
	assert.equal(why.verdict.confidence, "low");
});

test("why: an unprivileged user reads a process of his own in full", async (t) => {
	if (process.getuid?.() !== 0) return t.skip("takes root to become another user");
	const via = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
	await using subject = await startSubject("livemap", { via });
	await subject.stop();
	const { stdout } = await exec("setpriv", [...via.slice(1), launcher, "why", String(subject.pid), "--json"]);
	const why = JSON.parse(stdout) as WhyResult;
	assertBalanced(why);
	assert.equal(why.verdict.code, "live-heap");
	assert.ok(lineBytes(why, "heap.live") > 64 * 2 ** 20);
	assert.ok(Math.abs(why.residualBytes) <= why.rssBytes * 0.005, `residual ${why.residualBytes}`);
});

describe("why: targets that are none", () => {
	const cases: readonly [string, string, RegExp][] = [
		["a pid that is free", "4194305", /no process 4194305/],
		["a name that nobody has", "no-such-process-here", /no process here is called/],
		["a program's file", process.execPath, /a program or a library, not a core/],
		["a file that is missing", "./missing.gomem", /cannot be read/],
	];
	for (const [what, target, message] of cases) {
		test(what, async () => {
			const failed = await exec(launcher, ["why", target, "--json"]).then(
				() => undefined,
				(error: { code: number; stdout: string }) => error,
			);
			assert.equal(failed?.code, 2);
			const { error } = JSON.parse(failed.stdout) as { error: { message: string; hint: string } };
			assert.match(error.message, message);
			assert.ok(error.hint.length > 0);
		});
	}

	test("a process that is not written in Go", async () => {
		const why = (await documentOf(operation, { target: String(process.pid) })) as unknown as WhyResult;
		assertBalanced(why);
		assert.equal(why.target.goVersion, undefined);
		assert.ok(why.unavailable.some((part) => part.part === "go program"));
	});
});

test("why: the process is named by its executable, its port and its pid alike", async () => {
	await using subject = await startSubject("livemap", { args: ["-mib", "8"] });
	const name = readFileSync(`/proc/${subject.pid}/comm`, "utf8").trimEnd();
	const byPid = (await documentOf(operation, { target: String(subject.pid) })) as unknown as WhyResult;
	assert.equal(byPid.target.name, name);
	assert.equal(byPid.target.pid, subject.pid);
});

test("why: gomem offers itself to the OOM killer before the process it reads", async () => {
	await using subject = await startSubject("livemap", { args: ["-mib", "8"] });
	const score = () => readFileSync(`/proc/${subject.pid}/oom_score_adj`, "utf8");
	const before = score();
	await look(subject.pid);
	assert.equal(readFileSync("/proc/self/oom_score_adj", "utf8").trim(), "1000");
	assert.equal(score(), before, "the target's own is not touched");
});

describe("why: where the executable is", () => {
	/** A subject copied to where it will be looked for, started by `via`. */
	async function lookAtCopy(
		start: (copy: string) => { command: string; args: string[] },
		before: (copy: string) => void,
	): Promise<WhyResult> {
		const folder = mkdtempSync(join(tmpdir(), "gomem-why-"));
		const copy = join(folder, "service");
		cpSync(await buildSubject("livemap", { mode: "stripped" }), copy);
		const { command, args } = start(copy);
		const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
		const ended = once(child, "exit");
		try {
			const [line] = (await once(child.stdout, "data")) as [Buffer];
			const { pid: inside } = JSON.parse(line.toString().split("\n")[0] ?? "") as { pid: number };
			before(copy);
			const pid = pidSeenHere(child.pid ?? 0, inside);
			await halted(pid);
			try {
				return (await look(pid)).why;
			} finally {
				process.kill(pid, "SIGCONT");
			}
		} finally {
			child.stdin.end();
			await ended;
			rmSync(folder, { recursive: true, force: true });
		}
	}

	/** The pid here of the process that calls itself `inside` in its own namespace: the child, or the last of its descendants. */
	function pidSeenHere(child: number, inside: number): number {
		if (child === inside) return child;
		const children = readFileSync(`/proc/${child}/task/${child}/children`, "utf8").trim().split(" ");
		return children[0] === undefined || children[0] === "" ? child : pidSeenHere(Number(children[0]), -1);
	}

	function assertLiveMap(why: WhyResult): void {
		assertBalanced(why);
		assert.equal(why.verdict.code, "live-heap", JSON.stringify(why.unavailable));
		assert.ok(Math.abs(why.residualBytes) <= why.rssBytes * 0.02);
	}

	test("deleted since", async () => {
		const why = await lookAtCopy(
			(copy) => ({ command: copy, args: [] }),
			(copy) => rmSync(copy),
		);
		assertLiveMap(why);
		assert.equal(why.target.exeDeleted, true);
	});

	test("in another mount and pid namespace", async (t) => {
		if (process.getuid?.() !== 0) return t.skip("takes root to make namespaces");
		const why = await lookAtCopy(
			(copy) => ({ command: "unshare", args: ["--mount", "--pid", "--fork", "--mount-proc", copy] }),
			() => {},
		);
		assertLiveMap(why);
	});
});

test("why: a process that executes another program is followed", async (t) => {
	const other = await buildSubject("livemap");
	const first = buildGo({ source: join(import.meta.dirname, "testdata/reexec.go"), toolchain: "go1.25.9" });
	if ("unavailable" in first) return t.skip(first.unavailable);
	const child = spawn(first.path, [other, "-mib", "16"], { stdio: ["pipe", "pipe", "inherit"] });
	try {
		await once(child.stdout, "data");
		using observed = await observe({ kind: "process", pid: child.pid ?? 0 });
		const before = await observed.next();
		assert.equal(before?.reading.program?.goVersion, "go1.25.9");
		assert.ok(before.runtime !== undefined);
		child.stdin.write("x\n");
		await once(child.stdout, "data");
		const after = await observed.next();
		assert.equal(after?.reading.program?.goVersion, "go1.26.8");
		assert.ok((after.runtime?.counters.memStats.HeapAlloc ?? 0) > 16 * 2 ** 20);
	} finally {
		child.kill("SIGKILL");
	}
});
