import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { goldenProfiles } from "../../../testing/integration/pprof-module.ts";
import {
	madeUpProfile,
	pprofFiles,
	pprofReferences,
	type Reference,
	runtimeProfiles,
	whyNoPprof,
} from "../../../testing/pprof-corpus.ts";
import { toolchain } from "../../../testing/subjects.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { encodeProfile } from "./encode.ts";
import { readProfile } from "./read.ts";
import { unpack } from "./testdata/unpack.ts";
import { profileText } from "./text.ts";
import { walkProfile } from "./walk.ts";

// What google/pprof's own profile package and `go tool pprof` make of every profile in its test data, of the runtime's own, of
// those of its golden reports, of another language's, and of a made-up one, against what we make of them: byte for byte.

const skip = await whyNoPprof();
const run = promisify(execFile);

const golden = join(import.meta.dirname, "../../profile/testdata/golden-profiles.go.txt");
let references: Reference[] = [];
let scratch = "";

async function filesIn(folder: string): Promise<string[]> {
	return (await readdir(folder)).map((name) => join(folder, name));
}

before(async () => {
	if (skip !== false) return;
	scratch = await mkdtemp(join(tmpdir(), "gomem-pprof-"));
	const files = [
		...(await pprofFiles()),
		...(await filesIn(await runtimeProfiles())),
		...(await filesIn(join(import.meta.dirname, "testdata"))).filter((name) => name.endsWith(".gz")),
		...(existsSync(golden) ? await filesIn(await goldenProfiles(golden)) : []),
		await madeUpProfile(5_000),
	];
	references = await pprofReferences(files);
});

after(() => rm(scratch, { recursive: true, force: true }));

/** Those that pprof reads. */
function accepted(): (Reference & { readonly text: string; readonly proto: string })[] {
	return references.filter((one): one is ReturnType<typeof accepted>[number] => one.error === undefined);
}

describe("google/pprof and we", { skip }, () => {
	test("there is something to compare", () => {
		assert.ok(accepted().length >= 40, `${accepted().length} profiles`);
		assert.ok(references.length - accepted().length >= 40, "files that are no profiles");
	});

	test("read the same text out of each profile", async () => {
		for (const { file, text } of accepted()) {
			const { profile } = readProfile(await readFile(file), { inflate: unpack, symbols: false });
			assert.equal(profileText(profile), text, file);
			assert.deepEqual(
				walkProfile(profile).filter(({ severity }) => severity === "broken"),
				[],
				file,
			);
		}
	});

	test("write the same bytes, and read them again to the same", async () => {
		for (const { file, proto, again } of accepted()) {
			const { profile } = readProfile(await readFile(file), { inflate: unpack, symbols: false });
			const bytes = encodeProfile(profile);
			assert.ok(Buffer.from(bytes).equals(Buffer.from(proto, "base64")), file);
			assert.equal(profileText(readProfile(bytes, { inflate: unpack }).profile), again, file);
		}
	});

	test("refuse the same files", async () => {
		for (const { file, error } of references) {
			// a traceback is no profile for pprof, and is one for us
			if (error === undefined || file.endsWith("goroutine.debug2.txt")) continue;
			const bytes = await readFile(file);
			assert.throws(() => readProfile(bytes, { inflate: unpack }), ParseError, `${file}: ${error}`);
		}
	});

	test("its readable copies of the old forms are what we print", async () => {
		let compared = 0;
		for (const { file } of accepted()) {
			const copy = `${file}.string`;
			if (!existsSync(copy)) continue;
			compared++;
			const { profile } = readProfile(await readFile(file), { inflate: unpack });
			assert.equal(profileText(profile), await readFile(copy, "utf8"), file);
		}
		assert.ok(compared >= 13, `${compared} copies`);
	});
});

describe("go tool pprof", { skip, concurrency: 2 }, () => {
	async function goToolPprof(args: readonly string[]): Promise<string> {
		const { go, env } = await toolchain();
		// a temporary folder of our own, and no name of a program that it could find and look symbols up in
		const options = {
			env: { ...env, PPROF_TMPDIR: scratch, PPROF_BINARY_PATH: scratch, TZ: "UTC" },
			maxBuffer: 1 << 30,
		};
		return (await run(go, ["tool", "pprof", "-symbolize=none", ...args], options)).stdout;
	}

	test("-raw prints the same for a profile and for what we write of it", async () => {
		for (const { file } of sampleOf(accepted())) {
			const ours = join(scratch, `ours.${basename(file)}`);
			const { profile } = readProfile(await readFile(file), { inflate: unpack, symbols: false });
			await writeFile(ours, encodeProfile(profile));
			const [theirs, again] = await Promise.all([goToolPprof(["-raw", file]), goToolPprof(["-raw", ours])]);
			assert.equal(again, withoutEmptyLabels(theirs), file);
		}
	});

	test("-raw prints what we print of its -proto", async () => {
		for (const { file } of sampleOf(accepted())) {
			const proto = join(scratch, `proto.${basename(file)}`);
			const raw = await goToolPprof(["-raw", file]);
			await goToolPprof(["-proto", `-output=${proto}`, file]);
			const { profile } = readProfile(await readFile(proto), { inflate: unpack });
			assert.equal(profileText(profile), withoutEmptyLabels(raw), file);
		}
	});

	/** One start of the tool takes a second on a busy machine: one profile of each kind. */
	function sampleOf<T extends { readonly file: string }>(all: readonly T[]): T[] {
		const wanted = ["cppbench.cpu", "java.heap", "heap.pb.gz", "cpu.pb.gz", "node-heap.pb.gz"];
		const chosen = wanted.flatMap((name) => all.filter(({ file }) => basename(file) === name).slice(0, 1));
		assert.equal(chosen.length, wanted.length);
		return chosen;
	}

	/** A number 0 without a unit does not outlive the protobuf form, for it stands for nothing there. */
	function withoutEmptyLabels(text: string): string {
		return text.replace(/^ {16}bytes:\[0\]\n/gm, "");
	}
});
