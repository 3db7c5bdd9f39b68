import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { openExecutable } from "../../src/capture/linux/executable.ts";
import { openSafeMemory, zeroWhereAbsent } from "../../src/capture/linux/safe-memory.ts";
import { LiveMemory } from "../../src/capture/target-memory.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { parseElf } from "../../src/formats/elf/parse.ts";
import { parseMaps } from "../../src/formats/procfs/maps.ts";
import { attachRuntime } from "../../src/goruntime/attach.ts";
import { chooseLayouts } from "../../src/goruntime/layouts/layouts.ts";
import { readAlike } from "../../src/goruntime/pick-layout.ts";
import { identifyProgram } from "../../src/goruntime/program.ts";
import { readRuntime } from "../../src/goruntime/runtime-state.ts";
import { allGoVersions, goVersions, skipReason, startSubject } from "../subjects.ts";

// A patch release that the table does not have: the process decides which layout of its minor is the one.

/** Reads a process as if its executable said to be of another release. */
async function attachAs(pid: number, goVersion: string) {
	const exe = openExecutable(pid);
	const maps = parseMaps(readFileSync(`/proc/${pid}/maps`));
	const memory = openSafeMemory(pid, { zeroWhereAbsent: zeroWhereAbsent(maps) });
	assert.ok(!isUnavailable(exe) && !isUnavailable(memory));
	const file = identifyProgram(parseElf(exe.file));
	assert.ok(file !== undefined);
	const attached = await attachRuntime({ ...file, goVersion }, 0, new LiveMemory(memory));
	const spans = isUnavailable(attached) ? 0 : readRuntime(attached.view).spans.count;
	exe.file.close();
	memory.close();
	return { attached, spans };
}

describe("an unknown patch release is read by the layout of its minor that fits", () => {
	for (const go of goVersions) {
		for (const mode of ["plain", "stripped"] as const) {
			test(`go${go} ${mode}`, async (t) => {
				const skip = await skipReason("livemap", { go, mode });
				if (skip !== false) return t.skip(skip);
				await using subject = await startSubject("livemap", { go, mode, args: ["-mib", "8"] });
				await subject.stop();
				const minor = go.split(".").slice(0, 2).join(".");
				const { attached, spans } = await attachAs(subject.pid, `go${minor}.999`);
				const exact = await chooseLayouts(`go${go}`, "amd64");
				await subject.resume();
				assert.ok(!isUnavailable(attached), JSON.stringify(attached));
				assert.equal(attached.program.layout?.certainty, "validated");
				assert.equal(attached.program.globalsFrom, mode === "plain" ? "symbols" : "structure");
				assert.ok(exact.kind === "exact" && readAlike(exact.layout, attached.view.layout), attached.view.layout.label);
				assert.ok(spans > 100, `${spans} spans`);
			});
		}
	}

	test("and a process of another minor is not read by it", async (t) => {
		const skip = await skipReason("livemap");
		if (skip !== false) return t.skip(skip);
		await using subject = await startSubject("livemap", { args: ["-mib", "8"] });
		await subject.stop();
		// 1.27 keeps the heap and the scheduler as 1.26 does
		const others = allGoVersions.filter((go) => !/^1\.2[67]\./.test(go));
		const refused: string[] = [];
		for (const other of others) {
			const minor = other.split(".").slice(0, 2).join(".");
			const { attached } = await attachAs(subject.pid, `go${minor}.999`);
			if (isUnavailable(attached)) refused.push(other);
		}
		await subject.resume();
		assert.deepEqual(refused, others);
	});
});
