import { execFile } from "node:child_process";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A late patch of each minor that gomem reads. */
export const allGoVersions: readonly string[] = [
	"1.19.13",
	"1.20.14",
	"1.21.13",
	"1.22.12",
	"1.23.12",
	"1.24.13",
	"1.25.9",
	"1.26.8",
	"1.27.3",
];

/**
 * The releases that tests run on besides defaultGo: both ends, and one between. GOMEM_TEST_MATRIX=full takes all of them,
 * GOMEM_TEST_GO names others ("1.21.0,1.22.12").
 */
export const goVersions: readonly string[] =
	process.env["GOMEM_TEST_GO"]?.split(",") ??
	(process.env["GOMEM_TEST_MATRIX"] === "full" ? allGoVersions : ["1.19.13", "1.24.13", "1.27.3"]);

/** What is built where a test does not say. */
export const defaultGo = "1.26.8";

/** This machine cannot build or run a subject; the message says why. Tests skip with it. */
export class SubjectUnavailable extends Error {}

export interface Toolchain {
	/** "1.26.8" */
	readonly version: string;
	/** The go command of exactly that release. */
	readonly go: string;
	readonly goroot: string;
	/** What to run it with: this process's environment without what would change a build, and GOROOT, GOTOOLCHAIN. */
	readonly env: Readonly<Record<string, string>>;
}

/** Built subjects and copied toolchains live outside of the repository: GOMEM_CACHE, or ~/.cache/gomem. */
export function cacheFolder(): string {
	return process.env["GOMEM_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "gomem");
}

const known = new Map<string, Promise<Toolchain>>();

/**
 * The Go toolchain of one release ("1.26.8"): the installed one where it is that, else fetched by the go command itself
 * (GOTOOLCHAIN) into the module cache. Throws SubjectUnavailable where there is none to be had. Found once per process.
 */
export function toolchain(version: string = defaultGo): Promise<Toolchain> {
	const before = known.get(version);
	if (before !== undefined) return before;
	const found = find(version);
	known.set(version, found);
	return found;
}

async function find(version: string): Promise<Toolchain> {
	if (!/^1\.\d+(\.\d+)?(rc\d+)?$/.test(version)) throw new Error(`not a Go release: ${version}`);
	const env = cleanEnvironment();
	const installed = await goEnv({ ...env, GOTOOLCHAIN: "local" }, version);
	let goroot = installed.goroot;
	if (installed.version !== `go${version}`) {
		const fetched = await goEnv({ ...env, GOTOOLCHAIN: `go${version}` }, version);
		if (fetched.version !== `go${version}`) {
			throw new SubjectUnavailable(
				`go${version}: the installed ${installed.version} does not fetch toolchains (Go 1.21 and later do)`,
			);
		}
		goroot = minorOf(version) < 21 ? await copyOut(version, fetched.goroot) : fetched.goroot;
	}
	return { version, goroot, go: join(goroot, "bin", "go"), env: { ...env, GOROOT: goroot, GOTOOLCHAIN: "local" } };
}

/** 26 for "1.26.8". */
export function minorOf(version: string): number {
	return Number(version.split(".")[1]);
}

/** This process's environment without the variables that change what a build gives. */
function cleanEnvironment(): Record<string, string> {
	const env: Record<string, string> = {};
	for (const [name, value] of Object.entries(process.env)) {
		if (value === undefined) continue;
		if (
			/^(CGO_.*|GO(FLAGS|ROOT|EXPERIMENT|DEBUG|GC|MEMLIMIT|MAXPROCS|ARCH|OS|AMD64|ARM64|WORK|TOOLCHAIN|BIN))$/.test(
				name,
			)
		) {
			continue;
		}
		env[name] = value;
	}
	// An empty GOFLAGS would fall back to what "go env -w" wrote; -mod=mod is harmless, there are no dependencies.
	return { ...env, GOFLAGS: "-mod=mod", GOWORK: "off", GO111MODULE: "on" };
}

async function goEnv(env: Record<string, string>, wanted: string): Promise<{ version: string; goroot: string }> {
	const go = process.env["GOMEM_GO"] || "go";
	try {
		// In a folder without a go.mod: one might ask for another toolchain.
		const { stdout } = await run(go, ["env", "GOVERSION", "GOROOT"], { env, cwd: tmpdir() });
		const [version = "", goroot = ""] = stdout.trim().split("\n");
		return { version, goroot };
	} catch (error) {
		if (isMissing(error)) throw new SubjectUnavailable(`no Go toolchain: ${go} is not installed`);
		const stderr = (error as { stderr?: string }).stderr?.trim() ?? String(error);
		throw new SubjectUnavailable(`go${wanted} is not to be had: ${stderr}`);
	}
}

/**
 * Go before 1.21 did not expect to live in the module cache, and some patch releases (1.19.12, 1.19.13, 1.20.1) refuse to
 * build there ("import of unknown directory"): such a toolchain is copied out of it, once.
 */
async function copyOut(version: string, from: string): Promise<string> {
	const to = join(cacheFolder(), "toolchains", `go${version}`);
	if (await exists(join(to, "bin", "go"))) return to;
	const partial = `${to}.${process.pid}`;
	await mkdir(join(to, ".."), { recursive: true });
	// The module cache is read-only; its modes must not be carried over before the content.
	await run("cp", ["-r", from, partial]);
	await run("chmod", ["-R", "u+w", partial]);
	await rename(partial, to).catch(async (error: unknown) => {
		await rm(partial, { recursive: true, force: true });
		if (!(await exists(join(to, "bin", "go")))) throw error;
	});
	return to;
}

const compilers = new Map<string, Promise<string | undefined>>();

/** Why there is no C compiler (or, for static, no static C library), or undefined where there is. */
export function whyNoC(kind: "dynamic" | "static"): Promise<string | undefined> {
	const before = compilers.get(kind);
	if (before !== undefined) return before;
	const answer = probeC(kind);
	compilers.set(kind, answer);
	return answer;
}

async function probeC(kind: "dynamic" | "static"): Promise<string | undefined> {
	try {
		// For a file it does not find, gcc prints the bare name (gcc manual, -print-file-name).
		const { stdout } = await run("gcc", ["-print-file-name=libc.a"]);
		const missing = kind === "static" && !stdout.trim().startsWith("/");
		return missing ? "no static C library (libc.a) for -extldflags -static" : undefined;
	} catch (error) {
		if (isMissing(error)) return "no C compiler: gcc is not installed";
		throw error;
	}
}

export async function exists(path: string): Promise<boolean> {
	try {
		await stat(path);
		return true;
	} catch (error) {
		if (isMissing(error)) return false;
		throw error;
	}
}

function isMissing(error: unknown): boolean {
	return error instanceof Error && "code" in error && error.code === "ENOENT";
}
