import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inflate } from "../../src/capture/inflate.ts";
import { coreHeapProfile } from "../../src/capture/process-profile.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { readProfile } from "../../src/formats/pprof/read.ts";
import { multiset } from "../profile-multiset.ts";
import { arm64Core, buildArm64, emulator } from "./core-arm64-program.ts";

// The heap profile out of the core of an arm64 program, against the one that it wrote of itself.

const folder = mkdtempSync(join(tmpdir(), "gomem-arm64-profile-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * What answering, the runtime on the side, and dying allocate is sampled after the program's own profile was taken: no
 * collection has published it, so that it shows as stacks with nothing but zeros.
 */
function published(profile: Profile): Map<string, number[]> {
	return new Map([...multiset(profile)].filter(([, values]) => values.some((value) => value !== 0)).sort());
}

for (const [go, flags] of [
	["1.21.13", []],
	["1.24.13", ["-ldflags=-s -w"]],
	["1.27.3", ["-ldflags=-s -w"]],
] as const) {
	test(`go${go} arm64 ${flags.join("")}: the heap profile is the program's own, sampling rate and all`, async (t) => {
		const qemu = emulator();
		if ("missing" in qemu) return t.skip(qemu.missing);
		const program = await buildArm64("allocsites", go, folder, flags);
		const core = await arm64Core({ command: qemu.command, program, commands: ["proto heap"] }, folder);
		if (core.path === undefined) return t.skip(`${qemu.command} writes no cores: ${core.left.join(" ")}`);
		const { base64 } = core.answers[0] as { base64: string };
		const own = readProfile(Buffer.from(base64, "base64"), { inflate }).profile;
		const found = await coreHeapProfile(core.path, { executable: program });
		assert.ok(!isUnavailable(found), isUnavailable(found) ? found.unavailable : "");
		const read = found.profile;
		assert.deepEqual(read.sampleTypes, own.sampleTypes);
		assert.equal(read.period, own.period);
		assert.notEqual(read.period, 512 * 1024); // the subject's own, not the default
		const [theirs, ours] = [published(own), published(read)];
		assert.ok(ours.size >= 15, `${ours.size} distinct samples`);
		assert.deepEqual(ours, theirs);
	});
}
