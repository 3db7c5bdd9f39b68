/** Makes cores of subjects for the tests, and says why that cannot be done here. */
import { execFile, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { missing } from "../debian-packages.ts";
import { until } from "../settled.ts";
import { type BuildOptions, type RunningSubject, type StartOptions, startSubject } from "../subjects.ts";

const exec = promisify(execFile);
const MiB = 2 ** 20;

/** Why there is no gcore, which comes with gdb. False where it is there. */
export function gcoreMissing(): string | false {
	return missing("gcore");
}

/** Why this kernel's cores do not come into the folder of the process; false where they do. */
export function kernelCoresMissing(): string | false {
	const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();
	if (!/^core[^/|]*$/.test(pattern)) return `this kernel's cores go elsewhere (core_pattern is ${pattern})`;
	const noPrlimit = missing("prlimit");
	if (noPrlimit) return noPrlimit;
	if (spawnSync("prlimit", ["--core=unlimited", "true"]).status !== 0)
		return "cores are limited here, and that is fixed";
	return false;
}

/** A core of a process that lives on. It is as large as its address space, zeros and all: remove it soon. */
export async function gcore(pid: number, folder: string): Promise<string> {
	const { stdout, stderr } = await exec("gcore", ["-o", join(folder, "gcore"), String(pid)], { timeout: 120_000 });
	const path = join(folder, `gcore.${pid}`);
	if (!existsSync(path)) throw new Error(`gcore: ${stdout} ${stderr}`);
	return path;
}

/** A subject whose death leaves a core: Go makes one where GOTRACEBACK is crash. */
export function startMortal(name: string, options: BuildOptions & Pick<StartOptions, "args" | "env">) {
	return startSubject(name, {
		...options,
		via: ["prlimit", "--core=unlimited"],
		env: { ...options.env, GOTRACEBACK: "crash" },
	});
}

/** Ends the subject by SIGABRT; the core is in its folder, which is gone with it. */
export async function kernelCore(subject: RunningSubject): Promise<string> {
	subject.kill("SIGABRT");
	await until(`${subject.name} has ended`, () => !existsSync(`/proc/${subject.pid}`));
	const name = readdirSync(subject.folder).find((file) => file.startsWith("core"));
	if (name === undefined) throw new Error(`${subject.name} left no core in ${readdirSync(subject.folder).join(" ")}`);
	return join(subject.folder, name);
}

/** Puts another path of at most the same length in the place of one, wherever the first MiB of a file has it. */
export function renamePath(file: string, from: string, to: string): void {
	if (to.length > from.length) throw new RangeError(`${to} is longer than ${from}`);
	const fd = openSync(file, "r+");
	try {
		const bytes = Buffer.alloc(MiB);
		const head = bytes.subarray(0, readSync(fd, bytes, 0, MiB, 0));
		for (let at = head.indexOf(from); at >= 0; at = head.indexOf(from, at + 1)) {
			// the same length, so that what follows stays where it is: doubled slashes are one
			head.write(to.replace("/", "/".repeat(from.length - to.length + 1)), at);
		}
		writeSync(fd, head, 0, head.length, 0);
	} finally {
		closeSync(fd);
	}
}
