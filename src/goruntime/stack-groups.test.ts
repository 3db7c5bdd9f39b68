import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { STACK_CUT } from "../evidence/stacks.ts";
import { madeStacks } from "../evidence/testdata/stacks.ts";
import { countSystem, groupStacks, isCut, isSystem, stackFrames, stateText, waitedFor } from "./stack-groups.ts";

const WAIT = ["runtime.gopark", "main.wait", "runtime.goexit"];

describe("groups of goroutines", () => {
	const stacks = madeStacks([
		{ goid: 1, state: "running", start: "runtime.main" },
		{ goid: 2, frames: WAIT, created: "main.a", start: "main.wait", waitSince: 40e9 },
		{ goid: 3, frames: WAIT, created: "main.a", start: "main.wait", waitSince: 90e9 },
		{ goid: 4, frames: WAIT, created: "main.b", start: "main.wait" },
		{ goid: 5, frames: WAIT, created: "main.a", start: "main.wait", reason: "select" },
		{ goid: 6, frames: ["main.spin"], created: "main.a", start: "main.spin", state: "runnable", resident: 1 << 20 },
		{ goid: 7, state: "running", created: "main.a", start: "main.spin" },
		{ goid: 8, frames: ["runtime.gopark", "runtime.bgsweep"], start: "runtime.bgsweep" },
	]);
	const counts = (...args: Parameters<typeof groupStacks>) =>
		groupStacks(...args).map((g) => g.rows.map((row) => stacks.goid[row]));

	test("are those of one stack, one reason and one maker; what runs is told apart by what it began with", () => {
		assert.deepEqual(counts(stacks, { by: "stack", system: false }), [
			[6],
			[2, 3],
			...sorted([[1], [4], [5], [7]], stacks),
		]);
	});

	test("by reason, state and maker", () => {
		const sets = (by: "reason" | "state" | "created") => new Set(counts(stacks, { by, system: false }).map(String));
		assert.deepEqual(sets("reason"), new Set(["6", "2,3,4", "5", "1,7"]));
		assert.deepEqual(sets("state"), new Set(["6", "2,3,4,5", "1,7"]));
		assert.deepEqual(sets("created"), new Set(["2,3,5,6,7", "4", "1"]));
	});

	test("keep their ids when addresses and other goroutines change", () => {
		const other = madeStacks([
			{ goid: 70, frames: ["x.first"], created: "x.y" },
			{ goid: 71, frames: WAIT, created: "main.a", start: "main.wait" },
		]);
		const id = groupStacks(stacks, { by: "stack", system: false }).find((g) => g.rows.length === 2)?.id;
		assert.ok(groupStacks(other, { by: "stack", system: false }).some((g) => g.id === id));
		const ids = groupStacks(stacks, { by: "stack", system: true }).map((g) => g.id);
		assert.equal(new Set(ids).size, ids.length);
	});

	test("tell the longest wait, and none where none is known", () => {
		const [, waiting] = groupStacks(stacks, { by: "stack", system: false });
		assert.equal(waiting?.waitSince, 40e9);
		assert.equal(waitedFor(stacks, 3), undefined);
		assert.equal(waitedFor(madeStacks([{ goid: 1, waitSince: 200e9, frames: WAIT }]), 0), undefined, "in the future");
		assert.equal(
			waitedFor(madeStacks([{ goid: 1, waitSince: 9e9, state: "runnable" }]), 0),
			undefined,
			"waits no more",
		);
	});

	test("can be one goroutine, or those that pass through a function", () => {
		assert.deepEqual(counts(stacks, { by: "stack", system: false, goroutine: 8 }), [[8]]);
		assert.deepEqual(counts(stacks, { by: "state", system: true, matches: (f) => f.function === "main.b" }), [[4]]);
		assert.deepEqual(
			counts(stacks, { by: "created", system: true, matches: (f) => f.file === "/src/main.go" }).flat().length,
			6,
		);
	});
});

function sorted(groups: number[][], stacks: ReturnType<typeof madeStacks>): number[][] {
	const ids = groupStacks(stacks, { by: "stack", system: false }).map((g) => stacks.goid[g.row] ?? 0);
	return groups.sort((a, b) => ids.indexOf(a[0] ?? 0) - ids.indexOf(b[0] ?? 0));
}

describe("what stacks say", () => {
	test("the runtime's own goroutines, as runtime.isSystemGoroutine has them", () => {
		const s = madeStacks([
			{ goid: 1, frames: WAIT, start: "runtime.main" },
			{ goid: 2, frames: ["runtime.gopark"], start: "runtime.gcenable.gowrap1" },
			{ goid: 3, frames: ["runtime.gopark", "runtime.runFinalizers"], start: "runtime.runFinalizers" },
			{ goid: 4, frames: ["main.finalize", "runtime.runFinalizers"], start: "runtime.runFinalizers" },
			{ goid: 5, frames: ["main.work"], start: "main.work" },
			{ goid: 6, frames: ["x"], start: "runtime/trace.Start.func1" },
			{ goid: 7, frames: ["main.seq"], start: "runtime.corostart" },
			{ goid: 8, frames: ["main.work"] },
		]);
		assert.deepEqual(
			[0, 1, 2, 3, 4, 5, 6, 7].map((row) => isSystem(s, row)),
			[false, true, true, false, false, false, false, false],
		);
		assert.equal(countSystem(s), 2);
	});

	test("frames without goexit and wrappers, but with those that a panic makes tell", () => {
		const s = madeStacks([
			{ goid: 1, frames: ["main.inner+main.work", "main.(*T).Do~wrapper", "main.call", "runtime.goexit"] },
			{ goid: 2, frames: ["runtime.gopanic", "main.(*T).Do~wrapper", "main.call"], end: STACK_CUT },
		]);
		assert.deepEqual(
			stackFrames(s, s.stack[0] ?? -1).map((f) => f.function),
			["main.inner", "main.work", "main.call"],
		);
		assert.deepEqual(
			stackFrames(s, s.stack[1] ?? -1).map((f) => f.function),
			["runtime.gopanic", "main.(*T).Do", "main.call"],
		);
		assert.deepEqual([isCut(s, 0), isCut(s, 1)], [false, true]);
		assert.deepEqual(stackFrames(s, -1), []);
	});

	test("the reason only where it waits", () => {
		const s = madeStacks([
			{ goid: 1, frames: WAIT, reason: "select" },
			{ goid: 2, state: "runnable", reason: "select" },
		]);
		assert.deepEqual([stateText(s, 0), stateText(s, 1)], ["select", "runnable"]);
	});
});
