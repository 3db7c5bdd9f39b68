import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { withoutBuildInfo } from "./subject-buildinfo.ts";
import {
	cacheFolder,
	defaultGo,
	exists,
	minorOf,
	SubjectUnavailable,
	type Toolchain,
	toolchain,
	whyNoC,
} from "./subject-toolchain.ts";

const run = promisify(execFile);
const sources = join(import.meta.dirname, "..", "subjects");

interface Recipe {
	/** Which C library it needs, if any; also the value of CGO_ENABLED. */
	readonly c?: "dynamic" | "static";
	readonly flags: readonly string[];
	readonly dropBuildInfo?: boolean;
}

const recipes = {
	/** No C, statically linked, symbols and DWARF: what `CGO_ENABLED=0 go build` gives. */
	plain: { flags: [] },
	/** As many Dockerfiles have it. The linker gives what it gives for plain. */
	static: { flags: ["-tags=netgo,osusergo"] },
	stripped: { flags: ["-ldflags=-s -w"] },
	pie: { flags: ["-buildmode=pie"] },
	"stripped-pie": { flags: ["-buildmode=pie", "-ldflags=-s -w"] },
	/** The default of `go build` where gcc is installed and the program uses C. */
	cgo: { c: "dynamic", flags: [] },
	"cgo-pie": { c: "dynamic", flags: ["-buildmode=pie"] },
	"cgo-static": { c: "static", flags: ["-ldflags=-linkmode external -extldflags -static"] },
	/** With the race detector, whose runtime is C++ and maps terabytes of shadow memory. */
	race: { c: "dynamic", flags: ["-race"] },
	/** Stripped, and without .go.buildinfo. No flag of the Go linker leaves it out, so it is cut out of the file. */
	nobuildinfo: { flags: ["-ldflags=-s -w"], dropBuildInfo: true },
} as const satisfies Record<string, Recipe>;

export type BuildMode = keyof typeof recipes;
export const buildModes = Object.keys(recipes) as readonly BuildMode[];

export interface BuildOptions {
	/** A Go release, "1.26.8" by default. */
	readonly go?: string;
	/** "plain" by default, "cgo" for the subjects that need C. */
	readonly mode?: BuildMode;
	/** GOEXPERIMENT, as "nogreenteagc"; the toolchain's default without. */
	readonly experiment?: string;
}

/** Every folder of subjects/ with a main.go. */
export function subjectNames(): readonly string[] {
	return readdirSync(sources, { withFileTypes: true })
		.filter((entry) => entry.isDirectory() && readMain(entry.name) !== undefined)
		.map((entry) => entry.name)
		.sort();
}

/** Whether a subject exists in cgo builds only. Throws for a name that is none. */
export function needsCgo(name: string): boolean {
	const main = /^[a-z0-9]+$/.test(name) ? readMain(name) : undefined;
	if (main === undefined) throw new Error(`no subject ${name}; there are ${subjectNames().join(", ")}`);
	return main.startsWith("//go:build cgo\n");
}

function readMain(name: string): string | undefined {
	try {
		return readFileSync(join(sources, name, "main.go"), "utf8");
	} catch {
		return undefined;
	}
}

/** Why a subject cannot be built here, or false: for the `skip` of node:test. */
export async function skipReason(name: string, options: BuildOptions = {}): Promise<string | false> {
	try {
		await prepare(name, options);
		return false;
	} catch (error) {
		if (error instanceof SubjectUnavailable) return error.message;
		throw error;
	}
}

interface Plan {
	readonly name: string;
	readonly mode: BuildMode;
	readonly recipe: Recipe;
	readonly tools: Toolchain;
	readonly experiment: string;
}

async function prepare(name: string, options: BuildOptions): Promise<Plan> {
	if (process.platform !== "linux") throw new SubjectUnavailable("subjects run on Linux");
	const cgoOnly = needsCgo(name);
	const mode = options.mode ?? (cgoOnly ? "cgo" : "plain");
	const recipe: Recipe = recipes[mode];
	if (cgoOnly && recipe.c === undefined) throw new SubjectUnavailable(`${name} needs C, mode ${mode} has none`);
	const noC = recipe.c === undefined ? undefined : await whyNoC(recipe.c);
	if (noC !== undefined) throw new SubjectUnavailable(noC);
	const experiment = options.experiment ?? "";
	return { name, mode, recipe, experiment, tools: await toolchain(options.go ?? defaultGo) };
}

const built = new Map<string, Promise<string>>();

/**
 * Builds a subject and returns the path of the program, named as the subject is. Cached by the hash of its sources, release
 * and mode, across processes; several may ask at once. Throws SubjectUnavailable where this machine cannot build it, an
 * Error with the compiler's words where it does not compile.
 */
export async function buildSubject(name: string, options: BuildOptions = {}): Promise<string> {
	const plan = await prepare(name, options);
	const folder = join(cacheFolder(), "subjects", `go${plan.tools.version}-${plan.mode}`, `${name}-${keyOf(plan)}`);
	const before = built.get(folder);
	if (before !== undefined) return before;
	const path = buildOnce(plan, folder);
	built.set(folder, path);
	path.catch(() => built.delete(folder));
	return path;
}

/** 12 hex digits over all that decides what comes out. */
function keyOf({ name, mode, recipe, tools, experiment }: Plan): string {
	const hash = createHash("sha256");
	hash.update(JSON.stringify([tools.version, process.arch, mode, recipe, goFlags, experiment]));
	for (const folder of [name, "truth", "internal"]) {
		for (const path of readdirSync(join(sources, folder), { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name))
			.sort()) {
			hash
				.update(`${relative(sources, path)}\0`)
				.update(readFileSync(path))
				.update("\0");
		}
	}
	return hash.digest("hex").slice(0, 12);
}

/** The same program wherever the repository lies. */
const goFlags = ["-trimpath", "-buildvcs=false"];

async function buildOnce(plan: Plan, folder: string): Promise<string> {
	const program = join(folder, plan.name);
	if (await exists(program)) return program;
	await mkdir(folder, { recursive: true });
	const unlock = await lock(`${folder}.lock`);
	try {
		if (!(await exists(program))) await build(plan, folder, program);
	} finally {
		await unlock();
	}
	return program;
}

async function build({ name, mode, recipe, tools, experiment }: Plan, folder: string, program: string): Promise<void> {
	const partial = `${program}.${process.pid}`;
	const goMod = `${folder}.${process.pid}.mod`;
	// A go.mod of the toolchain's own language level: with the "go 1.19" of the sources, newer toolchains would build with
	// the GODEBUG defaults of that time (go.dev/doc/godebug), which is not how programs of that release behave.
	await writeFile(goMod, `module gomem.test/subjects\n\ngo 1.${minorOf(tools.version)}\n`);
	const env = { ...tools.env, CGO_ENABLED: recipe.c === undefined ? "0" : "1", GOEXPERIMENT: experiment };
	try {
		const flags = [...goFlags, `-modfile=${goMod}`, ...recipe.flags];
		await run(tools.go, ["build", ...flags, "-o", partial, `./${name}`], { cwd: sources, env });
		if (recipe.dropBuildInfo) await writeFile(partial, withoutBuildInfo(await readFile(partial)));
		await rename(partial, program);
	} catch (error) {
		await rm(partial, { force: true });
		const stderr = (error as { stderr?: string }).stderr ?? "";
		throw new Error(`subject ${name} does not build with go${tools.version} (${mode}): ${stderr}`, { cause: error });
	} finally {
		await rm(goMod, { force: true });
		await rm(goMod.replace(/mod$/, "sum"), { force: true });
	}
}

const staleAfter = 10 * 60_000;

/**
 * Keeps others from building the same meanwhile. Only to spare work: the rename at the end makes two builds at once
 * harmless, so a lock whose owner is gone may be broken without further care.
 */
async function lock(path: string): Promise<() => Promise<void>> {
	for (;;) {
		try {
			const file = await open(path, "wx");
			await file.writeFile(String(process.pid));
			await file.close();
			return () => rm(path, { force: true });
		} catch (error) {
			if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
		}
		if (await isStale(path)) await rm(path, { force: true });
		else await sleep(100);
	}
}

async function isStale(path: string): Promise<boolean> {
	try {
		const owner = Number(await readFile(path, "utf8"));
		const age = Date.now() - (await stat(path)).mtimeMs;
		if (age > staleAfter) return true;
		if (owner === 0) return age > 5_000; // made, its owner not yet written
		process.kill(owner, 0);
		return false;
	} catch (error) {
		// ESRCH: the owner is gone. ENOENT: so is the lock. EPERM: it lives, as another user.
		return !(error instanceof Error && "code" in error && error.code === "EPERM");
	}
}
