import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { GomemError } from "../../src/api/errors.ts";
import type { ProfileTopResult } from "../../src/api/profile-top.ts";
import { skipReason, startSubject } from "../subjects.ts";
import { gomemProfile } from "./profile-commands.ts";

// Profiles of processes that serve none: live, captured, switched on, and over time.

const folder = mkdtempSync(join(tmpdir(), "gomem-profile-process-"));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env["XDG_STATE_HOME"] = folder;
const gomem = join(import.meta.dirname, "../../bin/gomem");

const top = async (words: readonly string[]) => {
	const { document, warnings } = await gomemProfile(["top", ...words]);
	return { ...(document as unknown as ProfileTopResult), warnings: warnings.join("\n") };
};

test("a capture has the profiles that the process had", { skip: await skipReason("livemap") }, async () => {
	await using subject = await startSubject("livemap");
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
	skip: await skipReason("noprofile"),
}, async () => {
	await using subject = await startSubject("noprofile", { args: ["-churn", "1"] });
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

test("slope tells a leak, and where it is", { skip: await skipReason("slowleak") }, async () => {
	await using subject = await startSubject("slowleak", {
		args: ["-rate", String(8 << 20)],
		// the profile is as of the last collections: there have to be some
		env: { GOGC: "5" },
	});
	await sleep(500);
	const { document } = await gomemProfile(["slope", String(subject.pid), "--every=1s", "--for=12s"]);
	const whole = document["whole"] as { verdict: string; held?: { perHour: number; lowPerHour: number } };
	assert.equal(whole.verdict, "leak", JSON.stringify(whole));
	assert.ok((whole.held?.lowPerHour ?? 0) > 0);
	const [steepest] = document["sites"] as readonly { name: string; verdict: string }[];
	assert.equal(steepest?.verdict, "leak");
	assert.match(steepest?.name ?? "", /^main\.leakRequests$/);
});
