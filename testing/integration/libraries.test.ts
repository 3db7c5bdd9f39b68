import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { operation as memstats } from "../../src/api/memstats.ts";
import type { MemStatsResult } from "../../src/api/memstats-shape.ts";
import { type StacksResult, operation as stacks } from "../../src/api/stacks.ts";
import { operation as why } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { documentOf } from "../operations.ts";
import { assertBetween, halted } from "../settled.ts";
import { whyNoC } from "../subject-toolchain.ts";
import { SubjectUnavailable, toolchain } from "../subjects.ts";

// Go code that is not, or not all, in the executable: plugins, and Go as a library of a C program.

const run = promisify(execFile);
const sources = join(import.meta.dirname, "testdata/libraries");
let folder = "";
let missing: string | undefined;

before(async () => {
	folder = mkdtempSync(join(tmpdir(), "gomem-libraries-"));
	missing = await whyNoC("dynamic");
	try {
		await toolchain();
	} catch (error) {
		if (!(error instanceof SubjectUnavailable)) throw error;
		missing = error.message;
	}
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function go(...args: string[]): Promise<void> {
	const tools = await toolchain();
	await run(tools.go, ["build", "-trimpath", ...args], { cwd: sources, env: { ...tools.env, CGO_ENABLED: "1" } });
}

const at = (name: string) => join(folder, name);
const gcc = (...args: string[]) => run("gcc", args, { cwd: join(sources, "loader") });

/** Starts a program and waits for its last line before it waits itself. */
async function start(program: string, args: readonly string[], lines: number) {
	const child = spawn(program, [...args], { stdio: ["pipe", "pipe", "inherit"] });
	const told: string[] = [];
	let wake = () => {};
	let ended: string | undefined;
	child.once("exit", (code) => {
		ended = `${program} ended with ${code}`;
		wake();
	});
	createInterface({ input: child.stdout }).on("line", (line) => {
		told.push(line);
		wake();
	});
	const until = async (count: number) => {
		while (told.length < count) {
			assert.equal(ended, undefined, told.join("\n"));
			await new Promise<void>((resolve) => {
				wake = resolve;
			});
		}
		return told[count - 1] ?? "";
	};
	const last = await until(lines);
	const { pid } = child;
	assert.ok(pid !== undefined);
	return {
		pid,
		last,
		/** Lets it go on, at a line of input, and gives the last of as many more lines. */
		async again() {
			process.kill(pid, "SIGCONT");
			child.stdin.write("\n");
			return until(2 * lines);
		},
		[Symbol.dispose]: () => child.kill("SIGKILL"),
	};
}

const input = (pid: number) => ({ target: String(pid) });
const read = async <T>(operation: Parameters<typeof documentOf>[0], pid: number): Promise<T> =>
	(await documentOf(operation, input(pid))) as unknown as T;

describe("plugins", () => {
	for (const flags of [[], ["-ldflags=-s -w"]] as const) {
		test(`goroutines in a plugin's code have names, ${flags.length === 0 ? "plain" : "stripped"}`, async (t) => {
			if (missing !== undefined) return t.skip(missing);
			await go("-buildmode=plugin", ...flags, "-o", at("plugin.so"), "./plugin");
			await go(...flags, "-o", at("host"), "./host");
			using host = await start(at("host"), [at("plugin.so")], 1);
			await halted(host.pid);
			const { groups } = await read<StacksResult>(stacks, host.pid);
			const parked = groups.find((g) => g.frames.some((f) => f.function.endsWith("/plugin.park")));
			assert.ok(parked !== undefined, JSON.stringify(groups));
			assert.equal(parked.count, 1);
			assert.ok(parked.createdBy.endsWith("/plugin.Work"), parked.createdBy);
			assert.match(parked.createdAt?.file ?? "", /plugin\.go$/);
			const ledger = await read<WhyResult>(why, host.pid);
			assert.ok(ledger.lines.some((line) => line.id.includes("plugin.so")));
			assert.ok(Math.abs(ledger.residualBytes) < ledger.rssBytes * 0.01);
		});
	}
});

describe("Go in a C program", () => {
	const forms = [
		["a shared library loaded by dlopen", "c-shared", []],
		["a stripped shared library", "c-shared", ["-ldflags=-s -w"]],
		["an archive linked in", "c-archive", []],
	] as const;
	for (const [what, mode, flags] of forms) {
		test(what, async (t) => {
			if (missing !== undefined) return t.skip(missing);
			const library = at(mode === "c-shared" ? "libshared.so" : "libshared.a");
			await go(`-buildmode=${mode}`, ...flags, "-o", library, "./shared");
			if (mode === "c-shared") await gcc("dl.c", "-o", at("program"), "-ldl");
			else await gcc("linked.c", library, "-o", at("program"), "-lpthread");
			using program = await start(at("program"), mode === "c-shared" ? [library] : [], 2);
			const before = JSON.parse(program.last) as Record<string, number>;
			await halted(program.pid);
			const told = await read<MemStatsResult>(memstats, program.pid);
			const ledger = await read<WhyResult>(why, program.pid);
			const { groups } = await read<StacksResult>(stacks, program.pid);
			const after = JSON.parse(await program.again()) as Record<string, number>;
			for (const name of ["NumGC", "TotalAlloc", "HeapSys", "StackSys", "GCSys", "HeapInuse", "HeapAlloc"] as const) {
				// these only rise; of the others some may be less in between, as garbage is swept and stacks are made of free heap
				const room = /^(?:NumGC|TotalAlloc|GCSys)$/.test(name) ? 0 : 256 * 1024;
				assertBetween(Number(told[name]), [before[name] ?? 0, after[name] ?? 0], room, name);
			}
			assert.equal(groups.find((g) => g.frames.some((f) => f.function === "main.park"))?.count, 5);
			const live = ledger.lines.find((line) => line.id === "heap.live")?.bytes ?? 0;
			assert.ok(live > 4 * 2 ** 20, `${live} live`);
			assert.ok(!ledger.lines.some((line) => line.id === "anon.unread"), JSON.stringify(ledger.lines.map((l) => l.id)));
			assert.ok(Math.abs(ledger.residualBytes) < ledger.rssBytes * 0.01);
		});
	}
});
