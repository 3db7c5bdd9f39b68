import assert from "node:assert/strict";
import { test } from "node:test";
import type { PsResult } from "../../api/ps.ts";
import { visibleStrings } from "../output.ts";
import { terminalFor } from "../terminal.ts";
import { render } from "./ps.ts";

type Process = PsResult["processes"][number];

const terminal = (columns: number) => terminalFor({ isTTY: true, columns }, "never", {});
const MiB = 2 ** 20;

function row(pid: number, more: Partial<Process> = {}): Process {
	return {
		pid,
		ppid: 1,
		name: "orders-api",
		uid: 1000,
		exe: "/usr/bin/orders-api",
		goVersion: "go1.26.8",
		uptimeSeconds: 93_784,
		rssBytes: 812 * MiB,
		vszBytes: 1900 * MiB,
		limit: { bytes: 2048 * MiB, source: "cgroup /pod" },
		heapLiveBytes: 512 * MiB,
		heapAllocBytes: 600 * MiB,
		nextGcBytes: 1024 * MiB,
		numGC: 4,
		goroutines: 12_345,
		goroutinesFrom: "scheduler",
		gogc: 100,
		missing: [],
		...more,
	};
}

function result(processes: Process[], unreadable: PsResult["unreadable"] = []): PsResult {
	return { at: "2026-01-01T00:00:00.000Z", processes, unreadable, looked: 512, cost: { wallMs: 120, bytesRead: MiB } };
}

const DENIED = { why: "runs as uid 0, gomem as uid 1000 without CAP_SYS_PTRACE", wouldHelp: "run gomem as root" };

test("a line per process, in the columns that fit", () => {
	const narrow = render(result([row(4242), row(77, { name: "x" })]), terminal(80)).split("\n");
	assert.equal(narrow[0], " PID  NAME        GO            RSS  LIVE HEAP     GC AT  GOROUTINES  GOGC   UP");
	assert.equal(narrow[1], "4242  orders-api  1.26.8  812.0 MiB  512.0 MiB  1.00 GiB      12,345   100  1 d");
	const usual = render(result([row(4242)]), terminal(100)).split("\n");
	assert.match(usual[0] ?? "", /RSS +LIMIT +LIVE HEAP +HEAPALLOC +GC AT +GOROUTINES +GOGC +UP$/);
	const wide = render(result([row(4242, { container: "0123456789ab", module: "example.com/orders" })]), terminal(200));
	for (const head of ["PPID", "VSZ", "HEAPALLOC", "CONTAINER", "MODULE"]) assert.ok(wide.includes(head), head);
	assert.ok(!wide.includes("GOMEMLIMIT") && !wide.includes("SWAP"), "columns without a value are left out");
});

test("a pipe gets every column and whole lines, as from ps(1); COLUMNS limits them", () => {
	const module = `example.com/${"m".repeat(150)}`;
	const r = result([row(4242, { module, version: "v1.2.3", container: "0123456789ab" }), row(77)]);
	const piped = render(r, terminalFor({}, "never", {})).split("\n");
	const [heads = "", first = ""] = piped;
	for (const head of ["PPID", "VSZ", "CONTAINER", "VERSION", "MODULE"]) assert.ok(heads.includes(head), head);
	assert.ok(first.includes("4242") && first.endsWith(module), first);
	const limited = render(r, terminalFor({}, "never", { COLUMNS: "80" })).split("\n");
	assert.equal(limited[0], render(r, terminal(80)).split("\n")[0]);
});

test("no line is wider than the terminal, whatever the names", () => {
	const name = "a-very-long-name-of-a-command-that-nobody-would-type-by-hand";
	const goVersion = "go1.26.8-X:nogreenteagc,loopvar,rangefunc";
	const many = Array.from({ length: 300 }, (_, i) => ({ pid: 1000 + i, ppid: 1, name, ...DENIED }));
	const rows = [row(4_194_304, { name, goVersion, gogc: -1, memoryLimitBytes: 1234.5 * MiB, exeDeleted: true })];
	for (const columns of [80, 100, 160, 250]) {
		for (const line of render(result(rows, many), terminal(columns)).split("\n")) {
			assert.ok(line.length <= columns, `${columns}: ${line}`);
		}
	}
});

test("a limit of no bound and GOGC off", () => {
	const { nextGcBytes: _, ...off } = row(1, { gogc: -1 });
	const text = render(result([off]), terminal(100));
	assert.match(text, /600\.0 MiB +off +12,345 +off/);
});

test("what could not be read stands below, told once per reason", () => {
	const missing = (pid: number) => [
		{ part: "runtime", why: `process ${pid} holds capabilities that gomem lacks`, wouldHelp: "root" },
	];
	const bare = (pid: number): Process => {
		const {
			heapLiveBytes: _a,
			heapAllocBytes: _b,
			nextGcBytes: _c,
			numGC: _d,
			goroutines: _e,
			goroutinesFrom: _f,
			gogc: _g,
			...rest
		} = row(pid);
		return { ...rest, missing: missing(pid), environment: { GOGC: "50" } };
	};
	const unreadable = Array.from({ length: 9 }, (_, i) => ({
		pid: 10 + i,
		ppid: 1,
		name: "sshd",
		why: `process ${10 + i} ${DENIED.why}`,
		wouldHelp: DENIED.wouldHelp,
	}));
	const lines = render(result([bare(5), bare(6)], unreadable), terminal(100)).split("\n");
	assert.match(lines[1] ?? "", /^ +5 .* 50 +1 d$/, "GOGC as it was at start");
	assert.ok(lines.includes("  5 orders-api, 6 orders-api"));
	assert.ok(lines.includes("    no runtime: holds capabilities that gomem lacks"));
	assert.ok(lines.includes("9 processes not looked into, so maybe Go:"));
	assert.ok(lines.includes("  10 sshd, 11 sshd, 12 sshd, 13 sshd, 14 sshd, 15 sshd and 3 more"));
	assert.equal(lines.filter((line) => line.includes("CAP_SYS_PTRACE")).length, 1);
	assert.equal(lines.filter((line) => line.includes("→ run gomem as root")).length, 1);
});

test("a name cannot draw a row or a colour", () => {
	const name = "a\n  1 \x1b[31m";
	const text = render(
		visibleStrings(result([row(1, { name, module: "m\nn" })], [{ pid: 2, ppid: 1, name, ...DENIED }])),
		terminal(250),
	);
	assert.equal(text.split("\n").filter((line) => line.includes("a\\x0a  1 \\x1b[31m")).length, 2);
	assert.ok(text.includes("m\\x0an") && !text.includes("\x1b"));
});

test("marks are explained where they occur", () => {
	const plain = render(result([row(1)]), terminal(100));
	assert.ok(!plain.includes("*") && !plain.includes("~"));
	const marked = render(result([row(1, { exeDeleted: true, goroutinesFrom: "states" })]), terminal(100));
	assert.match(marked, /orders-api\* .* ~12,345/);
	assert.match(marked, /^\* the executable/m);
	assert.match(marked, /^~ counted by state/m);
});

test("nothing found is said", () => {
	assert.match(render(result([]), terminal(100)), /^no Go processes\n/);
	const hidden = render(result([], [{ pid: 1, ppid: 0, name: "init", ...DENIED }]), terminal(100));
	assert.match(hidden, /^no Go processes that gomem may look into\n/);
	assert.match(hidden, /1 process not looked into/);
});
