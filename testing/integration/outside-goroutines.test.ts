import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inflate } from "../../src/capture/inflate.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { goroutineProfileOf, outsideGoroutineProfile } from "../../src/capture/process-profile.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { readProfile } from "../../src/formats/pprof/read.ts";
import { walkProfile } from "../../src/formats/pprof/walk.ts";
import { columnSum } from "../../src/profile/combine/values.ts";
import { multiset } from "../profile-multiset.ts";
import { parked } from "../settled.ts";
import {
	type BuildMode,
	goVersions,
	type RunningSubject,
	type StartOptions,
	skipReason,
	startSubject,
} from "../subjects.ts";

// The goroutine profile read from outside, against the one that the process writes of itself.

const modes: readonly BuildMode[] = ["plain", "stripped", "pie", "stripped-pie", "cgo"];

async function ownProfile(subject: RunningSubject): Promise<Profile> {
	const { base64 } = (await subject.ask("proto goroutine")) as { base64: string };
	return readProfile(Buffer.from(base64, "base64"), { inflate }).profile;
}

/** The one that answers writes its profile then, and waits for the next question later. */
function withoutAsked(profile: Profile): Map<string, number[]> {
	return new Map([...multiset(profile)].filter(([stack]) => !stack.includes(" main.main ")).sort());
}

/** runtime/pprof keeps so many frames (maxStack in runtime/mprof.go; GODEBUG=profstackdepth since Go 1.23). */
function depthOf(subject: RunningSubject): number {
	return Number(/^go1\.(\d+)/.exec(subject.go)?.[1]) < 23 ? 32 : 128;
}

/** Labels are a map before Go 1.24, which is not read. */
function labelsAreRead(subject: RunningSubject): boolean {
	return Number(/^go1\.(\d+)/.exec(subject.go)?.[1]) >= 24;
}

/** Starts one whose goroutines have all parked, but for the one that answers: on a busy machine that takes a while. */
async function startParked(name: string, options: StartOptions = {}): Promise<RunningSubject> {
	const subject = await startSubject(name, options);
	try {
		await parked(subject);
		return subject;
	} catch (error) {
		await subject.close();
		throw error;
	}
}

describe("the outside goroutine profile is the process's own", () => {
	for (const [g, go] of goVersions.entries()) {
		for (const [m, mode] of modes.entries()) {
			if (process.env["GOMEM_TEST_MATRIX"] !== "full" && g > 0 && m > 0 && (g + m) % 4 !== 0) continue;
			test(`go${go} ${mode}`, async (t) => {
				const options: StartOptions = { go, mode };
				const skip = await skipReason("stackshapes", options);
				if (skip !== false) return t.skip(skip);
				await using subject = await startParked("stackshapes", options);
				const own = await ownProfile(subject);
				const read = await outsideGoroutineProfile(subject.pid, { details: "own", maxFrames: depthOf(subject) });
				assert.ok(!isUnavailable(read), isUnavailable(read) ? read.unavailable : "");
				assert.deepEqual(walkProfile(read.profile), []);
				assert.deepEqual(read.profile.sampleTypes, own.sampleTypes);
				assert.deepEqual(read.profile.periodType, own.periodType);
				assert.equal(read.profile.period, own.period);
				assert.equal(read.profile.defaultSampleType, own.defaultSampleType);
				const [theirs, ours] = [withoutAsked(own), withoutAsked(read.profile)];
				assert.ok(ours.size >= 18, `${ours.size} distinct samples`);
				assert.deepEqual(ours, theirs);
				assert.equal(read.goroutines, columnSum(own.samples.values[0]!)); // it has one sample type
			});
		}
	}
});

describe("labels of goroutines", () => {
	for (const go of goVersions) {
		test(`go${go}`, async (t) => {
			const skip = await skipReason("stackshapes", { go });
			if (skip !== false) return t.skip(skip);
			await using subject = await startParked("stackshapes", { go, args: ["-labels"] });
			const read = await outsideGoroutineProfile(subject.pid, { details: "own", maxFrames: depthOf(subject) });
			assert.ok(!isUnavailable(read));
			if (!labelsAreRead(subject)) {
				assert.equal(read.labelsUnread, 12);
				return;
			}
			assert.equal(read.labelsUnread, 0);
			const ours = withoutAsked(read.profile);
			assert.deepEqual(ours, withoutAsked(await ownProfile(subject)));
			assert.equal([...ours.keys()].filter((key) => key.includes("tenant=ü — long ⟨1⟩")).length, 3);
		});
	}
});

describe("what its own profile does not tell", () => {
	test("states, who made them and the bytes of stacks, whole and resident", async () => {
		await using subject = await startParked("goroutines", { args: ["-n", "3000", "-sockets", "100"] });
		const observed = await ObservedProcess.open(subject.pid, { stacks: true });
		assert.ok(!isUnavailable(observed));
		const observation = await observed.read();
		observed.close();
		const read = goroutineProfileOf(observation);
		assert.ok(!isUnavailable(read));
		const { profile } = read;
		assert.deepEqual(walkProfile(profile), []);
		const { groups } = await subject.goroutines();
		const states = new Map<string, number>();
		for (const { state, count, createdBy } of groups) {
			if (createdBy === "main.start") states.set(state, (states.get(state) ?? 0) + count);
		}
		assert.deepEqual(sums(profile, "state", "main.start"), states);
		const { stacks } = observation;
		assert.ok(stacks !== undefined && !isUnavailable(stacks));
		const [counts, space, resident] = profile.samples.values.map((column) => columnSum(column));
		assert.equal(counts, read.goroutines);
		assert.ok(counts !== undefined && counts >= 3000 && counts < 3020, String(counts));
		// a stack is a power of two, 2 KiB at least; that of each of these was used
		assert.ok(space !== undefined && space >= counts * 2048 && space % 2048 === 0);
		assert.ok(resident !== undefined && resident <= space && resident >= counts * 512);
		const whole = goroutineProfileOf(observation, { system: true });
		assert.ok(!isUnavailable(whole));
		assert.equal(whole.goroutines, stacks.count);
		assert.equal(
			columnSum(whole.profile.samples.values[1]!), // as above
			stacks.stackHigh.reduce((sum, high, i) => sum + high - (stacks.stackLow[i] ?? 0), 0),
		);
	});

	test("whole stacks, deeper than runtime/pprof keeps", async () => {
		await using subject = await startParked("stackshapes");
		const read = await outsideGoroutineProfile(subject.pid);
		assert.ok(!isUnavailable(read));
		const { samples } = read.profile;
		let deepest = 0;
		for (let s = 0; s < samples.count; s++) {
			deepest = Math.max(deepest, (samples.locationStart[s + 1] ?? 0) - (samples.locationStart[s] ?? 0));
		}
		assert.ok(deepest >= 300 && deepest < 320, `${deepest} locations`);
	});

	test("of a process that has ended, or is no Go program, there is none", async () => {
		const gone = await outsideGoroutineProfile(2 ** 22 + 1);
		assert.ok(isUnavailable(gone));
		const other = await outsideGoroutineProfile(process.pid);
		assert.ok(isUnavailable(other));
	});
});

/** Goroutines by the value of a label, of those that a function made. */
function sums(profile: Profile, key: string, createdBy: string): Map<string, number> {
	const { samples, strings } = profile;
	const result = new Map<string, number>();
	for (let s = 0; s < samples.count; s++) {
		const labels = new Map<string, string>();
		for (let l = samples.labelStart[s] ?? 0; l < (samples.labelStart[s + 1] ?? 0); l++) {
			labels.set(strings.text(samples.labels.key[l] ?? 0), strings.text(Math.max(0, samples.labels.text[l] ?? 0)));
		}
		if (labels.get("created_by") !== createdBy) continue;
		const value = labels.get(key) ?? "";
		result.set(value, (result.get(value) ?? 0) + (samples.values[0]?.numbers[s] ?? 0));
	}
	return result;
}
