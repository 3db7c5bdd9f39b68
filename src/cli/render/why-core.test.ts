import assert from "node:assert/strict";
import { test } from "node:test";
import type { WhyCoreResult } from "../../api/why-shape.ts";
import { terminalFor } from "../terminal.ts";
import { render } from "./why.ts";

const MiB = 2 ** 20;

const RESULT: WhyCoreResult = {
	target: { pid: 4242, name: "orders-api", goVersion: "go1.26.8", exe: "/srv/orders-api" },
	at: "2026-11-23T18:00:00.000Z",
	rssBytes: 100 * MiB,
	vszBytes: 1200 * MiB,
	core: {
		file: "core.4242",
		maker: "kernel",
		signal: 11,
		zeroBytes: 40 * MiB,
		fileBytesLeftOut: 10 * MiB,
		anonymousBytesLeftOut: 0,
		missingBytes: 5 * MiB,
		uncheckedBytes: 0,
	},
	lines: [{ id: "heap.live", bytes: 100 * MiB, what: "objects marked live at the last GC", source: "spans" }],
	residualBytes: 0,
	verdict: {
		code: "live-heap",
		sentence: "Live Go objects (100 % of 100.0 MiB in the core)",
		confidence: "high",
		reasons: [],
		advice: [],
		next: [{ command: "gomem stacks core.4242", says: "what the goroutines were doing" }],
		also: [],
	},
	blur: { heapBytes: 0, paused: false },
	unavailable: [{ part: "time", why: "a core does not hold when it was made" }],
	cost: { wallMs: 900, pausedMs: 0, bytesRead: 120 * MiB },
};

test("a core's screen speaks of the core, not of RSS and limits", () => {
	const text = render(RESULT, { ...terminalFor(process.stdout, "never", {}), columns: 100 });
	const lines = text.split("\n");
	assert.equal(lines[2], "  in the core 100.0 MiB of VSZ 1.17 GiB, made by the kernel · ended by SIGSEGV");
	assert.equal(lines[3], "  not counted: zero pages 40.0 MiB · file pages not dumped 10.0 MiB · cut off 5.0 MiB");
	assert.match(text, /^ {2}heap {4}objects marked live at the last GC .*100\.0 MiB {2}100 %/m);
	assert.match(text, /^Missing {3}time: a core does not hold when it was made$/m);
	assert.equal(lines.at(-1), "read in 900 ms · 120.0 MiB read of a core");
	assert.doesNotMatch(text, /RSS|swap|PSS|limit|up \d/);
	assert.ok(lines.every((line) => line.length <= 100));
});
