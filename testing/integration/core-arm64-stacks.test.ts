import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { type StacksResult, operation as stacksOperation } from "../../src/api/stacks.ts";
import { ObservedCore } from "../../src/capture/core.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { type GoroutineStacks, STACK_COMPLETE } from "../../src/evidence/stacks.ts";
import { stackFrames } from "../../src/goruntime/stack-groups.ts";
import { documentOf } from "../operations.ts";
import type { SubjectGoroutines } from "../subjects.ts";
import { type Arm64Core, type Arm64Run, arm64Core, buildArm64, emulator } from "./core-arm64-program.ts";
import { compareWithTraceback, parseTraceback } from "./tracebacks.ts";

// Stacks of arm64 programs, where the return address of a function without a frame is in a register: cores that qemu's user
// mode writes, against the tracebacks that the programs print as they die.

const folder = mkdtempSync(join(tmpdir(), "gomem-arm64-stacks-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const releases = ["1.21.13", "1.24.13", "1.27.3"];
const ALL: ReadonlySet<string> = new Set();

const ATTEMPTS = 5;

/**
 * Runs a check on a core, again where it fails: between a goroutine's line in the traceback and the core, what runs goes on,
 * and how far the other goroutines came by then is the scheduler's affair. What is wrong in the walk fails each time.
 */
async function caught(check: () => Promise<void>): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await check();
		} catch (error) {
			if (!(error instanceof assert.AssertionError) || attempt === ATTEMPTS) throw error;
		}
	}
}

/** Runs it to its death; undefined, and the test is skipped, where there is no emulator or it writes no core. */
async function coreOf(
	t: TestContext,
	source: string,
	go: string,
	run: Omit<Arm64Run, "command" | "program"> & { readonly flags?: readonly string[] },
): Promise<(Arm64Core & { readonly path: string; readonly program: string }) | undefined> {
	const qemu = emulator();
	if ("missing" in qemu) {
		t.skip(qemu.missing);
		return undefined;
	}
	const program = await buildArm64(source, go, folder, run.flags);
	const core = await arm64Core({ ...run, command: qemu.command, program }, folder);
	const { path } = core;
	if (path === undefined) {
		t.skip(`${qemu.command} writes no cores: ${core.left.join(" ")}`);
		return undefined;
	}
	t.after(() => rmSync(dirname(path), { recursive: true }));
	return { ...core, path, program };
}

async function stacksIn(core: { readonly path: string; readonly program: string }): Promise<GoroutineStacks> {
	const observed = ObservedCore.open(core.path, { executable: core.program, stacks: true });
	assert.ok(observed instanceof ObservedCore, JSON.stringify(observed));
	try {
		const { stacks } = await observed.read();
		assert.ok(stacks !== undefined && !isUnavailable(stacks), JSON.stringify(stacks));
		return stacks;
	} finally {
		observed.close();
	}
}

/** Rows with a function on their stack; all of them must have been compared, to their ends. */
function rowsAt(s: GoroutineStacks, compared: ReadonlySet<number>, name: string): number[] {
	const rows = Array.from({ length: s.count }, (_, row) => row).filter((row) =>
		stackFrames(s, s.stack[row] ?? -1).some((frame) => frame.function === name),
	);
	for (const row of rows) {
		assert.ok(compared.has(s.goid[row] ?? 0), `goroutine ${s.goid[row]}, at ${name}`);
		assert.equal(s.stacks.end[s.stack[row] ?? -1], STACK_COMPLETE);
	}
	return rows;
}

const EDGES = join(import.meta.dirname, "testdata/linkregister/main.go");

describe("stacks of arm64, where the link register matters", () => {
	for (const go of releases) {
		test(`go${go}: faults, preemption, goroutines that never ran`, (t) =>
			caught(async () => {
				const core = await coreOf(t, EDGES, go, { last: "now" });
				if (core === undefined) return;
				const s = await stacksIn(core);
				const compared = compareWithTraceback(s, parseTraceback(core.traceback), ALL);
				const count = (name: string) => rowsAt(s, compared, name).length;
				// frameless, with a frame, and at address 0
				assert.deepEqual([count("main.leafLoad"), count("main.framedLoad"), count("main.callNothing")], [1, 1, 1]);
				assert.equal(count("runtime.sigpanic"), 3);
				assert.equal(count("main.spin"), 3);
				assert.equal(count("main.calls"), 3);
				assert.ok(count("runtime.asyncPreempt") >= 3);
				// of the forty that were made last, the other P may have run some
				const frames = (stack: number) => (s.stacks.offsets[stack + 1] ?? 0) - (s.stacks.offsets[stack] ?? 0);
				const unbegun = Array.from({ length: s.count }, (_, row) => row).filter(
					(row) => s.states[s.status[row] ?? -1] === "runnable" && frames(s.stack[row] ?? -1) === 2, // it, and goexit
				);
				assert.ok(unbegun.length >= 10, `${unbegun.length} that never ran`);
				for (const row of unbegun) assert.ok(compared.has(s.goid[row] ?? 0));
			}));
	}

	test("go1.24.13: preemption in the first instructions of a function", (t) =>
		caught(async () => {
			const env = { GODEBUG: "asyncpreemptoff=1" };
			const core = await coreOf(t, EDGES, "1.24.13", { args: ["calls"], last: "now", env });
			if (core === undefined) return;
			const s = await stacksIn(core);
			const compared = compareWithTraceback(s, parseTraceback(core.traceback), ALL);
			assert.equal(rowsAt(s, compared, "main.calls").length, 3);
			assert.equal(rowsAt(s, compared, "runtime.asyncPreempt").length, 0);
			assert.ok(rowsAt(s, compared, "main.framed").length >= 1);
		}));
});

describe("stacks of arm64 subjects", () => {
	for (const [go, flags] of [
		["1.21.13", ["-ldflags=-s -w"]],
		["1.24.13", []],
		["1.27.3", []],
	] as const) {
		test(`go${go} ${flags.join("")}: groups are those that the program counts, frames those that it prints`, (t) =>
			caught(async () => {
				const args = ["-n", "1000", "-sockets", "20"];
				const core = await coreOf(t, "goroutines", go, { args, commands: ["goroutines"], flags });
				if (core === undefined) return;
				const truth = core.answers[0] as SubjectGoroutines;
				const { path: target, program: exe } = core;
				const result = (await documentOf(stacksOperation, { target, exe, top: 10_000 })) as unknown as StacksResult;
				const ours = result.groups
					.filter((g) => g.createdBy !== "")
					.map((g) => `${g.count} ${g.frames.at(-1)?.function} ${g.createdBy} ${g.waitReason}`);
				const theirs = truth.groups
					.filter((g) => g.createdBy !== "")
					.map((g) => `${g.count} ${g.function} ${g.createdBy} ${g.state}`);
				assert.deepEqual(ours.sort(), theirs.sort());
				assert.equal(result.goroutines, truth.total);
				const compared = compareWithTraceback(await stacksIn(core), parseTraceback(core.traceback), ALL);
				assert.ok(compared.size >= truth.total, `${compared.size} of ${truth.total} compared`);
			}));

		test(`go${go} ${flags.join("")}: deep stacks`, (t) =>
			caught(async () => {
				const core = await coreOf(t, "deepstacks", go, { args: ["-n", "12"], commands: ["goroutines"], flags });
				if (core === undefined) return;
				const compared = compareWithTraceback(await stacksIn(core), parseTraceback(core.traceback), ALL);
				assert.ok(compared.size >= 12, `${compared.size} compared`);
			}));
	}
});
