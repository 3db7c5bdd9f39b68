import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { GomemError } from "../../src/api/errors.ts";
import type { Clock, Progress } from "../../src/api/operation.ts";
import { takeReadings } from "../../src/api/profile-process.ts";
import type { SourceSummary } from "../../src/api/profile-shape.ts";
import type { TakenProfile } from "../../src/api/profile-take.ts";
import type { ProfileTopResult } from "../../src/api/profile-top.ts";
import { readBundleFile } from "../../src/capture/bundle-file.ts";
import type { Bundle } from "../../src/evidence/bundle/bundle.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { type RunningSubject, skipReason, startSubject } from "../subjects.ts";
import { captured, rewritten } from "./captures.ts";
import { gomemProfile } from "./profile-commands.ts";

// Profiles of processes that serve none: live, captured, switched on, and over time.

const folder = mkdtempSync(join(tmpdir(), "gomem-profile-process-"));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env["XDG_STATE_HOME"] = folder;
const gomem = join(import.meta.dirname, "../../bin/gomem");

const skip = {
	livemap: await skipReason("livemap"),
	noprofile: await skipReason("noprofile"),
	slowleak: await skipReason("slowleak"),
};

const top = async (words: readonly string[]) => {
	const { document, warnings } = await gomemProfile(["top", ...words]);
	return { ...(document as unknown as ProfileTopResult), warnings: warnings.join("\n") };
};

/** Leaks so many MiB more, and collects: its profile is as of the last collection. */
async function leak(subject: RunningSubject, mib: number): Promise<void> {
	for (const command of [`grow ${mib}`, "gc"]) await subject.ask(command);
}

test("a capture has the profiles that the process had", { skip: skip.livemap }, async () => {
	await using subject = await startSubject("livemap");
	// what is read twice must be the same
	await subject.stop();
	const file = join(folder, "x.gomem");
	const live = await top([String(subject.pid)]);
	assert.ok(live.rows.length > 3 && Number(live.total) > 2 ** 20);
	await promisify(execFile)(gomem, ["capture", String(subject.pid), "-o", file]);
	const captured = await top([file]);
	assert.equal(captured.sources[0]?.kind, "capture");
	assert.deepEqual(captured.rows, live.rows);
	const goroutines = await top([file, "--type=goroutine"]);
	assert.equal(goroutines.sampleType, "goroutine");
	assert.ok(Number(goroutines.total) >= 1);
	await assert.rejects(top([file, "--type=mutex"]), /there is no mutex profile/);
});

test("a profile that the linker left out is switched on, said so, and off again", {
	skip: skip.noprofile,
}, async () => {
	// samples are seen after collections: on a busy machine there have to be some within the seconds, too
	await using subject = await startSubject("noprofile", { args: ["-churn", "1", "-mib", "8"], env: { GOGC: "10" } });
	const pid = String(subject.pid);
	await assert.rejects(top([pid]), (error) => {
		assert.ok(error instanceof GomemError);
		assert.match(error.message, /MemProfileRate is 0[\s\S]*linker switches the memory profile off/);
		return true;
	});
	await assert.rejects(top([pid, "--restore"]), GomemError);
	const on = await top([pid, "--enable-profiling", "--seconds=3", "--alloc_space"]);
	assert.match(on.warnings, /MemProfileRate was 0 B and is 512\.0 KiB: process \d+ samples[\s\S]*--restore/);
	assert.ok(
		on.rows.some((row) => row.function === "main.churn"),
		JSON.stringify(on.rows.slice(0, 3)),
	);
	const off = await top([pid, "--restore"]);
	assert.match(off.warnings, /MemProfileRate was 512\.0 KiB and is 0 B: process \d+ takes no samples any more/);
	// it lives on
	assert.ok(subject.pid > 0 && process.kill(subject.pid, 0));
	await assert.rejects(top([pid, "--restore"]), GomemError);
});

test("slope tells a leak, and where it is", { skip: skip.slowleak }, async () => {
	await using subject = await startSubject("slowleak", { args: ["-rate", "0"] });
	await leak(subject, 8);
	// a second is over when 8 MiB more are leaked, so that the leak is as steep on a busy machine
	let time = 0;
	const clock: Clock = {
		now: Date.now,
		monotonic: () => time,
		async sleep(milliseconds) {
			await leak(subject, 8);
			time += milliseconds;
		},
	};
	const words = ["slope", String(subject.pid), "--every=1s", "--for=12s"];
	const { document } = await gomemProfile(words, { clock });
	assert.equal(document["readings"], 13);
	const whole = document["whole"] as { verdict: string; held?: { perHour: number; lowPerHour: number } };
	assert.equal(whole.verdict, "leak", JSON.stringify(whole));
	assert.ok((whole.held?.lowPerHour ?? 0) > 0);
	const [steepest] = document["sites"] as readonly { name: string; verdict: string }[];
	assert.equal(steepest?.verdict, "leak");
	assert.match(steepest?.name ?? "", /^main\.leakRequests$/);
});

test("slope takes every reading of a capture, each with its own time", {
	skip: skip.slowleak,
}, async () => {
	await using subject = await startSubject("slowleak", { args: ["-rate", String(32 << 20)], env: { GOGC: "5" } });
	const target = String(subject.pid);
	const enough = new AbortController();
	const progress = ({ done }: Progress) => done === 4 && enough.abort();
	await captured("series.gomem", { target, every: "700ms" }, { signal: enough.signal, progress });
	await leak(subject, 32);
	const { path, result } = await captured("series.gomem", { target, append: true });
	const count = 5;
	assert.equal(result["readings"], count);

	const { document } = await gomemProfile(["slope", path]);
	assert.equal(document["readings"], count);
	const bundle = readBundleFile(path);
	assert.ok(!isUnavailable(bundle));
	const begun = bundle.manifest.readings.map(({ time }) => Date.parse(time));
	const times = (document["sources"] as readonly SourceSummary[]).map(({ time = "" }) => Date.parse(time));
	// a profile is read at the end of its reading; the next may begin in that millisecond
	for (const [i, at] of times.entries()) {
		assert.ok(at >= (begun[i] ?? Infinity) && at <= (begun[i + 1] ?? Infinity), JSON.stringify({ times, begun }));
	}
	assert.equal(Date.parse(document["from"] as string), times[0]);
	assert.equal(document["spanMs"], (times.at(-1) ?? 0) - (times[0] ?? 0));
	const heldAt = document["heldAt"] as readonly number[];
	assert.equal(heldAt.length, count);
	const [steepest] = document["sites"] as readonly { name: string; heldAt: readonly number[] }[];
	assert.equal(steepest?.name, "main.leakRequests");
	// what else the program holds may be let go
	const leaked = steepest?.heldAt ?? [];
	assert.equal(leaked.length, count);
	assert.ok(
		leaked.every((held, i) => held >= (leaked[i - 1] ?? 0)),
		String(leaked),
	);
	assert.ok((leaked[count - 1] ?? 0) > (leaked[count - 2] ?? 0), String(leaked));
	// as every other verb has it
	assert.equal((await top([path])).total, heldAt.at(-1));

	const goroutines = await gomemProfile(["slope", path, "--type=goroutine"]);
	assert.equal(goroutines.document["readings"], count);
	assert.equal(goroutines.document["sampleType"], "goroutine");
});

test("slope leaves out readings of a capture that hold no profile, and what is too many", {
	skip: skip.slowleak,
}, async () => {
	await using subject = await startSubject("slowleak");
	const target = String(subject.pid);
	const { path } = await captured("gaps.gomem", { target });
	const single = await gomemProfile(["slope", path]).catch((error: unknown) => error);
	assert.ok(single instanceof GomemError && /needs several profiles/.test(single.message), String(single));
	await captured("gaps.gomem", { target, append: true });
	await captured("gaps.gomem", { target, append: true });
	const bundle = readBundleFile(path);
	assert.ok(!isUnavailable(bundle));
	const without = (...readings: readonly string[]): Bundle => {
		const parts = bundle.manifest.parts.filter((p) => p.id !== "heap-profile" || !readings.includes(p.reading ?? ""));
		return { ...bundle, manifest: { ...bundle.manifest, parts } };
	};
	const gaps = await gomemProfile(["slope", await rewritten("gap.gomem", without("2"))]);
	assert.equal(gaps.document["readings"], 2);
	assert.match(gaps.warnings.join(), /1 of 3 readings of .*gap\.gomem are left out: .*no part heap-profile/);
	const told: string[] = [];
	const ctx = { signal: new AbortController().signal, warn: (text: string) => void told.push(text), progress() {} };
	const times = (some: readonly TakenProfile[]) => some.map(({ summary }) => summary.time);
	const all = times(await takeReadings(ctx, path, {}, 3));
	assert.deepEqual(told, []);
	assert.deepEqual(times(await takeReadings(ctx, path, {}, 2)), [all[0], all[2]]);
	assert.match(told.join(), /holds 3 readings: one in 2 is taken/);
	await assert.rejects(gomemProfile(["slope", await rewritten("none.gomem", without("1", "2", "3"))]), (error) => {
		return error instanceof GomemError && error.code === "profile-unavailable";
	});
});
