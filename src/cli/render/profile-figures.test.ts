import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Comparison, ProfileHead } from "../../api/profile-shape.ts";
import { terminalFor } from "../terminal.ts";
import { headLines, noRowsText, shownText } from "./profile-figures.ts";
import { asTyped, promptTerminal } from "./profile-spelling.ts";

const plain = terminalFor({}, "never", {});
const narrow = terminalFor({ isTTY: true, columns: 60 }, "never", {});
const prompt = promptTerminal(plain);
const bytes = { type: "inuse_space", unit: "bytes" };

function head(more: Partial<ProfileHead> = {}): ProfileHead {
	return {
		title: "app",
		sampleType: "inuse_space",
		unit: "bytes",
		total: 0,
		sampleTypes: [bytes],
		comments: [],
		filters: [],
		sources: [],
		...more,
	};
}

describe("what the process's own endpoint says otherwise", () => {
	const compared = (more: Partial<Comparison>): string => {
		const comparison = {
			endpoint: "http://127.0.0.1:6060/debug/pprof/heap",
			totals: [
				{ type: "alloc_objects", unit: "count", outside: 1, own: 1 },
				{ ...bytes, outside: 1024, own: 2048 },
				{ type: "inuse_objects", unit: "count", outside: 1, own: 2 },
			],
			stacks: { same: 4, changed: 0, onlyOutside: 0, onlyOwn: 0 },
			differences: [],
			...more,
		};
		return headLines(head({ comparison }), plain).join("\n");
	};

	test("a stack without frames has a name, and no type where there is but one", () => {
		const goroutines = compared({
			totals: [{ type: "goroutine", unit: "count", outside: 1, own: 2 }],
			stacks: { same: 1, changed: 0, onlyOutside: 0, onlyOwn: 1 },
			differences: [{ frames: [], outside: [0], own: [1] }],
		});
		assert.match(goroutines, /\n {6}\(no frames\): 0 \/ 1$/);
	});

	test("a stack is told by the first type in which it differs, and how many more there are", () => {
		const one = (name: string) => ({ frames: [name, "main.main"], outside: [1, 1024, 1], own: [1, 2048, 2] });
		const more = compared({
			stacks: { same: 4, changed: 3, onlyOutside: 1, onlyOwn: 1 },
			differences: ["main.a", "main.b", "main.c", "main.d"].map(one),
		});
		assert.match(more, /\n {6}main\.a: 1\.0 KiB \/ 2\.0 KiB inuse_space, and 1 more type\n/);
		assert.match(more, /main\.c: .*\n {6}2 more stacks differ \(--json\)$/);
		assert.doesNotMatch(more, /main\.d/);
	});
});

describe("a profile over a time in which nothing came about", () => {
	const none = (more: Partial<ProfileHead>, terminal = plain) =>
		noRowsText({ ...head(more), droppedNodes: 0 }, terminal);
	const source = (kind: "process" | "url", how: string) => [{ kind, name: "x", how, samples: 0 }];

	test("is told, and why that may be", () => {
		const outside = none({
			sources: source("process", "heap read from its memory, not paused, twice 1 s apart, and their difference"),
		});
		assert.equal(
			outside,
			"  nothing of inuse_space was sampled or changed in 1 s\n" +
				"  most likely no garbage collection finished meanwhile: a heap profile is as of the last one (more --seconds)",
		);
		const served = none({ sources: source("url", "one GET, over 5 s: protobuf, gzip") });
		assert.match(served, /changed in 5 s\n.*\(more --seconds, or two profiles of --gc and --diff-base\)$/);
	});

	test("of other kinds depends on no collection", () => {
		const cpu = { sampleType: "cpu", sampleTypes: [{ type: "cpu", unit: "nanoseconds" }], durationMs: 30_000 };
		assert.equal(none(cpu), "  nothing of cpu was sampled or changed in 30 s");
	});

	test("is something else than a filter that nothing matches", () => {
		const over = { durationMs: 1000 };
		for (const more of [{}, { ...over, filters: ["focus=x"] }, { ...over, total: 5 }]) {
			assert.equal(none(more), "  no samples like that");
		}
	});
});

describe("what to type", () => {
	const rows = { ...head({ total: 100 }), shown: 90, nodes: 12, droppedNodes: 3 };

	test("is a flag on the command line, and an option at the prompt", () => {
		assert.equal(
			shownText(rows, 10, plain),
			"90 B (90.0 %) in 10 rows · 2 more with --nodecount 0 · 3 small ones left out (--no-trim)",
		);
		assert.equal(
			shownText(rows, 10, prompt),
			"90 B (90.0 %) in 10 rows · 2 more with nodecount=0 · 3 small ones left out (trim=false)",
		);
		assert.match(noRowsText(rows, prompt), /: trim=false \(or nodefraction=0\) shows them$/);
		assert.doesNotMatch(noRowsText({ ...head({ durationMs: 1000 }), droppedNodes: 0 }, prompt), /--/);
	});

	test("of any text of ours", () => {
		assert.equal(asTyped("5 more (--json)"), "5 more (style=pprof)");
		assert.equal(asTyped("show less of it: --nodecount, --focus"), "show less of it: nodecount, focus");
		assert.equal(asTyped("name another file with -o"), "name another file with > FILE");
		assert.equal(asTyped("--alloc_space, --source-path"), "alloc_space, source_path");
		assert.equal(asTyped("started with --endpoint"), "started with --endpoint");
	});
});

test("the head is cut for a terminal, and for nothing else", () => {
	const long = head({
		comments: ["c".repeat(150)],
		filters: [`focus=${"f".repeat(150)}`],
		sources: [{ kind: "file", name: "n".repeat(150), how: "protobuf", samples: 1 }],
	});
	assert.ok(headLines(long, narrow).every((line) => line.length <= 60));
	assert.doesNotMatch(headLines(long, plain).join("\n"), /…/);
});
