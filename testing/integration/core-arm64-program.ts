/** Runs arm64 subjects under qemu's user mode and takes the core that it writes of its guest: no arm64 machine is needed. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { missing } from "../debian-packages.ts";
import { parked } from "../settled.ts";
import { type SubjectGoroutines, toolchain } from "../subjects.ts";

const exec = promisify(execFile);
const subjects = join(import.meta.dirname, "../../subjects");
/** Tells a stuck emulation from a slow one. */
const TIMEOUT_MS = 240_000;

/** The emulator's command, or why there is none. */
export function emulator(): { readonly command: string } | { readonly missing: string } {
	const command = ["qemu-aarch64-static", "qemu-aarch64"].find((name) => missing(name) === false);
	return command === undefined ? { missing: missing("qemu-aarch64-static") || "" } : { command };
}

/** Builds a folder of subjects/, or a file, for arm64. */
export async function buildArm64(
	source: string,
	go: string,
	folder: string,
	flags: readonly string[] = [],
): Promise<string> {
	const tools = await toolchain(go);
	const name = basename(source) === "main.go" ? basename(dirname(source)) : source;
	const program = join(folder, `${name}-${go}${flags.join("").replace(/\W+/g, "-")}`);
	const env = { ...tools.env, GOARCH: "arm64", CGO_ENABLED: "0" };
	const what = name === source ? `./${source}` : source;
	await exec(tools.go, ["build", ...flags, "-o", program, what], { cwd: subjects, env });
	return program;
}

export interface Arm64Core {
	/** undefined where the emulator wrote none; then `left` is what is in its folder */
	readonly path: string | undefined;
	readonly left: readonly string[];
	/** what the subject answered, in the order of the commands */
	readonly answers: readonly unknown[];
	/** what Go printed at its death: every goroutine's traceback, and the running ones by their registers */
	readonly traceback: string;
}

export interface Arm64Run {
	/** of emulator() */
	readonly command: string;
	readonly program: string;
	readonly args?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	/** asked once it is ready, one after the other; "goroutines" until all of them wait */
	readonly commands?: readonly string[];
	/** the line at which it ends itself; without one it is ended by SIGABRT */
	readonly last?: string;
}

/** Starts a subject, asks it, and ends it by a signal at which Go prints all stacks and leaves a core (GOTRACEBACK=crash). */
export async function arm64Core(run: Arm64Run, folder: string): Promise<Arm64Core> {
	const there = mkdtempSync(join(folder, "core-"));
	const child = spawn("prlimit", ["--core=unlimited", run.command, run.program, ...(run.args ?? [])], {
		cwd: there,
		env: { PATH: process.env["PATH"] ?? "", TMPDIR: there, ...run.env, GOTRACEBACK: "crash" },
		stdio: ["pipe", "pipe", "pipe"],
		timeout: TIMEOUT_MS,
		killSignal: "SIGKILL",
	});
	const closed = once(child, "close");
	const printed: Buffer[] = [];
	child.stderr.on("data", (bytes: Buffer) => printed.push(bytes));
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const line = async (): Promise<unknown> => {
		const { value, done } = await lines.next();
		if (done === true) throw new Error(`${run.program} ended: ${Buffer.concat(printed).toString("latin1", 0, 2000)}`);
		return JSON.parse(value as string);
	};
	await line(); // it is ready
	const answers: unknown[] = [];
	const ask = (command: string) => {
		child.stdin.write(`${command}\n`);
		return line();
	};
	for (const one of run.commands ?? [])
		answers.push(
			one === "goroutines"
				? await parked({ goroutines: async () => (await ask(one)) as SubjectGoroutines })
				: await ask(one),
		);
	if (run.last === undefined) child.kill("SIGABRT");
	else child.stdin.write(`${run.last}\n`);
	await closed;
	const left = readdirSync(there);
	const name = left.find((file) => file.endsWith(".core"));
	const path = name === undefined ? undefined : join(there, name);
	return { path, left, answers, traceback: Buffer.concat(printed).toString("latin1") };
}
