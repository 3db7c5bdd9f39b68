import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import {
	type BuildMode,
	buildModes,
	buildSubject,
	defaultGo,
	goVersions,
	needsCgo,
	skipReason,
	startSubject,
	toolchain,
} from "./subjects.ts";

const run = promisify(execFile);
const cli = join(import.meta.dirname, "subjects-cli.ts");

/** One subject in each mode: in CI on all releases, elsewhere on the default one. */
const everything = process.env["CI"] !== undefined && process.env["CI"] !== "";
const releases = everything ? goVersions : [defaultGo];

const DYN = 3; // ELF e_type: position-independent; EXEC is 2

describe("build modes", () => {
	for (const go of releases) {
		for (const mode of buildModes) {
			it(`go${go} ${mode}`, async (t) => {
				const reason = await skipReason("anonmap", { go, mode });
				if (reason !== false) return t.skip(reason);
				await using subject = await startSubject("anonmap", { go, mode, args: ["-mib", "1"] });
				assert.equal(subject.go, `go${go}`);
				await checkElf(mode, subject.path);
				const { version, settings } = await buildInfo(subject.path);
				if (mode === "nobuildinfo") {
					assert.equal(version, undefined);
				} else {
					assert.equal(version, `go${go}`);
					assert.match(settings, new RegExp(`CGO_ENABLED=${mode.startsWith("cgo") || mode === "race" ? 1 : 0}$`, "m"));
					assert.doesNotMatch(settings, /DefaultGODEBUG/); // built at the release's own language level
				}
			});
		}
	}
});

async function checkElf(mode: BuildMode, path: string): Promise<void> {
	const elf = await readFile(path);
	assert.equal(elf.readUInt16LE(16) === DYN, mode.endsWith("pie"));
	const names = elf.toString("latin1");
	assert.equal(names.includes("\0.symtab\0"), !["stripped", "stripped-pie", "nobuildinfo"].includes(mode));
	assert.equal(hasInterpreter(elf), ["pie", "stripped-pie", "cgo", "cgo-pie", "race"].includes(mode));
}

/** Whether the kernel starts a dynamic linker: a program header of type PT_INTERP (3). */
function hasInterpreter(elf: Buffer): boolean {
	const first = Number(elf.readBigUInt64LE(32));
	const [size, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
	return Array.from({ length: count }, (_, index) => elf.readUInt32LE(first + index * size)).includes(3);
}

/** What `go version -m` says, no version where it finds none. */
async function buildInfo(path: string): Promise<{ version: string | undefined; settings: string }> {
	const { go, env } = await toolchain();
	const { stdout } = await run(go, ["version", "-m", path], { env }).catch((error: { stdout: string }) => error);
	return { version: /: (go\S+)$/m.exec(stdout)?.[1], settings: stdout };
}

describe("buildSubject", () => {
	it("builds once for all who ask at once, across processes too, and leaves nothing else behind", async () => {
		const cache = await mkdtemp(join(tmpdir(), "gomem-cache-"));
		try {
			const ask = () =>
				run(process.execPath, [cli, "build", "anonmap"], { env: { ...process.env, GOMEM_CACHE: cache } });
			const answers = await Promise.all([ask(), ask(), ask()]);
			const paths = new Set(answers.map(({ stdout }) => stdout.split("  ")[0]));
			assert.equal(paths.size, 1);
			const folder = join(cache, "subjects", `go${defaultGo}-plain`);
			const [only, ...others] = await readdir(folder);
			assert.deepEqual(others, []);
			assert.deepEqual(await readdir(join(folder, only ?? "")), ["anonmap"]);
		} finally {
			await rm(cache, { recursive: true, force: true });
		}
	});

	it("gives the same path again without building", async () => {
		const path = await buildSubject("anonmap");
		const file = async () => {
			const { ino, mtimeMs, ctimeMs } = await stat(path);
			return { ino, mtimeMs, ctimeMs };
		};
		const before = await file();
		assert.equal(await buildSubject("anonmap"), path);
		const { stdout } = await run(process.execPath, [cli, "build", "anonmap"]);
		assert.equal(stdout.split("  ")[0], path);
		assert.deepEqual(await file(), before);
	});

	it("knows what it cannot build, and says why", async () => {
		await assert.rejects(buildSubject("nosuch"), /no subject nosuch; there are allocsites, anonmap, /);
		await assert.rejects(buildSubject("../testing"), /no subject/);
		await assert.rejects(buildSubject("anonmap", { go: "../1" }), /not a Go release/);
		assert.equal(needsCgo("cheap"), true);
		assert.equal(needsCgo("anonmap"), false);
		assert.match(String(await skipReason("cheap", { mode: "stripped" })), /cheap needs C, mode stripped has none/);
	});
});
