import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inflate } from "../../src/capture/inflate.ts";
import {
	type GoroutineReadOptions,
	outsideGoroutineProfile,
	outsideHeapProfile,
} from "../../src/capture/process-profile.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { readProfile } from "../../src/formats/pprof/read.ts";
import { compareProfiles, type ProfileComparison } from "../../src/profile/compare.ts";
import { multiset } from "../profile-multiset.ts";
import { type RunningProgram, realProgramNames, skipReal, startReal } from "../real-programs.ts";

// Programs that we did not write: what is read from outside, against what their own endpoint says before and after.

async function own(program: RunningProgram, path: string): Promise<Profile> {
	return readProfile(await program.get(`/debug/pprof/${path}`), { inflate }).profile;
}

/** The outside profile, and the own one where it was the same before and after. */
async function settled(
	program: RunningProgram,
	path: string,
	read: () => Promise<{ readonly profile: Profile } | { readonly unavailable: string }>,
	isBetween: (stack: string) => boolean,
): Promise<{ readonly own: Profile; readonly outside: Profile }> {
	const seen = (profile: Profile) => [...multiset(profile)].filter(([stack]) => isBetween(stack)).sort();
	for (let tries = 0; ; tries++) {
		const before = await own(program, path);
		const outside = await read();
		assert.ok(!("unavailable" in outside), "unavailable" in outside ? outside.unavailable : "");
		const after = await own(program, path);
		try {
			assert.deepEqual(seen(after), seen(before));
			return { own: before, outside: outside.profile };
		} catch (error) {
			if (tries === 20) throw error;
			await sleep(300);
		}
	}
}

/** The goroutines when none of them runs, as it is not known where: those that answered the last question end first. */
async function quiet(program: RunningProgram, options?: GoroutineReadOptions) {
	for (let tries = 0; ; tries++) {
		const read = await outsideGoroutineProfile(program.pid, options);
		if (isUnavailable(read) || read.running === 0 || tries === 50) return read;
		await sleep(100);
	}
}

function told({ totals, stacks }: ProfileComparison): string {
	const sums = totals.map(({ type, first, second }) => `${type} ${first} (difference ${second - first})`).join(", ");
	return `${sums}; ${stacks.same} stacks the same, ${stacks.changed} changed, ${stacks.onlyFirst} + ${stacks.onlySecond} on one side`;
}

describe("profiles from outside are those of the program's own endpoint", () => {
	for (const name of realProgramNames) {
		test(name, async (t) => {
			const skip = await skipReal(name);
			if (skip !== false) return t.skip(skip);
			await using program = await startReal(name);
			for (let i = 0; i < 3; i++) await program.get("/debug/pprof/heap?gc=1");
			const heap = await settled(
				program,
				"heap",
				() => outsideHeapProfile(program.pid),
				() => true,
			);
			assert.deepEqual(multiset(heap.outside), multiset(heap.own));
			const comparison = compareProfiles(heap.own, heap.outside);
			t.diagnostic(`heap: ${told(comparison)}`);
			assert.deepEqual(comparison.differences, []);
			assert.ok(comparison.stacks.same >= 5 && comparison.totals.every((one) => one.first === one.second));

			// the goroutines that serve the question are there on one side, one of them not begun: its stack is empty
			const isOther = (stack: string) => stack !== "" && !/ net\/http\.\(\*conn(?:Reader)?\)\./.test(stack);
			const read = () => quiet(program, { details: "own", maxFrames: 128 });
			const goroutines = await settled(program, "goroutine", read, isOther);
			const others = (profile: Profile) => new Map([...multiset(profile)].filter(([stack]) => isOther(stack)));
			t.diagnostic(`goroutines: ${told(compareProfiles(goroutines.own, goroutines.outside))}`);
			assert.deepEqual(others(goroutines.outside), others(goroutines.own));
			assert.ok(others(goroutines.own).size >= 3);
			const whole = await quiet(program);
			assert.ok(!isUnavailable(whole) && whole.running <= 1);
		});
	}
});
