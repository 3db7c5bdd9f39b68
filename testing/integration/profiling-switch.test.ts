import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { outsideHeapProfile } from "../../src/capture/process-profile.ts";
import { enableProfiling, restoreProfiling } from "../../src/capture/profiling-switch.ts";
import { switchFolder } from "../../src/capture/profiling-switch-state.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { columnSum } from "../../src/profile/combine/values.ts";
import { type BuildMode, goVersions, skipReason, startSubject } from "../subjects.ts";

// Heap profiling switched on in a live process whose linker left it off, and back (tools/soak-profiling.ts is the long run).

const modes: readonly BuildMode[] = ["plain", "stripped", "stripped-pie", "cgo"];
let folder = "";
const stateHome = process.env["XDG_STATE_HOME"];

before(() => {
	folder = mkdtempSync(join(tmpdir(), "gomem-switch-"));
	process.env["XDG_STATE_HOME"] = folder;
});

after(() => {
	if (stateHome === undefined) delete process.env["XDG_STATE_HOME"];
	else process.env["XDG_STATE_HOME"] = stateHome;
	rmSync(folder, { recursive: true, force: true });
});

function whyNot(found: unknown): string {
	assert.ok(typeof found === "object" && found !== null && "unavailable" in found, "it was done");
	return String(found.unavailable);
}

/** alloc_space of the stacks that pass through a function. */
function allocated(profile: Profile, name: string): number {
	const { samples, locations, lines, functions, strings } = profile;
	let sum = 0;
	for (let s = 0; s < samples.count; s++) {
		const at = samples.location.subarray(samples.locationStart[s], samples.locationStart[s + 1]);
		const passes = at.some((location) =>
			lines.function
				.subarray(locations.lineStart[location], locations.lineStart[location + 1])
				.some((f) => strings.text(functions.name[f] ?? 0) === name),
		);
		if (passes) sum += samples.values[1]?.numbers[s] ?? 0;
	}
	return sum;
}

describe("--enable-profiling", () => {
	for (const [g, go] of goVersions.entries()) {
		for (const [m, mode] of modes.entries()) {
			if (process.env["GOMEM_TEST_MATRIX"] !== "full" && g > 0 && m > 0 && (g + m) % 3 !== 0) continue;
			test(`go${go} ${mode}: what is allocated from then on is seen, until --restore`, async (t) => {
				const skip = await skipReason("noprofile", { go, mode });
				if (skip !== false) return t.skip(skip);
				await using subject = await startSubject("noprofile", { go, mode, args: ["-mib", "8"] });
				const off = await outsideHeapProfile(subject.pid);
				assert.match(whyNot(off), /takes no samples|has sampled no allocation/);
				assert.match(whyNot(await restoreProfiling(subject.pid)), /nothing says that gomem has switched/);

				const on = await enableProfiling(subject.pid, 65536);
				assert.ok(!isUnavailable(on), isUnavailable(on) ? on.unavailable : "");
				assert.deepEqual([on.pid, on.before, on.after], [subject.pid, 0, 65536]);
				assert.match(whyNot(await enableProfiling(subject.pid)), /takes samples already: one every 65536 bytes/);
				await subject.ask("grow 64");
				for (let i = 0; i < 2; i++) await subject.ask("gc");
				const seen = await outsideHeapProfile(subject.pid);
				assert.ok(!isUnavailable(seen), isUnavailable(seen) ? seen.unavailable : "");
				assert.equal(seen.profile.period, 65536n);
				const grown = allocated(seen.profile, "gomem.test/subjects/internal/orders.(*Live).Grow");
				// 64 MiB and what maps and slices double; some 1000 samples: 10 % are three standard deviations
				assert.ok(grown > 0.9 * 2 ** 26 && grown < 4 * 2 ** 26, `${grown} bytes`);
				const held = columnSum(seen.profile.samples.values[3]!); // a heap profile has four sample types
				assert.ok(held > 0.8 * 2 ** 26, `${held} bytes held`);

				const back = await restoreProfiling(subject.pid);
				assert.ok(!isUnavailable(back), isUnavailable(back) ? back.unavailable : "");
				assert.deepEqual([back.address, back.before, back.after], [on.address, 65536, 0]);
				assert.match(whyNot(await outsideHeapProfile(subject.pid)), /MemProfileRate is 0/);
				assert.deepEqual(readdirSync(switchFolder()), []);
				// and it lives
				await subject.ask("grow 8");
				assert.ok(Number((await subject.memstats()).HeapAlloc) > 2 ** 26);
			});
		}
	}

	test("is refused for a process that samples, one without Go, and one that is not there", async () => {
		await using subject = await startSubject("livemap", { args: ["-mib", "1"] });
		assert.match(whyNot(await enableProfiling(subject.pid)), /takes samples already: one every 524288 bytes/);
		for (const pid of [process.pid, 2 ** 22 + 1]) whyNot(await enableProfiling(pid));
		for (const rate of [0, 1, 4095, 100_000, 2 ** 31, Number.NaN]) {
			assert.match(whyNot(await enableProfiling(subject.pid, rate)), /powers of two/);
		}
	});

	test("what was written down is for its user alone, and holds for that very process and value only", async () => {
		await using subject = await startSubject("noprofile", { args: ["-mib", "1"] });
		const on = await enableProfiling(subject.pid);
		assert.ok(!isUnavailable(on));
		const [name] = readdirSync(switchFolder());
		const path = join(switchFolder(), name ?? "");
		assert.equal(statSync(path).mode & 0o777, 0o600);
		assert.equal(statSync(switchFolder()).mode & 0o777, 0o700);
		const text = readFileSync(path, "utf8");
		const told = JSON.parse(text) as Record<string, unknown>;
		const damages: [Record<string, unknown>, RegExp][] = [
			[{ ...told, address: on.address + 8 }, /another address/],
			[{ ...told, after: 4096 }, /not the 4096 that was written/],
			[{ ...told, before: 1 }, /nothing says/],
			[{ ...told, bootId: "another boot" }, /nothing says/],
		];
		for (const [damaged, why] of damages) {
			writeFileSync(path, JSON.stringify(damaged));
			assert.match(whyNot(await restoreProfiling(subject.pid)), why);
		}
		for (const damaged of ["", "{", "[]", "null", text.slice(0, 20)]) {
			writeFileSync(path, damaged);
			assert.match(whyNot(await restoreProfiling(subject.pid)), /nothing says/);
		}
		writeFileSync(path, text);
		assert.ok(!isUnavailable(await restoreProfiling(subject.pid)));
		assert.ok(!existsSync(path));
	});

	test("nothing is written where it cannot be written down", async () => {
		await using subject = await startSubject("noprofile", { args: ["-mib", "1"] });
		const home = process.env["XDG_STATE_HOME"];
		process.env["XDG_STATE_HOME"] = "/dev/null/nowhere";
		try {
			assert.match(whyNot(await enableProfiling(subject.pid)), /nothing was changed/);
		} finally {
			process.env["XDG_STATE_HOME"] = home;
		}
		assert.match(whyNot(await outsideHeapProfile(subject.pid)), /takes no samples|has sampled no allocation/);
		assert.match(whyNot(await restoreProfiling(subject.pid)), /nothing says/);
	});
});
