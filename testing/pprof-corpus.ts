import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { pprofModule, pprofVersion } from "./integration/pprof-module.ts";
import { cacheFolder, exists, SubjectUnavailable, toolchain } from "./subject-toolchain.ts";
import { buildSubject } from "./subjects.ts";

/**
 * Profiles to test and measure with, all outside of the repository (GOMEM_CACHE): google/pprof's own, those that a Go program
 * of ours writes (subjects/profiles), and what google/pprof makes of them. By hand: node tools/pprof-corpus.ts.
 */
const run = promisify(execFile);

/** The files of google/pprof's test data: profiles in every form, reports, sources. */
export async function pprofFiles(): Promise<string[]> {
	const module = await pprofModule();
	const folders = ["profile", "internal/driver", "internal/report", "internal/proftest", "internal/graph", "fuzz"];
	const files: string[] = [];
	for (const folder of [...folders.map((name) => `${name}/testdata`), "fuzz/corpus"]) {
		const entries = await readdir(join(module, folder), { recursive: true, withFileTypes: true });
		files.push(...entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)));
	}
	return files.sort();
}

/** What the profile package of google/pprof makes of a file. */
export interface Reference {
	readonly file: string;
	/** it refuses the file */
	readonly error?: string;
	/** Profile.String */
	readonly text?: string;
	/** Profile.WriteUncompressed, in base64 */
	readonly proto?: string;
	/** Profile.String of that, read again */
	readonly again?: string;
}

/** Asks the profile package itself. Throws SubjectUnavailable where it is not to be had. */
export async function pprofReferences(files: readonly string[]): Promise<Reference[]> {
	const { stdout } = await run(await referenceProgram(), [...files], { maxBuffer: 1 << 30 });
	return stdout
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as Reference);
}

async function referenceProgram(): Promise<string> {
	const source = join(import.meta.dirname, "pprof-reference");
	const hash = createHash("sha256").update(pprofVersion);
	for (const name of ["main.go", "go.sum"]) hash.update(await readFile(join(source, name)));
	const program = join(cacheFolder(), "pprof-reference", hash.digest("hex").slice(0, 12));
	await pprofModule();
	return once(program, async (partial) => {
		const { go, env } = await toolchain();
		await run(go, ["build", "-trimpath", "-o", partial, "."], {
			cwd: source,
			env: { ...env, GOFLAGS: "-mod=readonly" },
		});
	});
}

/** The folder of the profiles that the Go runtime wrote of a program of ours (subjects/profiles): NAME.pb.gz, NAME.debug1.txt … */
export async function runtimeProfiles(go?: string): Promise<string> {
	const program = await buildSubject("profiles", go === undefined ? {} : { go });
	return once(`${program}.corpus`, async (partial) => {
		await mkdir(partial, { recursive: true });
		await run(program, ["-dir", partial]);
	});
}

/**
 * A gzipped heap profile of so many made-up stacks, the same at each run; 300,000 are about 30 MB unpacked. "service": they
 * follow a call graph; "even": each frame is any of the functions.
 */
export async function madeUpProfile(stacks: number, shape: "service" | "even" = "service"): Promise<string> {
	const program = await buildSubject("profiles");
	return once(`${program}.${shape}.${stacks}.pb.gz`, async (partial) => {
		await run(program, ["-stacks", String(stacks), `-even=${shape === "even"}`, "-o", partial]);
	});
}

/** Makes a file or folder beside its place and puts it there when it is whole, where it is not there yet. */
async function once(path: string, make: (partial: string) => Promise<void>): Promise<string> {
	if (await exists(path)) return path;
	const partial = `${path}.${process.pid}`;
	await mkdir(join(path, ".."), { recursive: true });
	try {
		await make(partial);
		await rename(partial, path);
	} catch (error) {
		await rm(partial, { recursive: true, force: true });
		if (!(await exists(path))) throw error;
	}
	return path;
}

/** For the `skip` of node:test: why there is neither Go nor google/pprof here, or false. */
export async function whyNoPprof(): Promise<string | false> {
	try {
		await pprofModule();
		return false;
	} catch (error) {
		if (error instanceof SubjectUnavailable) return error.message;
		throw error;
	}
}
