import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder, exists, SubjectUnavailable, toolchain } from "../subject-toolchain.ts";

const run = promisify(execFile);

/** The release of google/pprof whose behaviour gomem follows. */
export const pprofVersion = "v0.0.0-20261016150608-1facf8f91b50";

/** The folder of google/pprof in Go's module cache, downloaded where it is not there. It is read-only. */
export async function pprofModule(): Promise<string> {
	const { go, env } = await toolchain();
	try {
		const { stdout } = await run(go, ["mod", "download", "-json", `github.com/google/pprof@${pprofVersion}`], { env });
		return (JSON.parse(stdout) as { readonly Dir: string }).Dir;
	} catch (error) {
		throw new SubjectUnavailable(`google/pprof ${pprofVersion} is not to be had: ${told(error)}`);
	}
}

/** A copy of google/pprof that may be written to, with one more test in its package internal/driver. */
async function copyWith(test: string, folder: string): Promise<string> {
	const copy = join(folder, "module");
	await cp(await pprofModule(), copy, { recursive: true });
	await run("chmod", ["-R", "u+w", copy]);
	await copyFile(test, join(copy, "internal", "driver", "gomem_golden_test.go"));
	return copy;
}

/**
 * The folder of the profiles that pprof's own golden reports were made of (NAME.pb), written by its own test functions; made
 * once per version of `test`, the Go file that writes them.
 */
export async function goldenProfiles(test: string): Promise<string> {
	const hash = createHash("sha256")
		.update(pprofVersion)
		.update(await readFile(test));
	const folder = join(cacheFolder(), "pprof-goldens", hash.digest("hex").slice(0, 16));
	if (await exists(folder)) return folder;
	const partial = `${folder}.${process.pid}`;
	await mkdir(partial, { recursive: true });
	try {
		const copy = await copyWith(test, partial);
		const { go, env } = await toolchain();
		await run(go, ["test", "./internal/driver", "-run", "TestGomemGoldenProfiles", "-count=1"], {
			cwd: copy,
			env: { ...env, GOMEM_GOLDEN_PROFILES: partial },
		});
		await rm(copy, { recursive: true });
		await rename(partial, folder);
	} catch (error) {
		await rm(partial, { recursive: true, force: true });
		if (!(await exists(folder))) throw error;
	}
	return folder;
}

/** The program behind `go tool pprof`: run by itself it does not wait for the go command. */
export async function goPprof(): Promise<string> {
	const { go, env } = await toolchain();
	const { stdout } = await run(go, ["tool", "-n", "pprof"], { env, cwd: tmpdir() });
	return stdout.trim();
}

function told(error: unknown): string {
	return (error as { stderr?: string }).stderr?.trim() ?? String(error);
}
