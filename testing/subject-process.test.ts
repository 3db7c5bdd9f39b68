import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { stateOf, until } from "./settled.ts";
import { startSubject } from "./subjects.ts";

describe("a running subject", () => {
	it("stops itself directly after it has read MemStats", async () => {
		await using subject = await startSubject("garbage", { args: ["-mib", "4"] });
		const seen: string[] = [];
		for (let round = 0; round < 10; round++) {
			const before = await subject.memstats();
			await subject.stop();
			assert.match(readFileSync(`/proc/${subject.pid}/status`, "latin1"), /^State:\tT \(stopped\)$/m);
			await assert.rejects(subject.stop(), /garbage is stopped already/);
			const at = await subject.resume();
			const after = await subject.memstats();
			await assert.rejects(subject.resume(), /garbage is not stopped/);
			seen.push([before, at, after].map(({ Mallocs, HeapAlloc }) => `${Mallocs} ${HeapAlloc}`).join(", "));
		}
		// Telling the truth allocates nothing: the heap is the same in all three, but where the runtime makes a thread meanwhile.
		assert.ok(
			seen.some((three) => new Set(three.split(", ")).size === 1),
			seen.join("\n"),
		);
	});

	it("gives MemStats whole, with 64-bit integers as they are", async () => {
		const began = Date.now();
		await using subject = await startSubject("garbage", { args: ["-mib", "1"] });
		const stats = await subject.memstats();
		assert.equal(stats.BySize.length, 61);
		assert.deepEqual(Object.keys(stats.BySize[1] ?? {}), ["Size", "Mallocs", "Frees"]);
		assert.equal(stats.PauseNs.length, 256);
		assert.equal(stats.PauseEnd.length, 256);
		assert.equal(stats.PauseEnd[0], stats.LastGC);
		assert.equal(typeof stats.LastGC, "bigint");
		const lastGc = Number(stats.LastGC) / 1e6;
		assert.ok(lastGc > began - 1000 && lastGc < Date.now() + 1000, `${lastGc}, begun ${began}`);
		assert.equal(stats.EnableGC, true);
		assert.ok(stats.GCCPUFraction >= 0 && stats.GCCPUFraction <= 1);
		assert.equal(Object.keys(stats).length, 32); // the fields of runtime.MemStats, less the ignored ones: none
	});

	it("says no to what it does not know", async () => {
		await using subject = await startSubject("garbage", { args: ["-mib", "1"] });
		await assert.rejects(subject.ask("nonsense"), /garbage: no command "nonsense"/);
		await assert.rejects(subject.ask("step"), /garbage: this subject has no steps/);
		await assert.rejects(subject.ask("grow x"), /invalid syntax/);
		await assert.rejects(subject.ask("pprof nosuch"), /no profile "nosuch"/);
	});

	it("does not inherit what tunes the runtime, and takes what it is given", async () => {
		process.env["GOGC"] = "17";
		try {
			await using plain = await startSubject("livemap", { args: ["-mib", "1"] });
			assert.ok(!environment(plain.pid).some((line) => line.startsWith("GOGC=")));
			await using tuned = await startSubject("livemap", { args: ["-mib", "1"], env: { GOGC: "50" } });
			assert.ok(environment(tuned.pid).includes("GOGC=50"));
		} finally {
			delete process.env["GOGC"];
		}
	});

	it("fails with what it wrote to stderr", async () => {
		await assert.rejects(startSubject("anonmap", { args: ["-nosuch"] }), /exit code 2\n.*-nosuch/);
		await assert.rejects(startSubject("anonmap", { args: ["-mib", "99999999999"] }), /anonmap: mmap of \d+ bytes/);
	});

	it("rejects what waits when it ends, and takes its folder with it", async () => {
		const subject = await startSubject("anonmap", { args: ["-mib", "1"] });
		await subject.stop();
		const answer = subject.ask("memstats");
		await Promise.all([assert.rejects(answer, /anonmap ended with SIGKILL/), subject.close()]);
		await assert.rejects(subject.ask("memstats"), /anonmap ended/);
		assert.equal(existsSync(subject.folder), false);
		assert.equal(existsSync(`/proc/${subject.pid}`), false);
	});

	it("answers quit", async () => {
		await using subject = await startSubject("filemap", { args: ["-mib", "1"] });
		assert.deepEqual(await subject.ask("quit"), { ok: true });
		await gone(subject.pid);
	});
});

describe("no subject outlives the process that started it", () => {
	for (const state of ["waiting", "stopped"] as const) {
		it(`not even one that is ${state}, when that process is killed`, async (t) => {
			const module = join(import.meta.dirname, "subjects.ts");
			const code = `
				const { startSubject } = await import(${JSON.stringify(module)});
				const subject = await startSubject("anonmap", { args: ["-mib", "1"] });
				${state === "stopped" ? "await subject.stop();" : ""}
				console.log(subject.pid);
				setInterval(() => {}, 1000);
			`;
			const folder = await mkdtemp(join(tmpdir(), "gomem-orphan-")); // the killed process cannot tidy up
			t.after(() => rm(folder, { recursive: true, force: true }));
			const parent = spawn(process.execPath, ["--input-type=module", "-e", code], {
				stdio: ["ignore", "pipe", "inherit"],
				env: { ...process.env, TMPDIR: folder },
			});
			const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once("data", resolve)));
			assert.ok(existsSync(`/proc/${pid}`));
			parent.kill("SIGKILL");
			await gone(pid);
		});
	}
});

function environment(pid: number): readonly string[] {
	return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
}

/** Waits until there is no such process; one that nobody has reaped yet is gone too. */
async function gone(pid: number): Promise<void> {
	await until(`process ${pid} is gone`, () => ["Z", "X", undefined].includes(stateOf(pid)));
}
