import assert from "node:assert/strict";
import type { WhyResult } from "../../src/api/why-shape.ts";
import type { SubjectHolds } from "../subjects.ts";

const MiB = 2 ** 20;

/** Resident bytes of a line and of what is deeper: "heap", "files", "anon.mmap". */
export function lineBytes(why: Pick<WhyResult, "lines">, id: string): number {
	return why.lines
		.filter((line) => line.id === id || line.id.startsWith(`${id}.`))
		.reduce((n, line) => n + line.bytes, 0);
}

/** Each line says what it holds and how it was counted, and together they are the Rss. */
export function assertBalanced(why: WhyResult): void {
	const sum = why.lines.reduce((n, line) => n + line.bytes, 0);
	assert.equal(sum + why.residualBytes, why.rssBytes, "lines and residual make up the Rss");
	assert.ok(why.lines.every((line) => line.bytes > 0 && line.what !== "" && line.source !== ""));
	assert.equal(new Set(why.lines.map((line) => line.id)).size, why.lines.length, "each line once");
}

export function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
	assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} is not within ${tolerance} of ${expected}`);
}

const number = (holds: SubjectHolds, name: string): number => Number(holds[name]);

interface Expectation {
	readonly code: WhyResult["verdict"]["code"];
	/** compares lines with what the subject says it holds */
	readonly check: (why: WhyResult, holds: SubjectHolds) => void;
}

/** What `why` must say of each subject. A slack of some hundred KiB is for what every Go program has besides. */
export const expectations: Readonly<Record<string, Expectation>> = {
	anonmap: {
		code: "anon-map",
		check: (why, holds) =>
			assertNear(lineBytes(why, "anon.mmap"), number(holds, "anonymousBytes"), MiB / 4, "anon.mmap"),
	},
	cheap: {
		code: "c-memory",
		// malloc's headers and rounding come on top, and what the C library itself allocates
		check: (why, holds) => assertNear(lineBytes(why, "c.heap"), number(holds, "cBytes"), 6 * MiB, "c.heap"),
	},
	deepstacks: {
		code: "stacks",
		check: (why, holds) =>
			assert.ok(
				lineBytes(why, "stacks") <= number(holds, "stackBytes") + MiB &&
					lineBytes(why, "stacks.used") > 0.6 * number(holds, "stackBytes"),
			),
	},
	filemap: {
		code: "file-map",
		check: (why) => assert.equal(lineBytes(why, "files"), 48 * MiB),
	},
	fragmentation: {
		code: "fragmentation",
		check: (why, holds) => {
			assertNear(lineBytes(why, "heap.live"), number(holds, "heapAlloc"), MiB, "heap.live");
			assert.ok(
				lineBytes(why, "heap.free-slots") >
					0.85 * (number(holds, "allocatedBytes") - number(holds, "liveBytesRequested")),
			);
		},
	},
	garbage: {
		code: "garbage",
		check: (why, holds) =>
			assertNear(
				lineBytes(why, "heap.new") + lineBytes(why, "heap.dead"),
				number(holds, "garbageBytesRequested"),
				2 * MiB,
				"garbage",
			),
	},
	globals: {
		code: "binary",
		check: (why, holds) => assertNear(lineBytes(why, "binary.data"), number(holds, "globalBytes"), MiB, "binary.data"),
	},
	goroutines: {
		code: "stacks",
		check: (why, holds) => assertNear(why.runtime?.goroutines ?? 0, number(holds, "goroutines"), 20, "goroutines"),
	},
	hugepages: {
		code: "idle",
		check: (why, holds) => assertNear(lineBytes(why, "heap.huge"), number(holds, "surplusBytes"), 3 * MiB, "heap.huge"),
	},
	idle: {
		code: "idle",
		check: (why, holds) => assertNear(lineBytes(why, "heap.idle"), number(holds, "idleBytes"), 3 * MiB, "heap.idle"),
	},
	livemap: {
		code: "live-heap",
		check: (why, holds) => assertNear(lineBytes(why, "heap.live"), number(holds, "heapAlloc"), 6 * MiB, "heap.live"),
	},
	manymaps: {
		code: "anon-map",
		check: (why, holds) =>
			assertNear(
				lineBytes(why, "anon.mmap") + lineBytes(why, "runtime.metadata.other"),
				number(holds, "anonymousBytes"),
				MiB,
				"anon.mmap",
			),
	},
	mixed: {
		code: "mixed",
		check: (why) => assertNear(lineBytes(why, "anon.mmap"), 8 * MiB, MiB / 2, "anon.mmap"),
	},
	nestedjson: {
		code: "live-heap",
		check: (why, holds) => assertNear(lineBytes(why, "heap.live"), number(holds, "heapAlloc"), 6 * MiB, "heap.live"),
	},
	released: {
		code: "binary",
		check: (why, holds) => {
			assert.ok((why.runtime?.heapReleasedBytes ?? 0) >= number(holds, "releasedBytes"));
			assert.ok(why.rssBytes < 8 * MiB && lineBytes(why, "heap") < MiB);
		},
	},
	sharedmem: {
		code: "shared",
		check: (why, holds) => assert.equal(lineBytes(why, "shared"), number(holds, "sharedBytes")),
	},
	threadstacks: {
		code: "threads",
		check: (why, holds) =>
			assertNear(lineBytes(why, "threads.stacks"), number(holds, "threadStackBytes"), 2 * MiB, "threads.stacks"),
	},
};
