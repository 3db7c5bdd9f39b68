import type { BundleProblem } from "../capture/bundle-file.ts";
import { type Observation, ObservedProcess, ProcessEnded } from "../capture/process.ts";
import { resolveTarget, type Target, type UnresolvedTarget } from "../capture/target.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { GomemError } from "./errors.ts";
import { noProc } from "./no-proc.ts";

/** A target that can be observed: a live process, reading after reading, the readings that a bundle holds, or a core's one. */
export interface Observed {
	readonly kind: "process" | "bundle" | "core";
	/** the next reading; undefined where a bundle or a core has no more */
	next(): Promise<Observation | undefined>;
	close(): void;
	[Symbol.dispose](): void;
}

export interface ObserveFlags {
	/** longest stop of the target in milliseconds */
	readonly pause?: number | undefined;
	/** also walk the goroutines' stacks */
	readonly stacks?: boolean | undefined;
	/** the executable of a core; an error with any other target */
	readonly exe?: string | undefined;
	/** false: no sizes are wanted, so which pages of a core are zero need not be looked for */
	readonly pages?: boolean | undefined;
}

/** Resolves a TARGET, or throws the error that says what to do. */
export function targetOf(text: string): Target {
	const target = resolveTarget(text);
	if (!isUnresolved(target)) return target;
	const unusable = target.problem === "not-found" ? noProc() : undefined;
	if (unusable !== undefined) throw unusable;
	throw new GomemError({
		code:
			target.problem === "ambiguous"
				? "target-ambiguous"
				: target.problem === "not-found"
					? "target-not-found"
					: "target-unknown",
		message: target.message,
		hint: target.hint,
	});
}

function isUnresolved(target: Target | UnresolvedTarget): target is UnresolvedTarget {
	return "problem" in target;
}

/** Opens a process, a bundle or a core. Throws GomemError where it is none, or cannot be opened. */
export async function observe(target: Target, flags: ObserveFlags = {}): Promise<Observed> {
	if (target.kind === "core") return observeCore(target.path, flags);
	refuseExecutable(flags.exe);
	if (target.kind === "process") return observeProcess(target.pid, flags);
	if (target.kind === "bundle") return observeBundle(target.path);
	throw new GomemError({
		code: "target-not-observable",
		message: "this command reads a process, a capture or a core",
		why:
			target.kind === "url"
				? "a URL tells what the runtime says of itself, not what is resident"
				: "a log holds readings of MemStats only",
		hint: "`gomem memstats` reads URLs and logs; give a pid or a .gomem file here",
	});
}

/** Throws where an executable was given for what is no core. */
export function refuseExecutable(exe: string | undefined): void {
	if (exe === undefined) return;
	throw new GomemError({
		code: "invalid-input",
		message: "--exe is for cores: a process and a capture have their executable themselves",
		hint: "leave --exe out",
	});
}

/** The error for a process that cannot be opened: it has ended, or there is no room beside it. */
export function notOpened(problem: Unavailable): GomemError {
	return new GomemError({
		code: "gone" in problem ? "target-not-found" : "no-headroom",
		message: problem.unavailable,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}

async function observeProcess(pid: number, flags: ObserveFlags): Promise<Observed> {
	const open = async () => {
		const opened = await ObservedProcess.open(pid, { pauseMs: flags.pause, stacks: flags.stacks });
		if (isUnavailable(opened)) throw notOpened(opened);
		return opened;
	};
	let observed = await open();
	const close = () => observed.close();
	return {
		kind: "process",
		close,
		[Symbol.dispose]: close,
		async next() {
			try {
				const observation = await observed.read();
				if (observed.attached === undefined || observation.runtime !== undefined) return observation;
				// it was readable and is not: the process has executed another program, or itself anew
				observed.close();
				observed = await open();
				return await observed.read();
			} catch (error) {
				if (!(error instanceof ProcessEnded)) throw error;
				throw new GomemError({
					code: "target-ended",
					message: error.message,
					hint: "capture it sooner, or read a capture: `gomem capture PID -o x.gomem`",
					cause: error,
				});
			}
		},
	};
}

async function observeBundle(path: string): Promise<Observed> {
	const readings = await (await import("../capture/bundle-file.ts")).openBundle(path);
	if (isUnavailable(readings)) throw bundleError(readings);
	const close = () => {};
	return {
		kind: "bundle",
		close,
		[Symbol.dispose]: close,
		next: () => readings.next(),
	};
}

async function observeCore(path: string, flags: ObserveFlags): Promise<Observed> {
	const { ObservedCore } = await import("../capture/core.ts");
	const core = ObservedCore.open(path, { executable: flags.exe, stacks: flags.stacks, pages: flags.pages });
	if (isUnavailable(core)) throw fileError(core);
	const close = () => core.close();
	let read = false;
	return {
		kind: "core",
		close,
		[Symbol.dispose]: close,
		async next() {
			if (read) return undefined;
			read = true;
			return core.read();
		},
	};
}

function fileError(problem: Unavailable & { readonly code: string }): GomemError {
	return new GomemError({
		code: problem.code,
		message: problem.unavailable,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}

/** The failure of a file that cannot be replayed. */
export function bundleError(problem: BundleProblem): GomemError {
	return fileError(problem);
}
