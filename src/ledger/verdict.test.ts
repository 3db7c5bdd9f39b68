import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { partOf, verdictCodes } from "./groups.ts";
import { measureGrowth } from "./growth.ts";
import { lineKind, lineOrder } from "./lines.ts";
import { facts, ledgerOf, MiB, pacer, runtime } from "./testdata/facts.ts";
import { judge } from "./verdict.ts";
import type { RuntimeFacts, VerdictFacts } from "./verdict-facts.ts";

describe("the dominant part decides", () => {
	const cases: readonly [string, string][] = [
		["heap.live", "live-heap"],
		["heap.new", "garbage"],
		["heap.dead", "garbage"],
		["heap.free-slots", "fragmentation"],
		["heap.idle", "idle"],
		["heap.huge", "idle"],
		["stacks.used", "stacks"],
		["runtime.metadata.spans", "runtime"],
		["runtime.profiling", "runtime"],
		["binary.data", "binary"],
		["libs.libc.so.6", "binary"],
		["c.heap", "c-memory"],
		["threads.stacks", "threads"],
		["anon.mmap", "anon-map"],
		["files./data/index.bolt", "file-map"],
		["shared./memfd:x", "shared"],
	];
	for (const [line, code] of cases) {
		test(`${line} → ${code}`, () => {
			const verdict = judge(facts({ [line]: 300, "binary.text": 100 }));
			assert.equal(verdict.code, code);
			assert.ok(
				verdict.sentence.length > 20 &&
					verdict.advice.length > 0 &&
					verdict.next.length > 0 &&
					verdict.reasons.length > 0,
			);
			assert.ok(verdict.next.every((step) => step.command.startsWith("gomem ") && step.command.includes("4242")));
		});
	}

	test("every code has a part that leads to it, and mixed none", () => {
		const reached = new Set([...cases.map(([, code]) => code), "mixed"]);
		assert.deepEqual(
			[...verdictCodes].filter((code) => !reached.has(code)),
			[],
		);
	});

	test("39 % decide nothing", () => {
		const verdict = judge(facts({ "heap.live": 39, "c.heap": 31, "anon.mmap": 30 }));
		assert.equal(verdict.code, "mixed");
		assert.match(verdict.sentence, /live heap 39 %, C memory 31 %/);
	});
});

test("what grows decides over what is large", () => {
	const before = { at: 0, ledger: ledgerOf({ "heap.live": 500, "c.heap": 50 }) };
	const after = ledgerOf({ "heap.live": 500, "c.heap": 150 });
	const growth = measureGrowth([before, { at: 60_000, ledger: after }]);
	const verdict = judge(facts({}, { ledger: after, growth, cgo: true }));
	assert.equal(verdict.code, "c-memory");
	assert.match(verdict.sentence, /^Growth is in C memory: 100\.0 MiB of 100\.0 MiB in 60 s/);
	assert.equal(verdict.confidence, "medium", "two readings are few");
});

describe("advice that is right", () => {
	const advice = (lines: Readonly<Record<string, number>>, more: Partial<RuntimeFacts> = {}) =>
		judge(facts(lines, { runtime: { ...runtime, ...more } })).advice.join(" ");

	test("a lower GOGC is for garbage, not for fragmentation or live objects", () => {
		assert.match(advice({ "heap.new": 300 }), /a lower GOGC, or GOMEMLIMIT/);
		assert.match(advice({ "heap.free-slots": 300 }), /does not free them/);
		assert.match(advice({ "heap.live": 300 }), /does not shrink what is live/);
	});

	test("GOGC=off without a memory limit: nothing starts a collection", () => {
		const off = { pacer: { ...pacer, gcPercent: -1 } };
		assert.match(advice({ "heap.new": 300 }, off), /set GOMEMLIMIT/);
		assert.ok(
			judge(facts({ "heap.new": 300 }, { runtime: { ...runtime, ...off } })).also.some((note) =>
				/kills the process/.test(note),
			),
		);
	});

	test("idle memory is no leak; C memory does not heed GOGC", () => {
		assert.match(advice({ "heap.idle": 300 }), /no leak/);
		assert.match(advice({ "c.heap": 300 }), /GOGC and GOMEMLIMIT do not act on it/);
	});

	test("a small process needs no change", () => {
		assert.match(advice({ "heap.live": 5 }), /^nothing/);
	});
});

describe("notes beside the verdict", () => {
	test("GOMEMLIMIT unset under a container's limit, above it, and on a machine without one", () => {
		const also = (more: Partial<VerdictFacts>) => judge(facts({ "heap.live": 300 }, more)).also.join("\n");
		assert.match(also({}), /GOMEMLIMIT is unset under a limit of 2\.00 GiB/);
		const above = { ...runtime, pacer: { ...pacer, memoryLimit: BigInt(4096 * MiB) } };
		assert.match(also({ runtime: above }), /above the limit/);
		assert.doesNotMatch(also({ limit: { bytes: 2048 * MiB, source: "machine" } }), /GOMEMLIMIT/);
	});

	test("memory returned to the OS is explained", () => {
		const also = judge(facts({ "heap.live": 300 }, { runtime: { ...runtime, heapReleased: 500 * MiB } })).also.join(
			"\n",
		);
		assert.match(also, /500\.0 MiB of MemStats\.Sys were returned/);
	});
});

describe("confidence", () => {
	const confidence = (more: Partial<VerdictFacts>) =>
		judge(facts({ "heap.live": 300, "binary.text": 50 }, more)).confidence;

	test("high when all is known, low without the runtime, lower when much moved or is unexplained", () => {
		assert.equal(confidence({}), "high");
		assert.equal(confidence({ runtime: undefined }), "low");
		assert.equal(confidence({ blurBytes: 30 * MiB }), "medium");
		assert.equal(confidence({ blurBytes: 200 * MiB }), "low");
		assert.equal(confidence({ layoutCertainty: "validated" }), "medium");
		assert.equal(confidence({ ledger: ledgerOf({ "heap.live": 300 }, 50) }), "low");
	});
});

test("every line has a part, an order and words; unknown ones are refused", () => {
	for (const id of [
		"heap.live",
		"libs.libc.so.6",
		"files./a.b/c.d",
		"shared./dev/shm/x.y",
		"anon.named.stack guard",
		"files.all",
		"shared.all",
	]) {
		assert.ok(lineKind(id).what.length > 0);
		assert.ok(lineOrder(id) >= 0);
		assert.ok(partOf(id).length > 0);
	}
	assert.throws(() => lineKind("nothing.of.that"), RangeError);
});

describe("what only a collection tells", () => {
	const off = { ...runtime, numGc: 0, pacer: { ...pacer, gcPercent: -1 } };

	test("objects allocated since the last GC are not called garbage, and nothing is a sure cure", () => {
		const verdict = judge(facts({ "heap.new": 200, "binary.text": 3 }, { runtime: off }));
		assert.equal(verdict.code, "garbage");
		assert.equal(verdict.confidence, "low");
		assert.match(verdict.sentence, /live or garbage, which is unknown until a GC, and with GOGC=off none is due/);
		assert.match(verdict.advice[0] ?? "", /see first what a GC leaves/);
		assert.ok(verdict.next.some(({ command }) => command === "gomem profile top 4242"));
	});

	test("what the GC found dead is garbage", () => {
		const verdict = judge(facts({ "heap.dead": 200, "heap.live": 20 }));
		assert.equal(verdict.code, "garbage");
		assert.equal(verdict.confidence, "high");
	});
});

describe("the limit, GOMEMLIMIT and the collector's goal", () => {
	const pod = { bytes: 96 * MiB, source: "cgroup /pod" };
	const told = (verdict: ReturnType<typeof judge>) =>
		[...verdict.advice, ...verdict.also, ...verdict.reasons].join("\n");

	test("a goal above the limit is told, with a value that fits", () => {
		const next = { ...runtime, nextGc: 138 * MiB, pacer: { ...pacer, heapMarked: 60 * MiB } };
		const text = told(judge(facts({ "heap.live": 60, "heap.new": 8 }, { runtime: next, limit: pod })));
		assert.match(text, /next GC is due at a heap of 138\.0 MiB \(GOGC=100\): above the limit of 96\.0 MiB/);
		assert.match(text, /set GOMEMLIMIT=86MiB/);
	});

	test("GOMEMLIMIT at the live heap: the collector runs all the time", () => {
		const memoryLimit = BigInt(100 * MiB);
		const squeezed = {
			...runtime,
			nextGc: 100 * MiB,
			pacer: { ...pacer, memoryLimit, heapMarked: 99.5 * MiB, gcPercentHeapGoal: BigInt(200 * MiB) },
		};
		const text = told(judge(facts({ "heap.live": 99, "stacks.used": 1 }, { runtime: squeezed })));
		assert.match(text, /the collector runs all the time/);
		assert.match(text, /raise GOMEMLIMIT well above 10\d/);
	});
});

test("deep stacks are not told to be many", () => {
	const of = (goroutines: number) => judge(facts({ "stacks.used": 500 }, { runtime: { ...runtime, goroutines } }));
	assert.equal(of(600).code, "stacks");
	assert.match(of(600).advice.join(" "), /recurs|frame/);
	assert.doesNotMatch(of(600).advice.join(" "), /bound their number/);
	assert.match(of(200_000).advice.join(" "), /number/);
});

test("of several mapped files the largest is named with its own bytes, and what is private dirty", () => {
	const lines = { "files./data/a.db": 96, "files./data/b.db": 96, "files./data/c.db": 90 };
	const filePages = { copied: 96 * MiB, unwritten: 0 };
	const verdict = judge(facts(lines, { filePages }));
	assert.equal(verdict.code, "file-map");
	assert.match(verdict.sentence, /a\.db/);
	assert.match(`${verdict.sentence} ${verdict.reasons.join(" ")}`, /96\.0 MiB/);
	assert.ok(verdict.next.some(({ command }) => /^gomem maps 4242 --owner/.test(command)));
});
