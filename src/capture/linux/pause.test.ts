import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Paused, type PauseRefused, preparePause, withPause } from "./pause.ts";
import { orderFromArguments } from "./pause-protocol.ts";
import { readTaskStat, tasksOf } from "./task-state.ts";
import { startNode, startTarget, stateOf, type TestTarget, until } from "./test-target.ts";

/** A process of several threads (Node's own), counting in its memory; it prints its count once every 5 ms. */
const counting = "let n = 0; console.log('ready'); setInterval(() => { n++; }, 5);";

function paused<T>(result: Paused<T> | PauseRefused): Paused<T> {
	assert.ok("value" in result, JSON.stringify(result));
	return result;
}

function refused(result: Paused<unknown> | PauseRefused): PauseRefused {
	assert.ok("refused" in result, JSON.stringify(result));
	return result;
}

function statesOfAllThreads(pid: number): readonly (string | undefined)[] {
	return tasksOf(pid).map((task) => readTaskStat(`/proc/${pid}/task/${task}/stat`)?.state);
}

function runs(pid: number): boolean {
	return !["T", "t", "gone"].includes(stateOf(pid));
}

/** Pids of pause guards of this target, by their command line. */
function guardsOf(pid: number): readonly number[] {
	const listing = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" });
	return listing
		.split("\n")
		.filter((line) => line.includes("pause-guard") && line.split(/\s+/).includes(String(pid)))
		.map((line) => Number(line.trim().split(/\s+/)[0]));
}

/** Pid of the only guard of this target. One that is not there must not become 0: that is this process's whole group. */
function guardOf(pid: number): number {
	const [guard, ...others] = guardsOf(pid);
	assert.ok(guard !== undefined && others.length === 0, `${guard} ${others.join(" ")}`);
	return guard;
}

/** Far beyond what any of this takes: a bound, not a measurement. */
const LATEST_MS = 20_000;

/** A pause that nothing here outlasts, not even on a machine under load. */
const LONG_MS = 30_000;

/** A deadline that is waited for: by then every thread has stopped, also on a machine under load. */
const DEADLINE_MS = 2000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("withPause", () => {
	it("holds every thread still while the body runs, and lets the process run after it", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: LONG_MS }, (clock) => {
				const states = statesOfAllThreads(target.pid);
				assert.ok(clock.remainingMs() > 0 && clock.remainingMs() <= LONG_MS);
				return states;
			}),
		);
		assert.ok(result.value.length > 3, "a Node process has several threads");
		assert.deepEqual(new Set(result.value), new Set(["T"]));
		assert.equal(result.threads, result.value.length);
		assert.equal(result.torn, undefined);
		assert.ok(result.stoppedAfterMs > 0 && result.stoppedAfterMs <= result.pausedMs && result.pausedMs < LATEST_MS);
		assert.ok(runs(target.pid));
		assert.deepEqual(guardsOf(target.pid), []);
	});

	it("lets the process run when the body throws, and rethrows", async () => {
		await using target = await startNode(counting);
		const thrown = new Error("from the body");
		let during = "";
		await assert.rejects(
			withPause(target.pid, { maxMs: LONG_MS }, () => {
				during = stateOf(target.pid);
				throw thrown;
			}),
			(error) => error === thrown,
		);
		assert.equal(during, "T");
		assert.ok(runs(target.pid));
	});

	it("lets the process run at the deadline while an awaiting body goes on, and says that the reading is torn", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: DEADLINE_MS }, async () => {
				await until(() => runs(target.pid), LATEST_MS, "running at the deadline");
				return stateOf(target.pid);
			}),
		);
		assert.ok(["S", "R", "D"].includes(result.value), result.value);
		assert.equal(result.torn?.why, "deadline");
		// a machine under load may schedule the guard late, and stop the last of the threads late
		assert.ok(result.torn.afterMs !== undefined && result.torn.afterMs <= result.pausedMs);
		// the guard's time runs from a moment before the signal
		assert.ok(result.pausedMs > DEADLINE_MS / 2 && result.pausedMs < LATEST_MS, `${result.pausedMs} ms`);
	});

	it("lets the process run at the deadline while the body never yields", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: DEADLINE_MS }, () => {
				const end = performance.now() + LATEST_MS;
				while (!runs(target.pid) && performance.now() < end);
				return stateOf(target.pid);
			}),
		);
		assert.ok(["S", "R", "D"].includes(result.value), result.value);
		assert.equal(result.torn?.why, "deadline");
		assert.ok(result.pausedMs < LATEST_MS, `${result.pausedMs} ms`);
	});

	it("notices that another process continued the target", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: LONG_MS }, async () => {
				process.kill(target.pid, "SIGCONT");
				await until(() => runs(target.pid), LATEST_MS, "running");
			}),
		);
		assert.deepEqual(result.torn, { why: "continued-by-another", afterMs: undefined });
	});

	it("continues the target itself when the guard is killed", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: LONG_MS }, async () => {
				process.kill(guardOf(target.pid), "SIGKILL");
				return until(() => runs(target.pid), LATEST_MS, "running after the guard's death");
			}),
		);
		assert.equal(result.torn?.why, "guard-died");
		assert.ok(result.value < LATEST_MS, "before the deadline");
	});

	it("survives the guard's death under a body that never yields", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: LONG_MS }, () => {
				process.kill(guardOf(target.pid), "SIGKILL");
				return "done";
			}),
		);
		assert.equal(result.value, "done");
		assert.ok(runs(target.pid));
	});

	it("has a guard that lets the target run when it is asked to end", async () => {
		await using target = await startNode(counting);
		const result = paused(
			await withPause(target.pid, { maxMs: LONG_MS }, async () => {
				process.kill(guardOf(target.pid), "SIGTERM");
				return until(() => runs(target.pid), LATEST_MS, "running after SIGTERM to the guard");
			}),
		);
		assert.equal(result.torn?.why, "guard-died");
	});
});

describe("preparePause", () => {
	it("stops nothing before run, and nothing at all after cancel", async () => {
		await using target = await startNode(counting);
		const pause = preparePause(target.pid, { maxMs: LONG_MS });
		await until(() => guardsOf(target.pid).length === 1, LATEST_MS, "a guard");
		await sleep(200);
		assert.ok(runs(target.pid));
		const result = paused(await pause.run(() => stateOf(target.pid)));
		assert.equal(result.value, "T");
		const other = preparePause(target.pid, {});
		await until(() => guardsOf(target.pid).length === 1, LATEST_MS, "another guard");
		const words = readFileSync(`/proc/${guardOf(target.pid)}/cmdline`, "utf8").split("\0");
		assert.equal(orderFromArguments(words.slice(-5, -1))?.maxMs, 500, "where nobody says how long");
		await other.cancel();
		assert.ok(runs(target.pid));
		assert.deepEqual(guardsOf(target.pid), []);
	});
});

describe("withPause when gomem itself ends", () => {
	const pauseModule = fileURLToPath(new URL("./pause.ts", import.meta.url));

	/** A process that pauses the target and stays in its body, in a process group of its own. */
	function startPauser(target: TestTarget, maxMs: number): Promise<TestTarget> {
		const script = `
			import { withPause } from ${JSON.stringify(pauseModule)};
			await withPause(${target.pid}, { maxMs: ${maxMs} }, async () => {
				console.log("paused");
				await new Promise((resolve) => setTimeout(resolve, 60_000));
			});`;
		return startNode(script, { detached: true });
	}

	for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
		it(`lets the target run after ${signal} to gomem's whole process group`, async () => {
			await using target = await startNode(counting);
			await using pauser = await startPauser(target, LONG_MS);
			assert.equal(pauser.said, "paused");
			assert.equal(stateOf(target.pid), "T");
			process.kill(-pauser.pid, signal);
			// far below the deadline of 30 s
			await until(() => runs(target.pid), LATEST_MS, "running again");
			await until(() => guardsOf(target.pid).length === 0, LATEST_MS, "no guard left behind");
		});
	}

	it("lets the target run at the deadline while gomem is stopped", async () => {
		await using target = await startNode(counting);
		await using pauser = await startPauser(target, DEADLINE_MS);
		process.kill(pauser.pid, "SIGSTOP");
		await until(() => runs(target.pid), LATEST_MS, "running again");
	});
});

describe("withPause refuses", () => {
	it("a process that is stopped already, and leaves it stopped", async () => {
		await using target = await startNode(counting);
		process.kill(target.pid, "SIGSTOP");
		await until(() => stateOf(target.pid) === "T", LATEST_MS, "stopped");
		assert.equal(refused(await withPause(target.pid, {}, () => 0)).refused, "already-stopped");
		assert.equal(stateOf(target.pid), "T");
	});

	it("a pid that is another process now", async () => {
		await using target = await startNode(counting);
		const startTime = (readTaskStat(`/proc/${target.pid}/stat`)?.startTime ?? 0) - 1;
		const refusal = refused(await withPause(target.pid, { startTime }, () => assert.fail("the body must not run")));
		assert.equal(refusal.refused, "another-process");
		assert.ok(runs(target.pid));
	});

	it("a process that has ended, and one that nobody has waited for", async () => {
		const target = await startNode(counting);
		await target.end();
		assert.equal(refused(await withPause(target.pid, {}, () => 0)).refused, "gone");
		// a zombie: its parent sleeps on without waiting
		await using parent = await startTarget("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 60"]);
		const zombie = Number(parent.said);
		await until(() => stateOf(zombie) === "Z", LATEST_MS, "a zombie");
		assert.equal(refused(await withPause(zombie, {}, () => 0)).refused, "gone");
	});

	it("itself and its ancestors", async () => {
		for (const pid of [process.pid, process.ppid]) {
			assert.equal(refused(await withPause(pid, {}, () => 0)).refused, "own-ancestor");
		}
	});

	it("the init of its own PID namespace, which no signal from inside stops", async () => {
		assert.equal(refused(await withPause(1, {}, () => 0)).refused, "init");
	});

	it("a process that it may not signal, and says who could", async (t) => {
		if (process.geteuid?.() !== 0) return t.skip("needs root, to start processes of two users");
		await using target = await startNode(counting);
		const pauseModule = fileURLToPath(new URL("./pause.ts", import.meta.url));
		const script = `
			import { withPause } from ${JSON.stringify(pauseModule)};
			console.log(JSON.stringify(await withPause(${target.pid}, {}, () => 0)));`;
		await using other = await startNode(script, { uid: 65534 });
		const refusal = JSON.parse(other.said) as PauseRefused;
		assert.equal(refusal.refused, "not-permitted");
		assert.match(refusal.wouldHelp ?? "", /CAP_KILL/);
		assert.ok(runs(target.pid));
	});

	it("a traced process", async (t) => {
		if (spawnSync("strace", ["-V"]).status !== 0) return t.skip("needs strace");
		await using target = await startNode(counting);
		await using tracer = await startTarget("sh", ["-c", `strace -f -p ${target.pid} -o /dev/null 2>&1`]).catch(
			(cause) => {
				throw new Error("strace did not attach", { cause });
			},
		);
		const tracerOf = (): string =>
			readFileSync(`/proc/${target.pid}/status`, "utf8").match(/TracerPid:\s*(\d+)/)?.[1] ?? "";
		await until(() => tracerOf() !== "0", LATEST_MS, "traced");
		const refusal = refused(await withPause(target.pid, {}, () => 0));
		assert.equal(refusal.refused, "traced");
		assert.match(refusal.why, new RegExp(tracerOf()));
		await target.end(); // strace ends with it
		await tracer.end();
	});
});
