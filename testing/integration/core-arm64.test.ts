import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { operation as memstatsOperation } from "../../src/api/memstats.ts";
import { operation as whyOperation } from "../../src/api/why.ts";
import type { WhyCoreResult } from "../../src/api/why-shape.ts";
import { missing } from "../debian-packages.ts";
import { documentOf } from "../operations.ts";
import { toolchain } from "../subjects.ts";
import { rejectsWith } from "./captures.ts";
import { assertNear, lineBytes } from "./why-truth.ts";

// An arm64 program under qemu's user mode, which writes the core of its guest: no arm64 machine is needed for that.

const exec = promisify(execFile);
const subjects = join(import.meta.dirname, "../../subjects");
const folder = mkdtempSync(join(tmpdir(), "gomem-arm64-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The emulator's command, or why there is none. */
function emulator(): { readonly command: string } | { readonly missing: string } {
	const command = ["qemu-aarch64-static", "qemu-aarch64"].find((name) => missing(name) === false);
	return command === undefined ? { missing: missing("qemu-aarch64-static") || "" } : { command };
}

for (const go of ["1.23.12", "1.21.13"]) {
	test(`go${go} arm64: MemStats and lines out of a core of qemu`, async (t) => {
		const qemu = emulator();
		if ("missing" in qemu) return t.skip(qemu.missing);
		const program = await build(go);
		const there = mkdtempSync(join(folder, "core-"));
		const child = spawn("prlimit", ["--core=unlimited", qemu.command, program, "-mib", "16"], {
			cwd: there,
			env: { PATH: process.env["PATH"] ?? "", GOTRACEBACK: "crash", TMPDIR: there },
			stdio: ["pipe", "pipe", "ignore"],
		});
		const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
		await lines.next(); // it is ready
		child.stdin.write("memstats\n");
		const truth = JSON.parse((await lines.next()).value as string) as Record<string, number>;
		child.kill("SIGABRT");
		await once(child, "exit");
		const core = readdirSync(there).find((name) => name.endsWith(".core"));
		if (core === undefined) return t.skip(`${qemu.command} writes no cores: ${readdirSync(there).join(" ")}`);
		const target = join(there, core);

		const fields = await documentOf(memstatsOperation, { target, exe: program });
		for (const field of ["HeapInuse", "HeapAlloc", "HeapObjects", "Sys", "HeapReleased", "GCSys", "NumGC"]) {
			const told = truth[field] ?? 0;
			assertNear(Number(fields[field]), told, Math.max(told * 0.01, 65536), field);
		}
		if (process.arch === "x64") {
			const foreign = documentOf(whyOperation, { target, exe: process.execPath });
			assert.match(
				(await rejectsWith(foreign, "executable-mismatch")).message,
				/it is for amd64, the core is of arm64/,
			);
		}
		const why = (await documentOf(whyOperation, { target, exe: program })) as unknown as WhyCoreResult;
		assert.equal(why.core.maker, "other");
		assert.match(why.target.layout ?? "", /arm64/);
		const inSpans = lineBytes(why, "heap") - lineBytes(why, "heap.idle") - lineBytes(why, "heap.scavenged");
		assertNear(inSpans, truth["HeapInuse"] ?? 0, 2 ** 20, "heap in spans");
		assertNear(
			why.lines.reduce((n, line) => n + line.bytes, 0),
			why.rssBytes,
			why.rssBytes * 0.005,
			"lines",
		);
	});
}

async function build(go: string): Promise<string> {
	const tools = await toolchain(go);
	const program = join(folder, `livemap-${go}`);
	const env = { ...tools.env, GOARCH: "arm64", CGO_ENABLED: "0" };
	await exec(tools.go, ["build", "-o", program, "./livemap"], { cwd: subjects, env });
	return program;
}
