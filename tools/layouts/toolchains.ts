import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FieldRecord, TableValue } from "../../src/goruntime/layouts/layout-file.ts";
import { toolchain } from "../../testing/subject-toolchain.ts";

const run = promisify(execFile);
const HERE = import.meta.dirname;
const MAX_OUTPUT = 64 << 20;

/** One build of the runtime: what a layout belongs to. */
export interface Build {
	/** "1.26.8" */
	readonly release: string;
	readonly arch: string;
	/** GOEXPERIMENT, sorted, comma separated; "" is the toolchain's default */
	readonly experiments: string;
}

/** What tools/layouts/dump prints. */
export interface Dump {
	readonly structs: Readonly<Record<string, { size: number; fields: Record<string, FieldRecord> }>>;
	readonly globals: Readonly<Record<string, FieldRecord>>;
	readonly constants: Readonly<Record<string, number>>;
	readonly tables: Readonly<Record<string, readonly TableValue[]>>;
	readonly rules: Readonly<Record<string, readonly string[]>>;
}

async function go(build: Build, args: readonly string[], cwd: string): Promise<string> {
	// the older ones do not build inside the module cache: toolchain() copies them out of it
	const tools = await toolchain(toolchainName(build.release).slice("go".length));
	const env = {
		...tools.env,
		GOARCH: build.arch,
		GOOS: "linux",
		CGO_ENABLED: "0",
		GOEXPERIMENT: build.experiments,
	};
	const { stdout } = await run(tools.go, [...args], { cwd, env, maxBuffer: MAX_OUTPUT });
	return stdout.trim();
}

/** "go1.26.8"; up to Go 1.20 the first release of a minor has no ".0" (https://go.dev/doc/toolchain#name). */
export function toolchainName(release: string): string {
	const [major, minor, patch] = release.split(".");
	return patch === "0" && Number(minor) < 21 ? `go${major}.${minor}` : `go${release}`;
}

/** The patch numbers of one minor that GOTOOLCHAIN can fetch for this machine, ascending. The proxy's list may have gaps. */
export async function patchesOf(minor: string): Promise<readonly number[]> {
	const { stdout } = await run("go", ["list", "-m", "-versions", "golang.org/toolchain"], { maxBuffer: MAX_OUTPUT });
	const arch = process.arch === "arm64" ? "arm64" : "amd64";
	const patches = new Set<number>();
	for (const version of stdout.split(/\s+/)) {
		const match = /^v0\.0\.1-go(\d+\.\d+)(?:\.(\d+))?\.linux-(\w+)$/.exec(version);
		if (match?.[1] === minor && match[3] === arch) patches.add(Number(match[2] ?? 0));
	}
	return [...patches].sort((a, b) => a - b);
}

/** Builds the dump program; `newest` is the newest toolchain in play, whose go/types knows the syntax of all the others. */
export async function buildDump(newest: string, folder: string): Promise<string> {
	const path = join(folder, "dump");
	const arch = process.arch === "arm64" ? "arm64" : "amd64";
	await go({ release: newest, arch, experiments: "" }, ["build", "-o", path, "."], join(HERE, "dump"));
	return path;
}

/** Builds the probe for one build and reads it. Throws if the toolchain refuses (an experiment that it does not know). */
export async function readBuild(dump: string, build: Build): Promise<Dump> {
	const folder = await mkdtemp(join(tmpdir(), "layout-probe-"));
	try {
		const probe = join(folder, "probe");
		await go(build, ["build", "-o", probe, "."], join(HERE, "probe"));
		const goroot = await go(build, ["env", "GOROOT"], join(HERE, "probe"));
		const format = '{{join context.ToolTags ","}},{{join context.ReleaseTags ","}}';
		const tags = await go(build, ["list", "-f", format, "runtime"], join(HERE, "probe"));
		const wanted = join(HERE, "wanted.json");
		const args = ["-wanted", wanted, "-probe", probe, "-goroot", goroot, "-arch", build.arch, "-tags", tags];
		const { stdout } = await run(dump, args, { maxBuffer: MAX_OUTPUT });
		return JSON.parse(stdout) as Dump;
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** An experiment that a toolchain knows. */
export interface Experiment {
	/** what changes it from the default: "greenteagc", or "nogreenteagc" where it is on by default */
	readonly toggle: string;
	/** whether the source of the runtime, or of what it is built on, mentions it */
	readonly mentioned: boolean;
}

export async function experimentsOf(build: Build): Promise<readonly Experiment[]> {
	const goroot = await go(build, ["env", "GOROOT"], join(HERE, "probe"));
	const tags = await go(build, ["list", "-f", '{{join context.ToolTags ","}}', "runtime"], join(HERE, "probe"));
	const on = new Set(tags.split(",").map((tag) => tag.replace("goexperiment.", "")));
	const source = await runtimeSource(join(goroot, "src"));
	const experiments: Experiment[] = [];
	for (const file of (await readdir(join(goroot, "src/internal/goexperiment"))).sort()) {
		const name = /^exp_(\w+)_on\.go$/.exec(file)?.[1];
		if (name === undefined) continue;
		// build tags are goexperiment.name, constants goexperiment.Name and goexperiment.NameInt, in assembly GOEXPERIMENT_name
		const mentioned = new RegExp(`goexperiment[._]${name}`, "i").test(source);
		experiments.push({ toggle: on.has(name) ? `no${name}` : name, mentioned });
	}
	return experiments;
}

async function runtimeSource(src: string): Promise<string> {
	const texts: string[] = [];
	for (const folder of ["runtime", "internal/runtime", "internal/abi", "internal/sync", "sync"]) {
		const files = await readdir(join(src, folder), { recursive: true }).catch(() => []); // not in every release
		for (const file of files) {
			if (!/\.(go|s|h)$/.test(file) || file.endsWith("_test.go")) continue;
			texts.push(await readFile(join(src, folder, file), "utf8"));
		}
	}
	return texts.join("\n");
}

/** The renaming part of wanted.json, which the merge applies. */
export interface Naming {
	readonly constantNames: Readonly<Record<string, readonly string[]>>;
	readonly tableNames: Readonly<Record<string, readonly string[]>>;
}

export async function readNaming(): Promise<Naming> {
	return JSON.parse(await readFile(join(HERE, "wanted.json"), "utf8")) as Naming;
}
