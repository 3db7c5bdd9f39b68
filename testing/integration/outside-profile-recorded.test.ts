import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openBundle } from "../../src/capture/bundle-file.ts";
import { ObservedCore } from "../../src/capture/core.ts";
import {
	coreHeapProfile,
	goroutineProfileOf,
	outsideGoroutineProfile,
	outsideHeapProfile,
	recordedHeapProfile,
} from "../../src/capture/process-profile.ts";
import { RecordedProcess, type RecordOptions } from "../../src/capture/record.ts";
import { nodeCodec } from "../../src/capture/record-codec.ts";
import { readPart, writeBundle } from "../../src/evidence/bundle/bundle.ts";
import { isUnavailable, type Unavailable } from "../../src/evidence/bundle/unavailable.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { walkProfile } from "../../src/formats/pprof/walk.ts";
import { multiset } from "../profile-multiset.ts";
import { type RunningSubject, startSubject, toolchain } from "../subjects.ts";
import { gcore, gcoreMissing } from "./core-files.ts";

// Profiles out of captures and cores are those that were read of the live process.

const tool = { name: "gomem", version: "0" };
let folder = "";

before(() => {
	folder = mkdtempSync(join(tmpdir(), "gomem-recorded-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function ok<T extends object>(value: T): Exclude<T, Unavailable> {
	assert.ok(!isUnavailable(value), isUnavailable(value) ? value.unavailable : "");
	return value as Exclude<T, Unavailable>;
}

async function capture(subject: RunningSubject, options: Partial<RecordOptions> = {}) {
	using process = ok(await RecordedProcess.open(subject.pid, { tool, ...options }));
	const { bundle, redacted } = await process.record(undefined);
	const path = join(folder, `${subject.pid}.gomem`);
	writeFileSync(path, Buffer.concat(await writeBundle(bundle, nodeCodec)));
	const observation = await ok(await openBundle(path)).next();
	assert.ok(observation !== undefined);
	return { bundle, observation, redacted };
}

/** Paths left out: what is left is names, lines and figures. */
function withoutFolders(profile: Profile): Map<string, number[]> {
	return new Map(
		[...multiset(profile)].map(([key, values]) => [key.replace(/[^ \n]*\/([^/ \n]+)/g, "$1"), values] as const).sort(),
	);
}

describe("a capture holds the heap profile", () => {
	test("as it was read, where it is kept whole", async () => {
		await using subject = await startSubject("allocsites");
		await subject.stop();
		const live = ok(await outsideHeapProfile(subject.pid)).profile;
		const { observation } = await capture(subject, { full: true });
		const recorded = ok(await recordedHeapProfile(observation));
		assert.deepEqual(multiset(recorded), multiset(live));
		assert.equal(recorded.period, live.period);
		const goroutines = ok(goroutineProfileOf(observation, { details: "own" })).profile;
		const now = ok(await outsideGoroutineProfile(subject.pid, { details: "own" })).profile;
		assert.deepEqual(multiset(goroutines), multiset(now));
	});

	test("as a file that go tool pprof opens", async () => {
		await using subject = await startSubject("allocsites");
		const { bundle } = await capture(subject);
		const [reading] = bundle.manifest.readings;
		const part = ok(await readPart(bundle, "heap-profile", reading?.id ?? "", nodeCodec));
		const file = join(folder, "heap.pb");
		writeFileSync(file, part.content);
		const { go, env } = await toolchain();
		const text = execFileSync(go, ["tool", "pprof", "-top", file], { env, encoding: "utf8" });
		assert.match(text, /Type: inuse_space[\s\S]* main\.inlinedInner \(inline\)/);
	});

	test("without the names of folders, which its string table does not hold either", async () => {
		await using subject = await startSubject("allocsites");
		await subject.stop();
		const { observation, redacted } = await capture(subject);
		const recorded = ok(await recordedHeapProfile(observation));
		const live = ok(await outsideHeapProfile(subject.pid)).profile;
		assert.deepEqual(withoutFolders(recorded), withoutFolders(live));
		assert.deepEqual(
			walkProfile(recorded).filter((one) => one.severity !== "odd"),
			[],
		);
		const own = subject.path
			.split("/")
			.slice(1, -1)
			.filter((name) => /gomem|go1\.|allocsites-/.test(name));
		assert.ok(own.length > 0 && redacted.length > 0);
		for (let i = 0; i < recorded.strings.count; i++) {
			const text = recorded.strings.text(i);
			assert.ok(!own.some((name) => text.includes(`/${name}/`)), text);
		}
	});

	test("or why there is none", async () => {
		await using subject = await startSubject("noprofile", { args: ["-mib", "1"] });
		const { observation } = await capture(subject);
		const none = await recordedHeapProfile(observation);
		assert.ok(isUnavailable(none));
		assert.match(none.unavailable, /takes no samples|has sampled no allocation/);
		// which is no answer to where memory is
		assert.ok(!observation.reading.unavailable.some((one) => one.part === "heap-profile"));
		assert.ok(isUnavailable(await recordedHeapProfile({ reading: observation.reading, runtime: undefined })));
	});
});

describe("profiles of a core", () => {
	test("are those that the process had", async (t) => {
		const skip = gcoreMissing();
		if (skip !== false) return t.skip(skip);
		// it is not stopped, as gcore lets it run in the end: no collection of its own must come in between
		await using subject = await startSubject("allocsites", { args: ["-times", "4"], env: { GOGC: "off" } });
		const heap = ok(await outsideHeapProfile(subject.pid)).profile;
		const goroutines = ok(await outsideGoroutineProfile(subject.pid, { details: "own" })).profile;
		const core = await gcore(subject.pid, folder);
		const found = ok(await coreHeapProfile(core));
		assert.deepEqual(multiset(found.profile), multiset(heap));
		using observed = ok(ObservedCore.open(core, { stacks: true, pages: false }));
		assert.deepEqual(
			multiset(ok(goroutineProfileOf(await observed.read(), { details: "own" })).profile),
			multiset(goroutines),
		);
		rmSync(core);
		const gone = await coreHeapProfile(core);
		assert.ok(isUnavailable(gone));
	});
});
