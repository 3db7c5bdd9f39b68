import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pprofReferences, runtimeProfiles, whyNoPprof } from "../../../testing/pprof-corpus.ts";
import { int64At, uint64Hex } from "./columns.ts";
import { fma } from "./go-exp.ts";
import type { Profile } from "./model.ts";
import { type ReadOptions, readProfile } from "./read.ts";
import { legacyTexts } from "./testdata/legacy-texts.ts";
import { seeded } from "./testdata/profiles.ts";
import { unpack } from "./testdata/unpack.ts";
import { profileText } from "./text.ts";

// Google's corpus of old forms is in corpus.test.ts.

const skip = await whyNoPprof();
const options: ReadOptions = { inflate: unpack };

function read(name: string) {
	const bytes = legacyTexts[name];
	assert.ok(bytes !== undefined);
	return readProfile(bytes, options);
}

/** The stacks as names of functions, inlined ones too, leaf first. */
function stacks({ samples, locations, lines, functions, strings }: Profile): string[] {
	return Array.from({ length: samples.count }, (_, row) => {
		const names: string[] = [];
		for (const location of samples.location.subarray(samples.locationStart[row], samples.locationStart[row + 1])) {
			const end = locations.lineStart[location + 1] ?? 0;
			for (let line = locations.lineStart[location] ?? 0; line < end; line++) {
				names.push(strings.text(functions.name[lines.function[line] ?? 0] ?? 0));
			}
			if (locations.lineStart[location] === end) names.push(`0x${uint64Hex(locations.address, location)}`);
		}
		return names.join(" ");
	});
}

describe("Go's texts", () => {
	test("heap?debug=1: names from below each stack, inlined frames, MemStats", () => {
		const { profile, form, memStats } = read("heap");
		assert.equal(form, "heap");
		assert.deepEqual(stacks(profile), ["main.alloc main.inlined main.outer main.main", "main.alloc 0x7fcdc25220fe"]);
		assert.equal(memStats?.memStats.HeapSys, 8192);
		assert.equal(profile.period, 524_288n);
		assert.deepEqual(
			profile.sampleTypes.map(({ type }) => type),
			["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"],
		);
		assert.match(profile.dropFrames, /runtime\\\.\.\*/);
	});

	test("goroutine?debug=1: names and labels; symbols: false leaves both out", () => {
		const { profile } = read("goroutines");
		assert.deepEqual(stacks(profile), ["0x43c0e9 main.work main.main", "0x43c0e9"]);
		assert.match(profileText(profile), /worker:\[7\]/);
		const bytes = legacyTexts["goroutines"] ?? new Uint8Array(0);
		const bare = readProfile(bytes, { ...options, symbols: false }).profile;
		assert.deepEqual(stacks(bare), ["0x43c0e9 0x4048e4 0x46a5f7", "0x43c0e9"]);
		assert.doesNotMatch(profileText(bare), /worker/);
	});

	test("threadcreate?debug=1 of Go up to 1.21: threads without a stack, which pprof refuses", () => {
		const text = "threadcreate profile: total 5\n5 @\n#\t0x0\n\n";
		const { profile } = readProfile(new TextEncoder().encode(text), options);
		assert.deepEqual(stacks(profile), [""]);
		assert.deepEqual([...(profile.samples.values[0]?.numbers ?? [])], [5]);
	});

	test("goroutine?debug=2: one sample for equal goroutines, with state, wait and creator", () => {
		const { profile, form } = read("traceback");
		assert.equal(form, "goroutines");
		assert.deepEqual(stacks(profile), ["main.main", "main.(*server).run"]);
		assert.deepEqual([...(profile.samples.values[0]?.numbers ?? [])], [1, 2]);
		assert.match(profileText(profile), /created_by:\[main\.start\] state:\[chan receive\]\n +wait:\[12 minutes\]/);
	});
});

describe("texts of the Go runtime against its protobuf", { skip }, () => {
	let folder = "";
	const load = async (name: string) => readProfile(await readFile(join(folder, name)), options).profile;

	before(async () => {
		folder = await runtimeProfiles();
	});

	/** Without the frames of the runtime at the leaf, which the text does not name, and type arguments, which it has as `[...]`. */
	function named(profile: Profile): string[] {
		return stacks(profile)
			.map((stack) => stack.replace(/\[go\.shape\.(?:\[3\])?\w+\]/g, "[...]"))
			.map((stack) =>
				stack.replace(/(?:(?:runtime\.|internal\/runtime\/|0x)\S* ?)*/, "").replace(/ runtime\.goexit$/, ""),
			)
			.map((stack) => stack.replace(/ 0x[0-9a-f]+$/, ""))
			.filter((stack) => stack !== "");
	}

	for (const name of ["mutex", "block"]) {
		test(`${name}: the same stacks with the same contentions`, async () => {
			const [text, proto] = [await load(`${name}.debug1.txt`), await load(`${name}.pb.gz`)];
			// while the one is written and then the other, the runtime's own locks are contended
			const own = (profile: Profile) => {
				const counts = profile.samples.values[0]?.numbers ?? [];
				const rows = stacks(profile).flatMap((stack, row) => (stack.includes("main.contend") ? [row] : []));
				const count = rows.reduce((sum, row) => sum + (counts[row] ?? 0), 0);
				return {
					count,
					stacks: named(profile)
						.filter((stack) => stack.includes("main.contend"))
						.sort(),
				};
			};
			assert.deepEqual(own(text), own(proto));
			assert.ok(own(text).stacks.length > 0 && own(text).count > 0);
		});
	}

	test("heap: the same figures of the same functions, recursion of 200 frames and generics too", async () => {
		const [text, proto] = [await load("heap.debug1.txt"), await load("heap.pb.gz")];
		const has = (stack: string) => ["main.small", "main.box[", "main.(*server).handle"].some((f) => stack.includes(f));
		const inText = named(text).filter(has).sort();
		assert.deepEqual(inText, named(proto).filter(has).sort());
		assert.ok(inText.length >= 4, inText.join("\n"));
		const deepest = Math.max(...named(text).map((stack) => stack.split("main.deep").length - 1));
		assert.equal(deepest, Math.max(...named(proto).map((stack) => stack.split("main.deep").length - 1)));
		assert.ok(deepest > 100, `${deepest} frames`);
		assert.ok(readProfile(await readFile(join(folder, "heap.debug1.txt")), options).memStats !== undefined);
	});

	test("a text that is cut short says so, a whole one does not", async () => {
		for (const name of ["heap.debug1.txt", "goroutine.debug1.txt", "goroutine.debug2.txt", "threadcreate.debug1.txt"]) {
			const bytes = await readFile(join(folder, name));
			assert.equal(readProfile(bytes, options).missing, undefined, name);
		}
		const heap = (await readFile(join(folder, "heap.debug1.txt"), "utf8")).split("\n\n").slice(0, 9).join("\n\n");
		assert.match(readProfile(Buffer.from(heap), options).missing ?? "", /tells of \d+ objects, and \d+ are there/);
		const counts = (await readFile(join(folder, "goroutine.debug1.txt"), "utf8"))
			.split("\n\n")
			.slice(0, 2)
			.join("\n\n");
		assert.match(readProfile(Buffer.from(counts), options).missing ?? "", /tells of \d+, and \d+ are there/);
		const traceback = (await readFile(join(folder, "goroutine.debug2.txt"))).subarray(0, -20);
		assert.match(readProfile(traceback, options).missing ?? "", /middle of a line/);
	});

	test("goroutine: as many in the text, the traceback and the protobuf, with their labels", async () => {
		const names = ["goroutine.debug1.txt", "goroutine.debug2.txt", "goroutine.pb.gz"];
		const profiles = await Promise.all(names.map(load));
		const counts = profiles.map((profile) => {
			const waiting = stacks(profile);
			return (profile.samples.values[0]?.numbers ?? new Float64Array(0)).reduce((sum, count, row) => {
				return sum + (waiting[row]?.includes("main.consume") ? count : 0);
			}, 0);
		});
		assert.deepEqual(counts, [10, 10, 10]);
		for (const profile of [profiles[0], profiles[2]]) {
			assert.match(profileText(profile as Profile), /quoted:\[a "b"\] worker:\[1\]/);
		}
	});
});

describe("scaling by the sampling rate", { skip }, () => {
	let scratch = "";
	before(async () => {
		scratch = await mkdtemp(join(tmpdir(), "gomem-legacy-"));
	});
	after(() => rm(scratch, { recursive: true, force: true }));

	test("is pprof's to the unit: 20,000 samples at five rates", async () => {
		const random = seeded(99);
		const files: string[] = [];
		for (const rate of [2, 1024, 524_288, 1_048_576, 1_000_003]) {
			let text = `heap profile: 1: 1 [2: 2] @ heap/${rate * 2}\n`;
			for (let i = 0; i < 4_000; i++) {
				const count = 1 + (random() % (i % 3 === 0 ? 5 : 1_000_000));
				const bytes = count * (1 + (random() % (i % 2 === 0 ? 300 : 3_000_000))) + (random() % 7);
				text += `${count}: ${bytes} [${count * 3}: ${bytes * 3}] @ 0x${(0x400000 + i).toString(16)}\n`;
			}
			const file = join(scratch, `rate${rate}`);
			await writeFile(file, text);
			files.push(file);
		}
		for (const { file, text } of await pprofReferences(files)) {
			const ours = profileText(readProfile(await readFile(file), options).profile).split("\n");
			const theirs = (text ?? "").split("\n");
			assert.equal(ours.length, theirs.length);
			const different = ours.filter((line, i) => line !== theirs[i]);
			assert.deepEqual(different, [], file);
		}
	});
});

test("a fused multiply-add rounds once", () => {
	const epsilon = 2 ** -52;
	// (1 + e)(1 - e) - 1 is -e², which is lost where the product is rounded first
	assert.equal(fma(1 + epsilon, 1 - epsilon, -1), -(epsilon ** 2));
	assert.equal(fma(0.1, 10, -1), 5.551115123125783e-17);
	assert.equal(fma(3, 5, 7), 22);
	// a tie but for what is far below
	assert.equal(fma(1, 2 ** -53, 1), 1);
	assert.equal(fma(1 + epsilon, 2 ** -53, 1), 1 + epsilon);
});

describe("other forms", () => {
	test("a growth profile: attributes in the memory map, libraries after the binary", () => {
		const { profile } = read("growth");
		assert.equal(profile.strings.text(profile.mappings.filename[0] ?? 0), "/bin/server");
		assert.equal(profile.strings.text(profile.mappings.buildId[0] ?? 0), "abc123");
		assert.equal(profile.period, 1n);
	});

	test("threads that are as the one before count for it", () => {
		const { profile } = read("threads");
		assert.equal(profile.samples.count, 1);
		assert.equal(int64At(profile.samples.values[0] ?? { numbers: new Float64Array(1), exact: undefined }, 0), 2n);
	});

	test("lines that grow by their own attributes are bounded", () => {
		let text = "heap profile: 1: 1 [1: 1] @ growthz\nMAPPED_LIBRARIES:\na0=xxxxxxxxxxxxxxxx\n";
		for (let i = 1; i < 200; i++) text += `a${i}=${`$a${i - 1}`.repeat(50)}\n`;
		const began = performance.now();
		readProfile(new TextEncoder().encode(text), options);
		assert.ok(performance.now() - began < 10_000);
	});
});
