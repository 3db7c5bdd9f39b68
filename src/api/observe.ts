import type { BundleProblem } from "../capture/bundle-file.ts";
import { type Gone, type GoneKind, isGoneResult } from "../capture/linux/gone.ts";
import { type Observation, ObservedProcess, ProcessEnded } from "../capture/process.ts";
import { standardInput } from "../capture/standard-input.ts";
import { resolveTarget, standardInputTarget, type Target, type UnresolvedTarget } from "../capture/target.ts";
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

/** Resolves a TARGET, or throws the error that says what to do. Of "-" see `settled`. */
export function targetOf(text: string): Target {
	return resolved(resolveTarget(text));
}

/** The target, where it is standard input what that is by its first bytes. Throws as targetOf does. */
export async function settled(target: Target, signal?: AbortSignal): Promise<Target> {
	if (!isStandardInput(target)) return target;
	const found = await standardInputTarget(signal);
	// what is not read on must not be waited for
	if (isUnresolved(found)) standardInput().close();
	return resolved(found);
}

function isStandardInput(target: Target): boolean {
	return target.kind === "log" && target.path === "-";
}

const CODES: Readonly<Record<UnresolvedTarget["problem"], string>> = {
	ambiguous: "target-ambiguous",
	"not-found": "target-not-found",
	"unknown-file": "target-unknown",
	ended: "target-ended",
	"kernel-thread": "target-kernel-thread",
};

function resolved(target: Target | UnresolvedTarget): Target {
	if (!isUnresolved(target)) return target;
	const unusable = target.problem === "not-found" ? noProc() : undefined;
	if (unusable !== undefined) throw unusable;
	throw new GomemError({ code: CODES[target.problem], message: target.message, hint: target.hint });
}

function isUnresolved(target: Target | UnresolvedTarget): target is UnresolvedTarget {
	return "problem" in target;
}

/** Opens a process, a bundle or a core. Throws GomemError where it is none, or cannot be opened. */
export async function observe(given: Target, flags: ObserveFlags = {}): Promise<Observed> {
	const target = await settled(given);
	if (target.kind === "core") return observeCore(target.path, flags);
	refuseExecutable(flags.exe);
	if (target.kind === "process") return observeProcess(target.pid, flags);
	if (target.kind === "bundle") return observeBundle(target.path);
	if (isStandardInput(target)) standardInput().close();
	throw new GomemError({
		code: "target-not-observable",
		message: "this command reads a process, a capture or a core",
		why:
			target.kind === "url"
				? "a URL tells what the runtime says of itself, not what is resident"
				: "a log holds readings of MemStats only",
		hint: "`gomem memstats` reads URLs and logs; give a pid, a .gomem file or a core here",
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
	if (isGoneResult(problem)) return goneError(problem);
	return new GomemError({
		code: "no-headroom",
		message: problem.unavailable,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}

/** The error for a pid that has no memory to read, or none any more. */
export function goneError({ gone, unavailable }: Gone): GomemError {
	return new GomemError({ ...GONE[gone], message: unavailable });
}

const LISTED = "`gomem ps` lists the Go processes of this machine";
const SOONER = "capture it sooner, or read a capture: `gomem capture PID -o x.gomem`";
const GONE: Readonly<Record<GoneKind, { readonly code: string; readonly hint: string }>> = {
	absent: { code: "target-not-found", hint: LISTED },
	ended: { code: "target-ended", hint: SOONER },
	zombie: { code: "target-ended", hint: SOONER },
	"kernel-thread": { code: "target-kernel-thread", hint: LISTED },
};

/** The error for a process that ended before a reading of it was complete. */
export function endedError(error: ProcessEnded): GomemError {
	const { problem } = error;
	if (isGoneResult(problem)) return goneError(problem);
	return new GomemError({ code: "target-ended", message: error.message, hint: SOONER });
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
				throw endedError(error);
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
