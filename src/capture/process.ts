import { decodeUtf8 } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { boundsFrom } from "../evidence/memory-bounds.ts";
import type { HostSummary, Program, Reading } from "../evidence/reading.ts";
import type { GoroutineStacks } from "../evidence/stacks.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import { type ProcessStat, parseStat } from "../formats/procfs/stat.ts";
import { parseStatus } from "../formats/procfs/status.ts";
import { type Attached, attachRuntime, describeProgram } from "../goruntime/attach.ts";
import { withMmapRegistries } from "../goruntime/mmap-registries-locate.ts";
import type { ProgramFile } from "../goruntime/program.ts";
import { type RuntimeState, readRuntime } from "../goruntime/runtime-state.ts";
import { type GoCode, goCodeOf } from "./go-code.ts";
import { layoutSources } from "./layout-sources.ts";
import { cgroupOf } from "./limit.ts";
import { type Executable, openExecutable } from "./linux/executable.ts";
import { goneProcess } from "./linux/gone.ts";
import { hostFacts } from "./linux/host-facts.ts";
import { preferOwnOomKill, refuseForHeadroom } from "./linux/own-safety.ts";
import { type PreparedPause, preparePause } from "./linux/pause.ts";
import { readEnvironment, readProcBytes, readProcText } from "./linux/proc-files.ts";
import { openSafeMemory, type SafeMemory, zeroWhereAbsent } from "./linux/safe-memory.ts";
import { readMaps } from "./mappings.ts";
import { ModuleFiles } from "./module-files.ts";
import { readPages } from "./pages.ts";
import { ProcessStacks } from "./process-stacks.ts";
import { loadBias } from "./program.ts";
import type { ReadingWitness, WitnessedFile } from "./record-witness.ts";
import { LiveMemory } from "./target-memory.ts";
import { readThreads } from "./threads.ts";
import { whilePaused } from "./while-paused.ts";

/** A reading with the runtime already decoded: a live process is decoded while it is read. */
export interface Observation {
	readonly reading: Reading;
	readonly runtime: RuntimeState | undefined;
	/** where the goroutines stand; absent where it was not asked for */
	readonly stacks?: GoroutineStacks | Unavailable;
	/** a bundle's: the bytes of a pprof file, of the samples of allocations a moment after the reading */
	readonly heapProfile?: () => Promise<Uint8Array | Unavailable>;
}

export interface ObserveOptions {
	/** longest stop of the target in milliseconds; undefined reads it while it runs */
	readonly pauseMs?: number | undefined;
	/** told of what a reading is made of, for a bundle */
	readonly witness?: ReadingWitness | undefined;
	/** also walk the goroutines' stacks; the witness is not told of what they hold */
	readonly stacks?: boolean | undefined;
	/** with their labels of runtime/pprof, which are the program's data; not for a bundle */
	readonly labels?: boolean | undefined;
}

/** A part that could not be had. */
type Problem = Unavailable & { part: string };

/** What reading takes at its peak, Node included, on a process of some GiB. */
const PLANNED_BYTES = 160 * 2 ** 20;

/**
 * A process under observation: the executable read, the runtime found, its memory open. Several readings may follow, each
 * cheap beside the opening. Close it.
 */
export class ObservedProcess {
	readonly pid: number;
	readonly startTime: number;
	readonly exe: Executable | undefined;
	/** the file that the Go code is in: the executable, or a shared library made by Go */
	readonly code: Executable | undefined;
	readonly #file: ProgramFile | undefined;
	readonly #memory: SafeMemory | undefined;
	readonly #options: ObserveOptions;
	readonly #unavailable: Problem[];
	#attached: Attached | undefined;
	/** the guard of the first pause, which starts while the process is opened */
	#pause: PreparedPause | undefined;
	#stacks: ProcessStacks | Unavailable | undefined;
	readonly #modules: ModuleFiles;

	private constructor(fields: {
		pid: number;
		startTime: number;
		exe: Executable | undefined;
		go: GoCode | undefined;
		memory: SafeMemory | undefined;
		options: ObserveOptions;
		unavailable: Problem[];
	}) {
		this.pid = fields.pid;
		this.startTime = fields.startTime;
		this.exe = fields.exe;
		this.code = fields.go?.code;
		this.#file = fields.go?.file;
		this.#memory = fields.memory;
		this.#options = fields.options;
		this.#modules = new ModuleFiles(fields.pid);
		this.#unavailable = fields.unavailable;
	}

	/** Unavailable (a Gone) where there is no process with memory; everything less is said in the readings' `unavailable`. */
	static async open(pid: number, options: ObserveOptions = {}): Promise<ObservedProcess | Unavailable> {
		const gone = goneProcess(pid);
		if (gone !== undefined) return gone;
		const stat = readStat(pid);
		if (isUnavailable(stat)) return stat;
		preferOwnOomKill();
		const noRoom = refuseForHeadroom(pid, Math.max(0, PLANNED_BYTES - process.memoryUsage.rss()));
		if (noRoom !== undefined) return noRoom;
		const unavailable: Problem[] = [];
		const miss = <T extends object>(part: string, got: T | Unavailable): Exclude<T, Unavailable> | undefined => {
			if (!isUnavailable(got)) return got as Exclude<T, Unavailable>;
			unavailable.push({ part, ...got });
			return undefined;
		};
		const exe = miss("executable", openExecutable(pid));
		const go = exe === undefined ? undefined : miss("go program", goCodeOf(pid, exe));
		const file = go?.file;
		const maps = file === undefined ? undefined : miss("mappings", readMaps(pid));
		// never-touched pages of private anonymous memory are zero: the runtime's structures may lie partly on such
		const memory =
			file === undefined
				? undefined
				: miss("runtime memory", openSafeMemory(pid, { zeroWhereAbsent: zeroWhereAbsent(maps ?? []) }));
		const pause =
			options.pauseMs === undefined
				? undefined
				: preparePause(pid, { maxMs: options.pauseMs, startTime: stat.startTime });
		const observed = new ObservedProcess({ pid, startTime: stat.startTime, exe, go, memory, options, unavailable });
		observed.#pause = pause;
		await observed.#attach(maps ?? []);
		return observed;
	}

	async #attach(maps: readonly Mapping[]): Promise<void> {
		if (this.#file === undefined || this.#memory === undefined || this.code === undefined) return;
		const bias = loadBias(maps, this.code.path, this.#file);
		if (bias === undefined) {
			this.#unavailable.push({ part: "runtime", unavailable: `the mappings of ${this.code.path} were not found` });
			return;
		}
		const elf = parseElf(this.code.file);
		const sources = layoutSources(elf, { beside: this.pid });
		this.#unavailable.push(...sources.problems);
		const memory = new LiveMemory(this.#memory, this.#options.witness);
		const attached = await attachRuntime(this.#file, bias, memory, sources);
		if (isUnavailable(attached)) this.#unavailable.push({ part: "runtime", ...attached });
		else {
			this.#unavailable.push(...attached.problems);
			this.#attached = withMmapRegistries(attached, elf);
		}
		if (this.#options.stacks === true && this.#attached !== undefined) {
			this.#stacks = ProcessStacks.open(this.pid, this.code, this.#attached, this.#memory, this.#modules);
		}
	}

	/** What was found of the Go program, whether or not its runtime could be read. */
	get program(): Program | undefined {
		if (this.#attached !== undefined) return this.#attached.program;
		return this.#file === undefined ? undefined : describeProgram(this.#file, 0, new Map(), "none", undefined);
	}

	/** What could not be had when it was opened. */
	get problems(): readonly Problem[] {
		return this.#unavailable;
	}

	get attached(): Attached | undefined {
		return this.#attached;
	}

	/** The files of plugins and the like, for their functions. */
	get modules(): ModuleFiles {
		return this.#modules;
	}

	get memory(): SafeMemory | undefined {
		return this.#memory;
	}

	/**
	 * Takes one reading. Throws ProcessEnded where the process ends before it is complete: what was read of it then is a
	 * part that nothing tells from the whole.
	 */
	async read(): Promise<Observation> {
		this.#assertThere();
		const started = performance.now();
		const bytesBefore = (this.#memory?.bytesRead ?? 0) + (this.#memory?.pagemapBytes ?? 0);
		const { pauseMs } = this.#options;
		const {
			value: core,
			pausedMs,
			problems,
		} = pauseMs === undefined
			? { value: this.#readCore(false), pausedMs: 0, problems: [] }
			: await whilePaused(this.#takePause(pauseMs), (still) => this.#readCore(still));
		const bytes = (this.#memory?.bytesRead ?? 0) + (this.#memory?.pagemapBytes ?? 0) - bytesBefore + core.bytesRead;
		return this.#assemble(core, problems, { wallMs: performance.now() - started, pausedMs, bytesRead: bytes });
	}

	/** The pause that was prepared while the process was opened, or one for a later reading. */
	#takePause(maxMs: number): PreparedPause {
		const pause = this.#pause ?? preparePause(this.pid, { maxMs, startTime: this.startTime });
		this.#pause = undefined;
		return pause;
	}

	/**
	 * What must be read close together: which pages are there, what smaps says of them, and then the runtime. In this order
	 * a page that was there finds its owner on a moving target too, or is free by now; the other way round, pages that came
	 * in between would have none.
	 */
	#readCore(still: boolean): Core {
		const at = Date.now();
		const pages = readPages(this.pid);
		if (pages.smaps !== undefined) this.#options.witness?.file("smaps", pages.smaps);
		const parts = [...pages.unavailable];
		const runtime = this.#readRuntime(parts);
		const stacks = this.#walkStacks(still ? runtime : undefined);
		return {
			at,
			runtime,
			stacks,
			residency: pages.residency,
			mappings: pages.mappings,
			bytesRead: pages.bytesRead,
			parts,
		};
	}

	/** `still`: the runtime as it was read, where the process has stood still since. */
	#walkStacks(still: RuntimeState | undefined): Core["stacks"] {
		if (this.#options.stacks !== true) return undefined;
		const stacks = this.#stacks ?? { unavailable: "the Go runtime of this process could not be read" };
		return isUnavailable(stacks) ? stacks : stacks.walk(still?.goroutines, this.#options.labels);
	}

	#stacksEvidence(core: Core): Pick<Observation, "stacks"> {
		const { stacks } = core;
		if (stacks === undefined) return {};
		if (isUnavailable(stacks)) return { stacks };
		return this.#stacks === undefined || isUnavailable(this.#stacks)
			? {}
			: { stacks: this.#stacks.evidence(stacks, core.residency) };
	}

	#readRuntime(parts: Problem[]): RuntimeState | undefined {
		if (this.#attached === undefined) return undefined;
		try {
			return readRuntime(this.#attached.view);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			parts.push({
				part: "runtime",
				unavailable: error.message,
				wouldHelp: "reading again, or --pause, if the process is busy",
			});
			return undefined;
		}
	}

	#assemble(core: Core, extra: readonly Problem[], cost: Reading["cost"]): Observation {
		const stat = this.#witnessed("stat");
		const status = this.#witnessed("status");
		// after these two, so that they are of a process that was there
		this.#assertThere();
		if (isUnavailable(stat)) throw new ProcessEnded(stat);
		if (isUnavailable(status)) throw new ProcessEnded(status);
		const parsedStat = parseStat(decodeUtf8(stat));
		const cgroup = cgroupOf(this.pid);
		if (cgroup !== undefined) this.#options.witness?.cgroup(cgroup);
		const limit = boundsFrom(cgroup, hostFacts().memTotal);
		const environment = readEnvironment(this.pid);
		const program = this.program;
		const reading: Reading = {
			pid: this.pid,
			at: core.at,
			host: hostSummary(),
			exe: this.exe?.path ?? "",
			exeDeleted: this.exe?.deleted ?? false,
			stat: parsedStat,
			status: parseStatus(decodeUtf8(status)),
			container: limit.container,
			limit: limit.limit,
			...(isUnavailable(environment) ? {} : { environment: environment as Readonly<Record<string, string>> }),
			mappings: core.mappings,
			...(core.residency === undefined ? {} : { residency: core.residency }),
			threads: readThreads(this.pid),
			...(program === undefined ? {} : { program }),
			...(this.#attached === undefined ? {} : { memory: this.#attached.view.memory }),
			unavailable: [...this.#unavailable, ...core.parts, ...extra],
			cost,
		};
		return { reading, runtime: core.runtime, ...this.#stacksEvidence(core) };
	}

	#assertThere(): void {
		const gone = goneProcess(this.pid, this.startTime);
		if (gone !== undefined) throw new ProcessEnded(gone);
	}

	#witnessed(name: WitnessedFile): ReturnType<typeof readProcBytes> {
		const bytes = readProcBytes(this.pid, name);
		if (!isUnavailable(bytes)) this.#options.witness?.file(name, bytes);
		return bytes;
	}

	close(): void {
		void this.#pause?.cancel();
		this.exe?.file.close();
		this.code?.file.close();
		this.#modules.close();
		this.#memory?.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

interface Core {
	readonly at: number;
	readonly runtime: RuntimeState | undefined;
	readonly stacks: ReturnType<ProcessStacks["walk"]> | undefined;
	readonly residency: Residency | undefined;
	readonly mappings: readonly SmapsEntry[];
	readonly bytesRead: number;
	readonly parts: readonly Problem[];
}

/** The process has ended, before a reading of it was complete. */
export class ProcessEnded extends Error {
	/** how it is gone; any other reason is one why /proc does not tell */
	readonly problem: Unavailable;

	constructor(problem: Unavailable) {
		super(problem.unavailable);
		this.name = "ProcessEnded";
		this.problem = problem;
	}
}

function readStat(pid: number): ProcessStat | Unavailable {
	const text = readProcText(pid, "stat");
	return typeof text === "string" ? parseStat(text) : text;
}

function hostSummary(): HostSummary {
	const { kernel, pageSize, ticksPerSecond, bootTime, memTotal } = hostFacts();
	return { kernel, pageSize, ticksPerSecond, bootTime, memTotal };
}
