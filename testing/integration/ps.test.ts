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

async function ps(input: Record<string, unknown> = {}): Promise<PsResult> {
	return (await documentOf(operation, input)) as unknown as PsResult;
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
	const { stdout } = await exec("setpriv", [...identity, launcher, "ps", "--json"], { maxBuffer: 64 << 20, cwd: "/" });
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
			await using subject = await startSubject("goroutines", { go, mode, env, args: ["-n", "700", "-sockets", "5"] });
			await subject.ask("gc");
			const goroutines = await subject.goroutines();
			const before = await subject.memstats();
			const row = await rowOf(subject.pid);
			assert.deepEqual(row.missing, []);
			assert.equal(row.goVersion, `go${go}`);
			assert.equal(row.ppid, process.pid);
			assert.equal(row.name, "goroutines");
			assert.equal(row.goroutines, goroutines.total);
			assert.equal(row.goroutinesFrom, "scheduler");
			assert.equal(row.numGC, before.NumGC);
			assert.ok(close(row.heapAllocBytes ?? 0, before.HeapAlloc, 65536), `${row.heapAllocBytes} ${before.HeapAlloc}`);
			assert.ok(close(row.nextGcBytes ?? 0, Number(before.NextGC), 65536), `${row.nextGcBytes} ${before.NextGC}`);
			assert.ok((row.heapLiveBytes ?? 0) > 0 && (row.heapLiveBytes ?? 0) <= (row.heapAllocBytes ?? 0));
			assert.equal(row.gogc, 70);
			assert.equal(row.memoryLimitBytes, 300 * 2 ** 20);
			const resident = Number(readFileSync(`/proc/${subject.pid}/statm`, "utf8").split(" ")[1]) * 4096;
			assert.ok(close(row.rssBytes, resident, 4 << 20), `${row.rssBytes} ${resident}`);
			assert.ok(row.vszBytes >= row.rssBytes);
			assert.ok(row.uptimeSeconds <= 60);
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
		const { stdout } = await exec(launcher, ["ps", "--name", "gone"]);
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
	const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
	const found = pids.find((pid) => {
		try {
			return readlinkSync(`/proc/${pid}/cwd`) === subject.folder && readlinkSync(`/proc/${pid}/exe`) === subject.path;
		} catch {
			return false;
		}
	});
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
		assert.ok(!all.processes.some((p) => p.name === "node"), "nor what is not Go");
		assert.ok(all.looked >= all.processes.length + all.unreadable.length);
	});

	test("kernel threads and zombies are not looked at", async () => {
		// the shell's child ends, and what the shell has become never waits for it
		const child = spawn("sh", ["-c", "sleep 0 & exec sleep 30"], { stdio: "ignore" });
		try {
			const zombie = await until(() =>
				readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && statOf(pid)?.startsWith(`Z ${child.pid} `) === true),
			);
			const all = await ps();
			assert.ok(![...all.processes, ...all.unreadable].some((p) => p.pid === Number(zombie)));
			const withMemory = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && !/^[ZX]/.test(statOf(pid) ?? "Z"));
			assert.ok(all.looked <= withMemory.length + 20);
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
		const options = { timeoutMs: 5000, signal: new AbortController().signal, name: "livemap" };
		const subject = await startSubject("livemap", { mode: "stripped", args: ["-mib", "8"] });
		const heap = async () => {
			const round = await table.read(options);
			return {
				bytes: round.processes.find((p) => p.stat.pid === subject.pid)?.runtime?.counters.memStats.HeapAlloc,
				round,
			};
		};
		const open = () => readdirSync("/proc/self/fd").length;
		const first = await heap();
		const descriptors = open();
		await subject.ask("grow 8");
		const second = await heap();
		assert.ok((second.bytes ?? 0) - (first.bytes ?? 0) >= 8 << 20, `${first.bytes} ${second.bytes}`);
		assert.equal(open(), descriptors);
		assert.ok(second.round.cost.bytesRead < first.round.cost.bytesRead / 2, "what was found is not looked for again");
		await subject.close();
		const third = await heap();
		assert.equal(third.bytes, undefined);
		assert.ok(open() < descriptors, "its memory was closed");
	});

	test("an exec into another program is another process", async () => {
		using table = new ProcessTable();
		const options = { timeoutMs: 5000, signal: new AbortController().signal };
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
		const outcome = await run(operation, { every: "100ms", for: "1s", name: "livemap" });
		assert.equal(outcome.kind, "documents");
		const seen: boolean[] = [];
		if (outcome.kind !== "documents") return;
		for await (const document of outcome.documents) {
			assert.equal(document.schema, "gomem.ps/1");
			seen.push((document as unknown as PsResult).processes.some((p) => p.pid === subject.pid));
		}
		assert.ok(seen.length >= 2 && seen.every(Boolean), String(seen));
	});

	test("text has all columns in a pipe, and those that fit where COLUMNS says how many", async () => {
		await using _subject = await startSubject("livemap", { args: ["-mib", "4"] });
		const { stdout: piped } = await exec(launcher, ["ps"], { env: { ...process.env, COLUMNS: "" } });
		assert.match(piped, /^ *PID +PPID .* RSS .* LIVE HEAP .* GOROUTINES .* UP .*MODULE/m);
		const { stdout } = await exec(launcher, ["ps"], { env: { ...process.env, COLUMNS: "100" } });
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

async function until<T>(look: () => T | undefined): Promise<T> {
	for (let i = 0; i < 500; i++) {
		const found = look();
		if (found !== undefined) return found;
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	throw new Error("waited in vain");
}
