import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WhyResult } from "../../api/why-shape.ts";
import { lineKind } from "../../ledger/lines.ts";
import { visible } from "../table.ts";
import { terminalFor } from "../terminal.ts";
import { render } from "./why.ts";

const MiB = 2 ** 20;
const plain = terminalFor({}, "never", {});

function result(lines: Readonly<Record<string, number>>, more: Partial<WhyResult> = {}): WhyResult {
	const list = Object.entries(lines).map(([id, mib]) => ({
		id,
		bytes: mib * MiB,
		what: lineKind(id).what,
		source: lineKind(id).source,
	}));
	const rssBytes = list.reduce((n, line) => n + line.bytes, 0);
	return {
		target: { pid: 4242, name: "orders-api", goVersion: "go1.26.8", exe: "/srv/orders-api", uptimeSeconds: 273600 },
		at: "2026-11-23T12:00:00.000Z",
		rssBytes,
		pssBytes: rssBytes,
		swapBytes: 0,
		vszBytes: 2048 * MiB,
		limit: { bytes: 2048 * MiB, source: "cgroup /pod", usedBytes: rssBytes },
		runtime: {
			sysBytes: 900 * MiB,
			heapAllocBytes: 600 * MiB,
			heapReleasedBytes: 10 * MiB,
			nextGcBytes: 1000 * MiB,
			numGC: 12,
			lastGcSecondsAgo: 12,
			gogc: 100,
			goroutines: 1204,
		},
		lines: list,
		residualBytes: 0,
		verdict: {
			code: "live-heap",
			sentence:
				"Live Go objects: the program holds them, and the last GC found them reachable (51 % of 1.0 GiB resident)",
			confidence: "high",
			reasons: ["a reason"],
			advice: [
				"an advice that is long enough to be wrapped over more than one line of the screen, as most of them are",
			],
			next: [{ command: "gomem why 4242 --every 10s --for 5m", says: "what grows, line by line" }],
			also: ["something else"],
		},
		blur: { heapBytes: 0, paused: false },
		unavailable: [],
		cost: { wallMs: 210, pausedMs: 0, bytesRead: 38 * MiB },
		...more,
	};
}

const usual = {
	"heap.live": 512,
	"heap.new": 88,
	"heap.free-slots": 61.7,
	"stacks.used": 14.9,
	"runtime.metadata.spans": 5,
	"binary.text": 10,
	"c.heap": 301,
	"files./data/index.bolt": 121,
};

test("every line of the ledger is on the screen, small ones together, and nothing is wider than the terminal", () => {
	const text = render(result(usual), plain);
	assert.match(text, /^orders-api · pid 4242 · go1\.26\.8 · up 3 d 4 h · GOGC=100 · GOMEMLIMIT unset$/m);
	assert.match(text, /live at the last GC, 12 s ago +512\.0 MiB +46 %/);
	assert.match(text, /in use by 1,204 goroutines and the runtime +14\.9 MiB/);
	assert.match(text, /^ {2}C +C heap.* 301\.0 MiB/m);
	assert.match(text, /\/data\/index\.bolt \(mapped\) +121\.0 MiB/);
	assert.match(text, /residual: on no line +0 B/);
	assert.match(text, /^Next +gomem why 4242/m);
	for (const line of text.split("\n")) assert.ok(visible(line) <= 100, line);
});

test("the sizes on the screen add up to the Rss", () => {
	const lines = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`libs.lib${i}.so`, 1 + i]));
	const text = render(
		result({ "heap.live": 500, ...lines, "runtime.metadata.gc-bits": 1, "runtime.profiling": 2 }),
		plain,
	);
	const sizes = [...text.matchAll(/ ([\d.]+) MiB +<?\d+ %/g)].map((match) => Number(match[1]));
	assert.equal(Math.round(sizes.reduce((a, b) => a + b, 0)), 500 + 465 + 3);
});

describe("what is shown only where it is so", () => {
	test("growth by line, the rate, and the time to the limit", () => {
		const grown = result(usual, {
			growth: { readings: 5, seconds: 60, rssBytes: 100 * MiB, rssBytesPerHour: 6000 * MiB, secondsToLimit: 620 },
		});
		const lines = grown.lines.map((line) => (line.id === "c.heap" ? { ...line, growthBytes: 99 * MiB } : line));
		const text = render({ ...grown, lines }, plain);
		assert.match(text, /RSS .* \+5\.9 GiB\/h, limit in about 10 min 20 s/);
		assert.match(text, /C heap.*\+99\.0 MiB$/m);
		for (const line of text.split("\n")) assert.ok(visible(line) <= 100, line);
	});

	test("what could not be read, why, and what would help", () => {
		const text = render(
			result(usual, { unavailable: [{ part: "runtime", why: "the layout is not known", wouldHelp: "a newer gomem" }] }),
			plain,
		);
		assert.match(text, /^Missing +runtime: the layout is not known$/m);
		assert.match(text, /→ a newer gomem$/m);
	});

	test("a moving target, a pause", () => {
		assert.match(
			render(result(usual, { blur: { heapBytes: 50 * MiB, paused: false } }), plain),
			/ · heap ±4 %, it moves \(--pause for exact\)$/,
		);
		assert.match(
			render(result(usual, { cost: { wallMs: 300, pausedMs: 45, bytesRead: MiB } }), plain),
			/target paused 45 ms/,
		);
	});

	test("long names are wrapped, not cut off the screen", () => {
		const target = {
			pid: 1,
			name: "a-service-with-quite-a-long-name",
			goVersion: "go1.26.8-X:nogreenteagc",
			exe: "/x",
			container: "kubepods-0123456789ab-with-more",
			uptimeSeconds: 5,
			exeDeleted: true,
		};
		for (const line of render(result(usual, { target }), plain).split("\n")) assert.ok(visible(line) <= 100, line);
	});
});
