import assert from "node:assert/strict";
import { test } from "node:test";
import { limitFindings } from "./limits.ts";
import { facts, MiB, pacer, runtime } from "./testdata/facts.ts";
import type { VerdictFacts } from "./verdict-facts.ts";

type Lines = Readonly<Record<string, number>>;

/** A process under a limit of 95 MiB of which so much was live at the last GC, in MiB; the next is due at a heap of `goal`. */
function limited(lines: Lines, live: number, goal: number, more: Partial<VerdictFacts> = {}) {
	return limitFindings(
		facts(lines, {
			limit: { bytes: 95 * MiB, source: "cgroup /pod" },
			runtime: { ...runtime, nextGc: goal * MiB, pacer: { ...pacer, heapMarked: live * MiB } },
			...more,
		}),
	);
}

const usual: Lines = { "heap.live": 68, "stacks.used": 1, "runtime.metadata.spans": 2, "binary.text": 5 };

test("a goal above the limit: the value to set is what is left for Go, less a tenth", () => {
	const [finding, ...others] = limited(usual, 68, 138);
	assert.match(
		finding?.note ?? "",
		/at a heap of 138\.0 MiB \(GOGC=100\): above the limit of 95\.0 MiB \(cgroup \/pod\)/,
	);
	assert.match(finding?.change ?? "", /^set GOMEMLIMIT=81MiB: .* less the 5\.0 MiB that are not Go's/);
	assert.deepEqual(others, [], "nothing is said twice");
});

test("a goal below the limit is above it together with what is beside the heap", () => {
	const lines = { ...usual, "c.heap": 30 };
	assert.match(limited(lines, 40, 80)[0]?.note ?? "", /with the 38\.0 MiB beside it: above the limit/);
	assert.match(limited(usual, 40, 80)[0]?.note ?? "", /^GOMEMLIMIT is unset/);
});

test("clean pages of files are no reason to be killed; their private copies are", () => {
	const lines = { ...usual, "files./db": 300 };
	assert.match(
		limited(lines, 40, 80, { filePages: { copied: 0, unwritten: 0 } })[0]?.note ?? "",
		/^GOMEMLIMIT is unset/,
	);
	assert.match(limited(lines, 40, 80, { filePages: { copied: 50 * MiB, unwritten: 0 } })[0]?.note ?? "", /killed/);
});

test("where no value leaves room above what is live, none is named", () => {
	const [finding] = limited({ ...usual, "heap.live": 84 }, 84, 168);
	assert.match(finding?.change ?? "", /^raise the limit of 95\.0 MiB, or hold less/);
	assert.doesNotMatch(finding?.change ?? "", /GOMEMLIMIT=/);
});

test("a machine's memory is a limit too, and a core has none", () => {
	const machine = { limit: { bytes: 95 * MiB, source: "machine" } };
	assert.match(limited(usual, 68, 138, machine)[0]?.change ?? "", /set GOMEMLIMIT/);
	assert.deepEqual(limited(usual, 40, 80, machine), []);
	assert.deepEqual(limited(usual, 68, 138, { limit: { bytes: Number.POSITIVE_INFINITY, source: "machine" } }), []);
});

test("GOMEMLIMIT below what is live: the goal is what is live, and one cycle follows the other", () => {
	const at = (memoryLimit: number, live: number) =>
		limited(usual, live, live, {
			limit: { bytes: 512 * MiB, source: "cgroup /pod" },
			runtime: {
				...runtime,
				nextGc: live * MiB,
				pacer: { ...pacer, heapMarked: live * MiB, memoryLimit: BigInt(memoryLimit * MiB) },
			},
		});
	const [finding] = at(100, 99.875);
	assert.match(finding?.note ?? "", /GOMEMLIMIT 100\.0 MiB leaves no room above what is live \(99\.9 MiB/);
	assert.match(
		finding?.change ?? "",
		/above 102\.9 MiB, or shrink the live heap; GOMEMLIMIT=456MiB fits below the limit/,
	);
	assert.match(at(80, 99.875)[0]?.note ?? "", /the collector runs all the time/);
});
