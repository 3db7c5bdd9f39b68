import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inflate } from "../../src/capture/inflate.ts";
import { outsideHeapProfile } from "../../src/capture/process-profile.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { readProfile } from "../../src/formats/pprof/read.ts";
import { walkProfile } from "../../src/formats/pprof/walk.ts";
import { assertBetween } from "../profile-multiset.ts";
import {
	type BuildMode,
	goVersions,
	type RunningSubject,
	type StartOptions,
	skipReason,
	startSubject,
} from "../subjects.ts";

// The heap profile read from outside, against the one that the process writes of itself.

const modes: readonly BuildMode[] = ["plain", "stripped", "pie", "stripped-pie", "cgo"];

async function ownProfile(subject: RunningSubject, name: string): Promise<Profile> {
	const { base64 } = (await subject.ask(`proto ${name}`)) as { base64: string };
	return readProfile(Buffer.from(base64, "base64"), { inflate }).profile;
}

async function outside(pid: number): Promise<Profile> {
	const found = await outsideHeapProfile(pid);
	assert.ok(!isUnavailable(found), isUnavailable(found) ? found.unavailable : "");
	assert.equal(found.records.torn, 0);
	assert.equal(found.records.cut, false);
	// samples that are 0 throughout are what Go writes, too
	assert.deepEqual(
		walkProfile(found.profile).filter((one) => one.severity !== "odd"),
		[],
	);
	return found.profile;
}

async function compare(subject: RunningSubject): Promise<void> {
	const before = await ownProfile(subject, "heap");
	const read = await outside(subject.pid);
	const after = await ownProfile(subject, "heap");
	assert.deepEqual(read.sampleTypes, before.sampleTypes);
	assert.deepEqual(read.periodType, before.periodType);
	assert.equal(read.period, before.period);
	assert.equal(read.defaultSampleType, before.defaultSampleType);
	const equal = assertBetween(before, read, after);
	assert.ok(equal >= 15, `only ${equal} samples stayed as they were`);
}

describe("the outside heap profile is the process's own", () => {
	for (const [g, go] of goVersions.entries()) {
		for (const [m, mode] of modes.entries()) {
			// every release and every way of linking, not each with each, unless the whole matrix is asked for
			if (process.env["GOMEM_TEST_MATRIX"] !== "full" && g > 0 && m > 0 && (g + m) % 3 !== 0) continue;
			test(`go${go} ${mode}`, async (t) => {
				const options: StartOptions = { go, mode };
				const skip = await skipReason("allocsites", options);
				if (skip !== false) return t.skip(skip);
				await using subject = await startSubject("allocsites", options);
				await compare(subject);
			});
		}
	}

	test("before the first collection all samples count", async () => {
		await using subject = await startSubject("allocsites", { args: ["-early"], env: { GOGC: "off" } });
		const found = await outsideHeapProfile(subject.pid);
		assert.ok(!isUnavailable(found));
		assert.equal(found.records.state, "all");
		await compare(subject);
	});
});
