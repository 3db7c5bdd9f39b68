import { basename } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Bounds } from "../evidence/memory-bounds.ts";
import { type ProcessStat, parseStat } from "../formats/procfs/stat.ts";
import { type ProcessStatus, parseStatus } from "../formats/procfs/status.ts";
import type { ProgramFile } from "../goruntime/program.ts";
import { boundsOf } from "./limit.ts";
import { memoryCgroupOf } from "./linux/cgroup-files.ts";
import { isGoneResult } from "./linux/gone.ts";
import { hostFacts } from "./linux/host-facts.ts";
import { preferOwnOomKill } from "./linux/own-safety.ts";
import { ownPid } from "./linux/pid-numbers.ts";
import { readEnvironment, readProcText } from "./linux/proc-files.ts";
import { listPids } from "./linux/process-identity.ts";
import { memoryTask } from "./linux/task-state.ts";
import { Deadline } from "./ps-deadline.ts";
import { ProgramFiles, type SeenProgram } from "./ps-programs.ts";
import { type RuntimeGlance, RuntimeGlances } from "./ps-runtime.ts";

export type Missing = Unavailable & { readonly part: string };

/** A Go process as one round saw it. */
export interface GoProcess {
	readonly stat: ProcessStat;
	readonly status: ProcessStatus;
	readonly exe: string;
	readonly exeDeleted: boolean;
	readonly file: ProgramFile;
	readonly bounds: Bounds | undefined;
	/** undefined where it could not be read; `missing` says why */
	readonly runtime: RuntimeGlance | undefined;
	/** GOGC and its like at start, asked only where the runtime could not be */
	readonly environment: Readonly<Record<string, string>> | undefined;
	readonly missing: readonly Missing[];
}

/** A process of which it is not known whether it is a Go program. */
export interface UnknownProcess {
	readonly stat: ProcessStat;
	/** undefined where it ended meanwhile */
	readonly status: ProcessStatus | undefined;
	readonly missing: Missing;
}

export interface Round {
	/** unix milliseconds */
	readonly at: number;
	readonly processes: readonly GoProcess[];
	readonly unknown: readonly UnknownProcess[];
	/** processes whose executable was looked at or asked for; kernel threads, zombies and gomem are not among them */
	readonly looked: number;
	readonly cost: { readonly wallMs: number; readonly bytesRead: number };
}

export interface RoundOptions {
	/** longest time for one process */
	readonly timeoutMs: number;
	readonly signal: AbortSignal;
	/** only processes whose name, executable, module or package contains this, in small letters */
	readonly name?: string | undefined;
}

/** A process that was attached to, or could not be: then tried again in ever more rounds' time. */
interface Attachment {
	readonly identity: string;
	readonly glances: RuntimeGlances | Unavailable;
	readonly tries: number;
	readonly nextTry: number;
}

const MAX_WAIT_ROUNDS = 64;

/**
 * The Go processes of this machine, round after round: executables are looked at once, runtimes found once. Nothing is
 * read of a process but /proc and some resident pages. Close it.
 */
export class ProcessTable {
	readonly #programs = new ProgramFiles();
	readonly #own = ownPid();
	#attached = new Map<number, Attachment>();
	#round = 0;
	#bytesOfEnded = 0;

	constructor() {
		preferOwnOomKill();
	}

	/** Looks at all processes. Throws the signal's reason where it aborts. */
	async read(options: RoundOptions): Promise<Round> {
		const started = performance.now();
		const bytesBefore = this.#bytesRead();
		const at = Date.now();
		this.#round++;
		const processes: GoProcess[] = [];
		const unknown: UnknownProcess[] = [];
		const bounds = new Map<string, Bounds>();
		let looked = 0;
		const seen = new Set<number>();
		for (const pid of listPids()) {
			const stat = pid === this.#own ? undefined : userProcess(pid);
			if (stat === undefined) continue;
			looked++;
			// a machine has hundreds that are not Go, at some tens of microseconds each
			if (looked % 64 === 0) await turn();
			options.signal.throwIfAborted();
			const found = await this.#look(stat, options, bounds);
			if (found === undefined) continue;
			if ("file" in found) {
				processes.push(found);
				seen.add(pid);
				await turn();
			} else unknown.push(found);
		}
		this.#programs.endRound();
		this.#forgetAllBut(seen);
		const cost = { wallMs: performance.now() - started, bytesRead: this.#bytesRead() - bytesBefore };
		return { at, processes, unknown, looked, cost };
	}

	async #look(
		stat: ProcessStat,
		options: RoundOptions,
		known: Map<string, Bounds>,
	): Promise<GoProcess | UnknownProcess | undefined> {
		const deadline = new Deadline(options.timeoutMs);
		const program = this.#programs.of(stat.pid, deadline);
		if (isUnavailable(program)) return isGoneResult(program) ? undefined : unknownProcess(stat, program, options);
		const { file } = program;
		if (file === undefined) return undefined;
		if (isUnavailable(file)) return unknownProcess(stat, file, options);
		if (!isWanted(stat, program, file, options.name)) return undefined;
		const status = statusOf(stat.pid);
		if (status === undefined) return undefined;
		const missing: Missing[] = [];
		const runtime = await this.#runtimeOf(stat, program, file, deadline);
		if (isUnavailable(runtime)) {
			if (isGoneResult(runtime)) return undefined;
			missing.push({ part: "runtime", ...runtime });
		} else if (runtime.goroutines === undefined) missing.push(NO_GOROUTINES);
		const read = isUnavailable(runtime) ? undefined : runtime;
		const environment = read === undefined ? readEnvironment(stat.pid) : undefined;
		return {
			stat,
			status,
			exe: program.path,
			exeDeleted: program.deleted,
			file,
			bounds: boundsIn(stat.pid, known, missing),
			runtime: read,
			environment:
				environment === undefined || isUnavailable(environment) ? undefined : (environment as Record<string, string>),
			missing,
		};
	}

	async #runtimeOf(
		stat: ProcessStat,
		program: SeenProgram,
		file: ProgramFile,
		deadline: Deadline,
	): Promise<RuntimeGlance | Unavailable> {
		// an exec keeps pid and start time, and brings another file
		const identity = `${stat.startTime}:${program.key}`;
		let attachment = this.#attached.get(stat.pid);
		const same = attachment?.identity === identity;
		if (attachment === undefined || !same || (isUnavailable(attachment.glances) && attachment.nextTry <= this.#round)) {
			if (attachment !== undefined) this.#drop(attachment);
			const tries = same && attachment !== undefined ? attachment.tries + 1 : 1;
			const glances = await RuntimeGlances.open(stat.pid, program.path, file, deadline);
			const nextTry = this.#round + Math.min(2 ** (tries - 1), MAX_WAIT_ROUNDS);
			attachment = { identity, glances, tries, nextTry };
			this.#attached.set(stat.pid, attachment);
			const linked = isUnavailable(glances) ? undefined : glances.linked;
			if (linked !== undefined) this.#programs.learn(program.key, linked);
		}
		const { glances } = attachment;
		if (isUnavailable(glances)) return glances;
		const runtime = glances.read(deadline);
		if (isUnavailable(runtime)) {
			// its memory is another one since an exec of the same file, or it is about to end: look for it anew
			this.#drop(attachment);
			this.#attached.delete(stat.pid);
		}
		return runtime;
	}

	#forgetAllBut(seen: ReadonlySet<number>): void {
		for (const [pid, attachment] of this.#attached) {
			if (seen.has(pid)) continue;
			this.#drop(attachment);
			this.#attached.delete(pid);
		}
	}

	#drop({ glances }: Attachment): void {
		if (isUnavailable(glances)) return;
		this.#bytesOfEnded += glances.bytesRead;
		glances.close();
	}

	/** What was read of executables and memory; the text of /proc is not counted. */
	#bytesRead(): number {
		let bytes = this.#programs.bytesRead + this.#bytesOfEnded;
		for (const { glances } of this.#attached.values()) if (!isUnavailable(glances)) bytes += glances.bytesRead;
		return bytes;
	}

	close(): void {
		this.#forgetAllBut(new Set());
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

const NO_GOROUTINES: Missing = {
	part: "goroutines",
	unavailable: "the runtime's list of goroutines was not found, or is too long to be counted one by one",
	wouldHelp: "a binary that was not stripped, or gomem stacks PID",
};

/** The process, where it has memory of its own: not a kernel thread, not a zombie. */
function userProcess(pid: number): ProcessStat | undefined {
	const text = readProcText(pid, "stat");
	if (typeof text !== "string") return undefined;
	const stat = optional(() => parseStat(text));
	if (stat === undefined || stat.state === "X") return undefined;
	// the leader of a process whose other threads run on is a zombie too
	if (stat.state === "Z") return memoryTask(pid) === pid ? undefined : stat;
	return stat.virtualBytes === 0 ? undefined : stat;
}

function statusOf(pid: number): ProcessStatus | undefined {
	const text = readProcText(pid, "status");
	return typeof text === "string" ? optional(() => parseStatus(text)) : undefined;
}

function unknownProcess(stat: ProcessStat, why: Unavailable, options: RoundOptions): UnknownProcess | undefined {
	if (options.name !== undefined && !stat.comm.toLowerCase().includes(options.name)) return undefined;
	return { stat, status: statusOf(stat.pid), missing: { part: "executable", ...why } };
}

function isWanted(stat: ProcessStat, program: SeenProgram, file: ProgramFile, name: string | undefined): boolean {
	if (name === undefined) return true;
	return [stat.comm, basename(program.path), file.module?.path, file.package].some(
		(text) => text?.toLowerCase().includes(name) === true,
	);
}

/** Processes of one cgroup share what bounds them: its files are read once a round. */
function boundsIn(pid: number, known: Map<string, Bounds>, missing: Missing[]): Bounds | undefined {
	const cgroup = memoryCgroupOf(pid);
	const key = isUnavailable(cgroup) ? "" : `${cgroup.version}:${cgroup.path}`;
	const before = known.get(key);
	if (before !== undefined) return before;
	try {
		const bounds = boundsOf(pid);
		known.set(key, bounds);
		return bounds;
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		missing.push({ part: "limit", unavailable: `the cgroup's files are not understood: ${error.message}` });
		return undefined;
	}
}

function optional<T>(parse: () => T): T | undefined {
	try {
		return parse();
	} catch (error) {
		if (error instanceof ParseError) return undefined;
		throw error;
	}
}

/** Seconds that the process has been up. */
export function uptimeOf(stat: ProcessStat, at: number): number {
	const { bootTime, ticksPerSecond } = hostFacts();
	return Math.max(0, Math.round(at / 1000 - bootTime - stat.startTime / ticksPerSecond));
}
