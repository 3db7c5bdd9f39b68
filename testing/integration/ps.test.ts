import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import {
	chmodSync,
	copyFileSync,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { operation, type PsResult } from "../../src/api/ps.ts";
import { ProcessTable } from "../../src/capture/ps.ts";
import { buildGo } from "../../src/formats/elf/testdata/go-binary.ts";
import { documentOf, run } from "../operations.ts";
import { assertBetween, parked, until } from "../settled.ts";
import { type BuildMode, buildSubject, type RunningSubject, skipReason, startSubject } from "../subjects.ts";

const exec = promisify(execFile);
const launcher = join(import.meta.dirname, "../../bin/gomem");
const isRoot = process.getuid?.() === 0;
const skip = await skipReason("goroutines");
/** Where another user can reach programs. */
const shared = mkdtempSync(join(tmpdir(), "gomem-ps-"));
chmodSync(shared, 0o755);
after(() => rmSync(shared, { recursive: true, force: true }));

const combinations: readonly { go: string; mode: BuildMode }[] = [
	{ go: "1.24.13", mode: "stripped" },
	{ go: "1.25.9", mode: "stripped-pie" },
	{ go: "1.26.8", mode: "plain" },
	{ go: "1.27.3", mode: "nobuildinfo" },
	{ go: "1.26.8", mode: "cgo" },
];
const builds = await Promise.all(
	combinations.map(async (build) => ({ ...build, skip: await skipReason("goroutines", build) })),
);

type Row = PsResult["processes"][number];

/** For one process, however busy the machine is. */
const TIMEOUT = "60s";

async function ps(input: Record<string, unknown> = {}): Promise<PsResult> {
	return (await documentOf(operation, { timeout: TIMEOUT, ...input })) as unknown as PsResult;
}

/** Alone, for the time: the machine may be full of Go programs. */
async function rowOf(pid: number): Promise<Row> {
	const name = readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
	const found = (await ps({ name })).processes.find((p) => p.pid === pid);
	assert.ok(found !== undefined, `process ${pid} is listed`);
	return found;
}

/** As one user sees the machine. */
async function psAs(uid: number): Promise<PsResult> {
	const identity = ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
	const command = [launcher, "ps", "--json", "--timeout", TIMEOUT];
	const { stdout } = await exec("setpriv", [...identity, ...command], { maxBuffer: 64 << 20, cwd: "/" });
	return JSON.parse(stdout) as PsResult;
}

/** A copy of a subject that other users may run. */
async function copyOf(name: string, as: string): Promise<string> {
	const path = join(shared, as);
	copyFileSync(await buildSubject(name), path);
	chmodSync(path, 0o755);
	return path;
}

const close = (a: number, b: number, by: number) => Math.abs(a - b) <= by;

describe("ps: a subject's row", { skip }, () => {
	for (const { go, mode, skip } of builds) {
		test(`${go} ${mode}`, { skip }, async () => {
			const env = { GOGC: "70", GOMEMLIMIT: "300MiB" };
			const began = performance.now();
			await using subject = await startSubject("goroutines", { go, mode, env, args: ["-n", "700", "-sockets", "5"] });
			await subject.ask("gc");
			const goroutines = await parked(subject);
			const resident = () => Number(readFileSync(`/proc/${subject.pid}/statm`, "utf8").split(" ")[1]) * 4096;
			const before = { ...(await subject.memstats()), resident: resident() };
			const row = await rowOf(subject.pid);
			const after = { resident: resident(), ...(await subject.memstats()) };
			assert.deepEqual(row.missing, []);
			assert.equal(row.goVersion, `go${go}`);
			assert.equal(row.ppid, process.pid);
			assert.equal(row.name, "goroutines");
			assert.equal(row.goroutines, goroutines.total);
			assert.equal(row.goroutinesFrom, "scheduler");
			assertBetween(row.numGC, [before.NumGC, after.NumGC], 0);
			assertBetween(row.heapAllocBytes, [before.HeapAlloc, after.HeapAlloc], 65536);
			assertBetween(row.nextGcBytes, [Number(before.NextGC), Number(after.NextGC)], 65536);
			assert.ok((row.heapLiveBytes ?? 0) > 0 && (row.heapLiveBytes ?? 0) <= (row.heapAllocBytes ?? 0));
			assert.equal(row.gogc, 70);
			assert.equal(row.memoryLimitBytes, 300 * 2 ** 20);
			assertBetween(row.rssBytes, [before.resident, after.resident], 4 << 20);
			assert.ok(row.vszBytes >= row.rssBytes);
			// the time of boot is known to the second
			assert.ok(row.uptimeSeconds <= (performance.now() - began) / 1000 + 2, `${row.uptimeSeconds} s`);
			assert.equal(row.exe, subject.path);
			assert.equal(row.exeDeleted, undefined);
			assert.ok(row.limit !== undefined && row.limit.bytes > 0);
			assert.equal(row.module, mode === "nobuildinfo" ? undefined : "gomem.test/subjects");
		});
	}

	test("what the garbage collector marked is the live heap", async () => {
		await using subject = await startSubject("livemap", { args: ["-mib", "24"] });
		await subject.ask("gc");
		const { HeapAlloc } = await subject.memstats();
		const row = await rowOf(subject.pid);
		assert.ok(close(row.heapLiveBytes ?? 0, HeapAlloc, 2 << 20), `${row.heapLiveBytes} ${HeapAlloc}`);
		assert.equal(row.memoryLimitBytes, undefined);
	});

	for (const flags of [[], ["-ldflags=-s -w"]]) {
		test(`goroutines that ended are not counted ${flags}`, async (t) => {
			const source = join(import.meta.dirname, "testdata/ended.go");
			for (const toolchain of ["go1.24.13", "go1.26.8"]) {
				const build = buildGo({ source, toolchain, flags });
				if ("unavailable" in build) return t.skip(build.unavailable);
				const child = spawn(build.path, { stdio: ["pipe", "pipe", "inherit"] });
				try {
					const lines = createInterface({ input: child.stdout });
					const [line] = await new Promise<string[]>((resolve) => lines.once("line", (text) => resolve([text])));
					const row = await rowOf(child.pid ?? 0);
					assert.deepEqual([row.goroutines, row.goroutinesFrom], [Number(line), "scheduler"], toolchain);
					assert.equal(row.goroutines, 38);
				} finally {
					child.kill("SIGKILL");
				}
			}
		});
	}
});

describe("ps: where a process stands", { skip }, () => {
	test("a deleted executable", async () => {
		const via = ["sh", "-c", 'cp "$0" ./gone && exec ./gone "$@"'];
		await using subject = await startSubject("livemap", { args: ["-mib", "4"], via });
		rmSync(join(subject.folder, "gone"));
		const row = await rowOf(subject.pid);
		assert.deepEqual([row.exeDeleted, row.exe, row.name], [true, join(subject.folder, "gone"), "gone"]);
		assert.ok((row.heapLiveBytes ?? 0) > 0);
		const { stdout } = await exec(launcher, ["ps", "--name", "gone", "--timeout", TIMEOUT]);
		assert.match(stdout, new RegExp(`^ *${subject.pid} .* gone\\* `, "m"));
		assert.match(stdout, /replaced or removed/);
	});

	test("another root and mount namespace", { skip: !isRoot && "needs root" }, async () => {
		const into = 'mkdir r && cp "$0" r/inside && exec unshare -m chroot r /inside "$@"';
		await using subject = await startSubject("livemap", { args: ["-mib", "4"], via: ["sh", "-c", into] });
		const row = await rowOf(subject.pid);
		assert.equal(row.name, "inside");
		assert.ok((row.heapLiveBytes ?? 0) > 0, JSON.stringify(row.missing));
	});

	test("another pid namespace", { skip: !isRoot && "needs root" }, async () => {
		const via = ["unshare", "-fpm", "--mount-proc", "--kill-child"];
		await using subject = await startSubject("livemap", {
			args: ["-mib", "4"],
			via,
			env: { GOMEM_SUBJECT_PARENT: "" },
		});
		assert.equal(subject.pid, 1, "as it sees itself");
		const pid = outside(subject);
		const row = await rowOf(pid);
		assert.equal(row.goroutines, (await subject.goroutines()).total);
		assert.ok((row.heapLiveBytes ?? 0) > 0, JSON.stringify(row.missing));
	});
});

/** The pid here of a subject in a pid namespace of its own: the one that runs the program in the folder. */
function outside(subject: RunningSubject): number {
	const found = pids().find(
		(pid) => linkOf(`/proc/${pid}/cwd`) === subject.folder && linkOf(`/proc/${pid}/exe`) === subject.path,
	);
	return Number(found);
}

describe("ps: rights", { skip: skip || (!isRoot && "needs root to become others") }, () => {
	test("another user's process is told as such, one's own in full", async () => {
		const theirs = await copyOf("livemap", "theirs");
		const become = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@"';
		await using root = await startSubject("livemap", { args: ["-mib", "4"] });
		await using own = await startSubject("livemap", {
			args: ["-mib", "4"],
			via: ["sh", "-c", `shift; ${become.replace('"$0"', theirs)}`, "sh"],
			env: { GOMEM_SUBJECT_PARENT: "" },
		});
		const result = await psAs(65534);
		assert.equal(
			result.processes.find((p) => p.pid === root.pid),
			undefined,
		);
		const unread = result.unreadable.find((p) => p.pid === root.pid);
		assert.match(unread?.why ?? "", /runs as uid 0, gomem as uid 65534 without CAP_SYS_PTRACE/);
		assert.match(unread?.wouldHelp ?? "", /CAP_SYS_PTRACE/);
		assert.deepEqual([unread?.name, unread?.uid], ["livemap", 0]);
		assert.ok((unread?.rssBytes ?? 0) > 4 << 20);
		const seen = result.processes.find((p) => p.pid === own.pid);
		assert.equal(seen?.uid, 65534);
		if (yamaScope() === 0) {
			assert.deepEqual(seen?.missing, []);
			assert.ok((seen?.heapLiveBytes ?? 0) > 4 << 20);
		} else assert.match(seen?.missing[0]?.why ?? "", /ptrace_scope/);
		assert.ok((await rowOf(own.pid)).heapLiveBytes, "root reads both");
	});
});

function yamaScope(): number {
	const path = "/proc/sys/kernel/yama/ptrace_scope";
	return existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
}

describe("ps: the list", { skip }, () => {
	test("order, filter, and what is left out", async () => {
		await using large = await startSubject("livemap", { args: ["-mib", "32"] });
		await using small = await startSubject("goroutines", { args: ["-n", "500", "-sockets", "1"] });
		const ours = async (sort: string) =>
			(await ps({ sort, name: "gomem.test/subjects" })).processes
				.filter((p) => p.pid === large.pid || p.pid === small.pid)
				.map((p) => p.pid);
		assert.deepEqual(await ours("rss"), [large.pid, small.pid]);
		assert.deepEqual(await ours("heap"), [large.pid, small.pid]);
		assert.deepEqual(await ours("goroutines"), [small.pid, large.pid]);
		assert.deepEqual(
			await ours("pid"),
			[large.pid, small.pid].sort((a, b) => a - b),
		);
		const all = await ps();
		for (let i = 1; i < all.processes.length; i++) {
			assert.ok((all.processes[i - 1] as Row).rssBytes >= (all.processes[i] as Row).rssBytes);
		}
		const named = await ps({ name: "LIVEM" });
		assert.ok(named.processes.some((p) => p.pid === large.pid) && !named.processes.some((p) => p.pid === small.pid));
		const ofModule = await ps({ name: "gomem.test/subjects" });
		assert.ok(ofModule.processes.some((p) => p.pid === small.pid));
		const listed = [...all.processes, ...all.unreadable].map((p) => p.pid);
		assert.ok(!listed.includes(process.pid), "not gomem itself");
		// until it has executed something, what Node starts has its name
		const node = all.processes.filter((p) => p.name === "node" && linkOf(`/proc/${p.pid}/exe`) === process.execPath);
		assert.deepEqual(node, [], "nor what is not Go");
		assert.ok(all.looked >= all.processes.length + all.unreadable.length);
	});

	test("kernel threads and zombies are not looked at", async () => {
		// the shell's child ends, and what the shell has become never waits for it
		const child = spawn("sh", ["-c", "sleep 0 & exec sleep 600"], { stdio: "ignore" });
		try {
			const zombie = await until("the shell's child is a zombie", () =>
				pids().find((pid) => statOf(pid)?.startsWith(`Z ${child.pid} `)),
			);
			const forksBefore = forks();
			const withMemory = pids().filter((pid) => hasMemory(statOf(pid)));
			const all = await ps();
			// each was there before, or was forked since
			assert.ok(all.looked <= withMemory.length + forks() - forksBefore, `${all.looked} of ${withMemory.length}`);
			assert.ok(![...all.processes, ...all.unreadable].some((p) => p.pid === Number(zombie)));
		} finally {
			child.kill("SIGKILL");
		}
	});

	test("a process that takes too long is left, with the reason", async () => {
		await using subject = await startSubject("livemap", { mode: "stripped", args: ["-mib", "4"] });
		const { processes, unreadable } = await ps({ timeout: "0.01ms" });
		const row = processes.find((p) => p.pid === subject.pid);
		const why = unreadable.find((p) => p.pid === subject.pid)?.why ?? row?.missing[0]?.why ?? "";
		assert.match(why, /0\.01 ms for one process passed/);
		assert.equal(row?.heapLiveBytes, undefined);
	});

	test("round after round: who comes, who goes, what changes, and each process is opened once", async () => {
		using table = new ProcessTable();
		// a name that no other process has: no other is opened
		const name = `rounds${process.pid}`;
		const options = { timeoutMs: 60_000, signal: new AbortController().signal, name };
		const via = ["sh", "-c", `cp "$0" ./${name} && exec ./${name} "$@"`];
		await using subject = await startSubject("livemap", { mode: "stripped", args: ["-mib", "8"], via });
		const heap = async () => {
			const round = await table.read(options);
			return {
				bytes: round.processes.find((p) => p.stat.pid === subject.pid)?.runtime?.counters.memStats.HeapAlloc,
				round,
			};
		};
		const open = () => openFiles().filter((path) => path.startsWith(`/proc/${subject.pid}/`) || path.endsWith(name));
		const first = await heap();
		const descriptors = open();
		assert.ok(descriptors.length > 0);
		await subject.ask("grow 8");
		const second = await heap();
		assert.ok((second.bytes ?? 0) - (first.bytes ?? 0) >= 8 << 20, `${first.bytes} ${second.bytes}`);
		assert.deepEqual(open(), descriptors);
		// other programs that come are looked at, too, and not in each round
		await until("what was found is not looked for again", async () => {
			const { cost } = (await heap()).round;
			return cost.bytesRead < first.round.cost.bytesRead / 2;
		});
		await subject.close();
		const third = await heap();
		assert.equal(third.bytes, undefined);
		assert.deepEqual(open(), [], "its memory was closed");
	});

	test("an exec into another program is another process", async () => {
		using table = new ProcessTable();
		const options = { timeoutMs: 60_000, signal: new AbortController().signal };
		const other = await buildSubject("livemap");
		const first = buildGo({ source: join(import.meta.dirname, "testdata/reexec.go"), toolchain: "go1.25.9" });
		if ("unavailable" in first) return;
		const child = spawn(first.path, [other, "-mib", "4"], { stdio: ["pipe", "pipe", "inherit"] });
		try {
			const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
			await lines.next();
			const version = async () => {
				const row = (await table.read(options)).processes.find((p) => p.stat.pid === child.pid);
				return [row?.file.goVersion, row?.runtime?.layout?.label.includes(row.file.goVersion)];
			};
			assert.deepEqual(await version(), ["go1.25.9", true]);
			child.stdin.write("x\n");
			await lines.next();
			assert.deepEqual(await version(), ["go1.26.8", true]);
		} finally {
			child.kill("SIGKILL");
		}
	});

	test("--every: a document a beat", async () => {
		await using subject = await startSubject("livemap", { args: ["-mib", "4"] });
		const outcome = await run(operation, { every: "100ms", for: "5m", timeout: TIMEOUT, name: "livemap" });
		assert.equal(outcome.kind, "documents");
		const seen: boolean[] = [];
		if (outcome.kind !== "documents") return;
		for await (const document of outcome.documents) {
			assert.equal(document.schema, "gomem.ps/1");
			seen.push((document as unknown as PsResult).processes.some((p) => p.pid === subject.pid));
			if (seen.length === 3) break;
		}
		assert.deepEqual(seen, [true, true, true]);
	});

	test("text has all columns in a pipe, and those that fit where COLUMNS says how many", async () => {
		await using _subject = await startSubject("livemap", { args: ["-mib", "4"] });
		const command = ["ps", "--timeout", TIMEOUT];
		const { stdout: piped } = await exec(launcher, command, { env: { ...process.env, COLUMNS: "" } });
		assert.match(piped, /^ *PID +PPID .* RSS .* LIVE HEAP .* GOROUTINES .* UP .*MODULE/m);
		const { stdout } = await exec(launcher, command, { env: { ...process.env, COLUMNS: "100" } });
		assert.match(stdout, /^ *PID .* RSS .* LIVE HEAP .* GOROUTINES .* UP$/m);
		for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);
	});
});

function statOf(pid: string): string | undefined {
	try {
		const text = readFileSync(`/proc/${pid}/stat`, "latin1");
		return text.slice(text.lastIndexOf(")") + 2);
	} catch {
		return undefined;
	}
}

/** Not a kernel thread, nor a zombie without other threads. proc_pid_stat(5): 20 is their number, 23 the address space. */
function hasMemory(stat: string | undefined): boolean {
	const [state, threads, bytes] = [3, 20, 23].map((field) => stat?.split(" ")[field - 3]);
	return state === "Z" ? threads !== "1" : stat !== undefined && state !== "X" && bytes !== "0";
}

const pids = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name));

/** How many there were since boot, threads included. */
const forks = () => Number(/^processes (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1]);

/** What the descriptors of this process are open on. */
function openFiles(): string[] {
	return readdirSync("/proc/self/fd").flatMap((fd) => linkOf(`/proc/self/fd/${fd}`) ?? []);
}

function linkOf(path: string): string | undefined {
	try {
		return readlinkSync(path);
	} catch {
		return undefined; // it is gone
	}
}
