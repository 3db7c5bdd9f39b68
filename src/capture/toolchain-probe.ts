import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { probeProgram } from "./probe-program.gen.ts";

/** A Go toolchain to ask: the one that the go command here fetches by that name, or one that lies in a folder. */
export type Toolchain =
	| { readonly kind: "named"; readonly name: string }
	| { readonly kind: "folder"; readonly goroot: string };

export interface ProbeOptions {
	readonly arch: "amd64" | "arm64";
	/** GOEXPERIMENT; "" for the toolchain's default */
	readonly experiments: string;
	readonly signal: AbortSignal;
	/** told of each command before it runs */
	readonly announce: (command: string) => void;
}

/** The probe program, built; `remove` it. */
export interface BuiltProbe {
	readonly path: string;
	/** the source of the rule which spans carry their mark bits themselves; undefined where the toolchain has no such file */
	readonly greenTeaSource: string | undefined;
	remove(): void;
}

/** The first build with a toolchain compiles its standard library, after it was fetched (70 MB). */
const MAX_MILLISECONDS = 15 * 60_000;
const MAX_OUTPUT = 1 << 20;

/** What the user calls a toolchain: a folder that has bin/go in it, "go1.28rc1" or "1.28rc1"; undefined for anything else. */
export function toolchainOf(text: string): Toolchain | undefined {
	if (isFile(join(text, "bin", "go"))) return { kind: "folder", goroot: text };
	const name = text.startsWith("go") ? text : `go${text}`;
	return /^go1\.\d{1,3}(\.\d{1,3})?((rc|beta)\d{1,2})?(-[A-Za-z0-9._-]+)?$/.test(name)
		? { kind: "named", name }
		: undefined;
}

function isFile(path: string): boolean {
	try {
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

/** Builds the probe program in a folder of its own. Nothing that comes out is run. */
export async function buildProbe(toolchain: Toolchain, options: ProbeOptions): Promise<BuiltProbe | Unavailable> {
	const folder = mkdtempSync(join(tmpdir(), "gomem-layouts-"));
	const remove = () => rmSync(folder, { recursive: true, force: true });
	try {
		for (const [name, text] of Object.entries(probeProgram)) writeFileSync(join(folder, name), text);
		const path = join(folder, "probe");
		const run = runner(toolchain, options, folder);
		const goroot = (await run(["env", "GOROOT"])).trim();
		await run(["build", "-o", path, "."]);
		return { path, greenTeaSource: sourceOf(goroot), remove };
	} catch (error) {
		remove();
		if (options.signal.aborted) throw error;
		return whyNot(toolchain, error);
	}
}

function runner(
	toolchain: Toolchain,
	options: ProbeOptions,
	cwd: string,
): (args: readonly string[]) => Promise<string> {
	const go = toolchain.kind === "folder" ? join(toolchain.goroot, "bin", "go") : "go";
	const own: Record<string, string> =
		toolchain.kind === "folder" ? { GOROOT: toolchain.goroot, GOTOOLCHAIN: "local" } : { GOTOOLCHAIN: toolchain.name };
	if (options.experiments !== "") own["GOEXPERIMENT"] = options.experiments;
	const env = { ...inherited(), ...own, GOOS: "linux", GOARCH: options.arch, CGO_ENABLED: "0", GOWORK: "off" };
	const shown = Object.entries({ ...own, GOARCH: options.arch }).map(([name, value]) => `${name}=${value}`);
	return (args) => {
		options.announce([...shown, go, ...args].join(" "));
		const limits = { timeout: MAX_MILLISECONDS, maxBuffer: MAX_OUTPUT, signal: options.signal };
		return new Promise((resolve, reject) => {
			execFile(go, [...args], { cwd, env, encoding: "utf8", ...limits }, (error, stdout, stderr) => {
				if (error === null) resolve(stdout);
				else reject(Object.assign(error, { stderr }));
			});
		});
	};
}

/** This process's environment without what changes which toolchain builds, or what it builds. */
function inherited(): Record<string, string> {
	const env: Record<string, string> = {};
	for (const [name, value] of Object.entries(process.env)) {
		const changes = /^(CGO_.*|GO(FLAGS|ROOT|EXPERIMENT|DEBUG|OS|ARCH|AMD64|ARM64|WORK|TOOLCHAIN|BIN))$/.test(name);
		if (value !== undefined && !changes) env[name] = value;
	}
	return env;
}

/** runtime/mgcmark_greenteagc.go of a GOROOT. */
function sourceOf(goroot: string): string | undefined {
	try {
		return readFileSync(join(goroot, "src", "runtime", "mgcmark_greenteagc.go"), "utf8");
	} catch {
		return undefined; // before Go 1.25, or a GOROOT without sources
	}
}

function whyNot(toolchain: Toolchain, error: unknown): Unavailable {
	const { code, stderr } = error as { code?: unknown; stderr?: string };
	if (code === "ENOENT") {
		return {
			unavailable: "there is no go command",
			wouldHelp: "Go's installer, or the folder of a toolchain (its GOROOT)",
		};
	}
	const said = (stderr ?? String(error)).trim().split("\n");
	const name = toolchain.kind === "named" ? toolchain.name : toolchain.goroot;
	return {
		unavailable: `${name} does not build the probe program: ${said.slice(-3).join(" ").slice(0, 400)}`,
		wouldHelp:
			"the folder of an unpacked toolchain (its GOROOT) instead of a name, or an unstripped program that it built",
	};
}
