import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { operation as memstatsOperation } from "../../src/api/memstats.ts";
import { operation as whyOperation } from "../../src/api/why.ts";
import type { WhyCoreResult } from "../../src/api/why-shape.ts";
import { documentOf } from "../operations.ts";
import { rejectsWith } from "./captures.ts";
import { arm64Core, buildArm64, emulator } from "./core-arm64-program.ts";
import { assertNear, lineBytes } from "./why-truth.ts";

// An arm64 program under qemu's user mode, which writes the core of its guest: no arm64 machine is needed for that.

const folder = mkdtempSync(join(tmpdir(), "gomem-arm64-"));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const go of ["1.23.12", "1.21.13"]) {
	test(`go${go} arm64: MemStats and lines out of a core of qemu`, async (t) => {
		const qemu = emulator();
		if ("missing" in qemu) return t.skip(qemu.missing);
		const program = await buildArm64("livemap", go, folder);
		// with a goal of the heap, the runtime would go on to release memory until the death
		const run = { args: ["-mib", "16"], env: { GOGC: "off" }, commands: ["memstats"] };
		const core = await arm64Core({ ...run, command: qemu.command, program }, folder);
		const target = core.path;
		if (target === undefined) return t.skip(`${qemu.command} writes no cores: ${core.left.join(" ")}`);
		const truth = core.answers[0] as Record<string, number>;

		const fields = await documentOf(memstatsOperation, { target, exe: program });
		// a thread more may take a chunk of heap, which is released as long as nothing else is in it
		const grown = Number(fields["HeapSys"]) - (truth["HeapSys"] ?? 0);
		assert.ok(grown === 0 || grown === 4 * 2 ** 20, `HeapSys grew by ${grown}`);
		for (const field of ["HeapInuse", "HeapAlloc", "HeapObjects", "Sys", "HeapReleased", "GCSys", "NumGC"]) {
			const told = truth[field] ?? 0;
			const seen = Number(fields[field]) - (["Sys", "HeapReleased"].includes(field) ? grown : 0);
			assertNear(seen, told, Math.max(told * 0.01, 65536), field);
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
