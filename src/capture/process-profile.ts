import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { runtimeProblem } from "../evidence/runtime-problem.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { readProfile } from "../formats/pprof/read.ts";
import type { Attached } from "../goruntime/attach.ts";
import type { ModuleFile } from "../goruntime/code-modules.ts";
import { type GoroutineProfileOptions, goroutineProfile } from "../goruntime/goroutine-profile.ts";
import { heapProfile } from "../goruntime/heap-profile.ts";
import { type MemProfileRecords, readMemProfile } from "../goruntime/memprofile.ts";
import type { ProfiledMapping } from "../goruntime/profile-mappings.ts";
import { rateByCode } from "../goruntime/profile-rate-code.ts";
import { type MemProfileRate, readMemProfileRate } from "../goruntime/profile-state.ts";
import { isSystem } from "../goruntime/stack-groups.ts";
import { openProgramCode } from "../goruntime/symbols.ts";
import { ObservedCore } from "./core.ts";
import { inflate } from "./inflate.ts";
import { goneProcess } from "./linux/gone.ts";
import { readMaps } from "./mappings.ts";
import { type Observation, ObservedProcess, ProcessEnded } from "./process.ts";
import { coreCodeMappings, liveCodeMappings, plainCodeMappings } from "./profiled-mappings.ts";

/** The heap profile of a process that serves none, read from its memory. */
export interface OutsideHeapProfile {
	readonly profile: Profile;
	readonly rate: MemProfileRate;
	readonly records: Pick<MemProfileRecords, "count" | "state" | "cycle" | "torn" | "cut">;
	readonly cost: ProfileCost;
}

export interface ProfileCost {
	readonly wallMs: number;
	readonly bytesRead: number;
}

/**
 * Reads the buckets of a process's memory profile and makes of them what its /debug/pprof/heap would give. Nothing is
 * written, stopped or connected to. Unavailable where there is no such process, its memory may not be read, its runtime is
 * not known, or it takes no samples.
 */
export async function outsideHeapProfile(pid: number): Promise<OutsideHeapProfile | Unavailable> {
	const started = performance.now();
	const observed = await ObservedProcess.open(pid);
	if (isUnavailable(observed)) return observed;
	try {
		const found = heapProfileOfProcess(observed);
		// what was read of a process that ended meanwhile may be a part of its buckets, and nothing tells
		const gone = goneProcess(pid, observed.startTime);
		if (gone !== undefined) return gone;
		if (isUnavailable(found)) return found;
		return { ...found, cost: { wallMs: performance.now() - started, bytesRead: observed.memory?.bytesRead ?? 0 } };
	} finally {
		observed.close();
	}
}

/** The same of a process that is open for other readings, too. */
export function heapProfileOfProcess(observed: ObservedProcess): Omit<OutsideHeapProfile, "cost"> | Unavailable {
	const { attached, code, exe, pid } = observed;
	if (attached === undefined || code === undefined) {
		return runtimeProblem(observed.problems, { unavailable: `process ${pid} has no Go runtime that gomem can read` });
	}
	const maps = readMaps(pid);
	return heapProfileOf({
		attached,
		elf: () => parseElf(code.file),
		fileAt: observed.modules.at,
		mappings: () => (isUnavailable(maps) ? [] : liveCodeMappings(pid, exe?.path ?? "", maps)),
		at: Date.now(),
		whose: `process ${pid}`,
	});
}

export interface CoreProfileOptions {
	/** the executable that was dumped; without, the one that the core names */
	readonly executable?: string | undefined;
}

/** The heap profile that a process had when its core was dumped. */
export async function coreHeapProfile(
	path: string,
	options: CoreProfileOptions = {},
): Promise<OutsideHeapProfile | Unavailable> {
	const started = performance.now();
	const core = ObservedCore.open(path, { ...options, pages: false });
	if (isUnavailable(core)) return core;
	try {
		const { reading } = await core.read();
		const { attached, program } = core;
		if (attached === undefined || program === undefined) {
			return runtimeProblem(reading.unavailable, { unavailable: `${path} holds no Go runtime that gomem can read` });
		}
		if (program.file === undefined) return noExecutable(program.notUsed);
		const found = heapProfileOf({
			attached,
			elf: () => program.elf,
			mappings: () => coreCodeMappings(reading.mappings, program),
			at: reading.at,
			whose: "the process of this core",
		});
		if (isUnavailable(found)) return found;
		return { ...found, cost: { wallMs: performance.now() - started, bytesRead: core.memory.bytesRead } };
	} finally {
		core.close();
	}
}

function noExecutable(notUsed: Unavailable | undefined): Unavailable {
	return {
		unavailable: `the table of functions is in the executable, and that is not here (${notUsed?.unavailable ?? "none was given"})`,
		wouldHelp: "--exe FILE, the executable that was dumped",
	};
}

interface HeapProfileSource {
	readonly attached: Attached;
	readonly elf: () => ElfFile;
	readonly fileAt?: ModuleFile;
	readonly mappings: () => readonly ProfiledMapping[];
	/** unix milliseconds */
	readonly at: number;
	/** "process 42": begins the sentences that say why there is none */
	readonly whose: string;
}

function heapProfileOf(source: HeapProfileSource): Omit<OutsideHeapProfile, "cost"> | Unavailable {
	try {
		return fromMemory(source);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return {
			unavailable: `the memory profile of ${source.whose} cannot be read: ${error.message}`,
			wouldHelp: "reading again, if the process is busy",
		};
	}
}

function fromMemory(source: HeapProfileSource): Omit<OutsideHeapProfile, "cost"> | Unavailable {
	const { attached, whose } = source;
	const { view, program } = attached;
	const look = view.memory.look();
	const elf = source.elf();
	const { bias, data } = program;
	const { layout, globals } = view;
	const code = openProgramCode({ elf, layout, globals, bias, data, look, fileAt: source.fileAt });
	if (isUnavailable(code)) return code;
	// the code tells the variable itself; what else there is in a stripped executable may lag behind it
	const byCode = view.globals.has("MemProfileRate") ? undefined : rateByCode(code, elf, look, bias);
	const rate = byCode ?? readMemProfileRate(view, look);
	const records = readMemProfile(view, look);
	// where it is 0 the few samples of the start say nothing of the program
	if (records === undefined || records.count === 0 || rate?.rate === 0) return nothingSampled(whose, rate);
	if (rate === undefined) {
		return {
			unavailable: "runtime.MemProfileRate, by which samples are scaled, was not found in this stripped executable",
			wouldHelp: "an executable with a symbol table, or the program's own /debug/pprof/heap",
		};
	}
	const { count, state, cycle, torn, cut } = records;
	const timeNanos = BigInt(Math.trunc(source.at)) * 1_000_000n;
	const profile = heapProfile({ records, rate: rate.rate, code, mappings: source.mappings(), timeNanos });
	return { profile, rate, records: { count, state, cycle, torn, cut } };
}

function nothingSampled(whose: string, rate: MemProfileRate | undefined): Unavailable {
	if (rate?.rate === 0) {
		return {
			unavailable:
				`${whose} takes no samples of its allocations: runtime.MemProfileRate is 0. The linker switches the ` +
				"memory profile off in programs that do not refer to runtime.MemProfile, such as those without net/http/pprof",
			wouldHelp:
				'import _ "net/http/pprof" or runtime/pprof in the program and start it anew; or --enable-profiling, which ' +
				"switches it on in the live process, for what is allocated from then on",
		};
	}
	return {
		unavailable: `${whose} has sampled no allocation yet`,
		wouldHelp: "a sample is taken every 512 KiB allocated on average: try again later",
	};
}

/** The goroutine profile of a process, read from its memory. */
export interface OutsideGoroutineProfile {
	readonly profile: Profile;
	/** goroutines in it */
	readonly goroutines: number;
	/** of these, how many run, so that only where they began is known */
	readonly running: number;
	/** of these, how many have labels of runtime/pprof that could not be read: before Go 1.24 they are a map */
	readonly labelsUnread: number;
	readonly cost: ProfileCost;
}

export interface GoroutineReadOptions extends Pick<GoroutineProfileOptions, "details" | "maxFrames" | "system"> {
	/** longest stop of the target in milliseconds; undefined reads it while it runs */
	readonly pauseMs?: number | undefined;
}

/** Reads and walks the stacks of a process's goroutines, and makes of them what its /debug/pprof/goroutine would give. */
export async function outsideGoroutineProfile(
	pid: number,
	options: GoroutineReadOptions = {},
): Promise<OutsideGoroutineProfile | Unavailable> {
	const { pauseMs, ...how } = options;
	const observed = await ObservedProcess.open(pid, { pauseMs, stacks: true, labels: true });
	if (isUnavailable(observed)) return observed;
	try {
		const observation: Observation | Unavailable = await observed.read().catch((error: unknown) => {
			if (!(error instanceof ProcessEnded)) throw error;
			return error.problem;
		});
		if (isUnavailable(observation)) return observation;
		return goroutineProfileOf(
			observation,
			how,
			liveCodeMappings(pid, observed.exe?.path ?? "", observation.reading.mappings),
		);
	} finally {
		observed.close();
	}
}

/**
 * The goroutine profile of an observation with stacks: of a process, a bundle or a core.
 *
 * @param mappings with build ids, where the files are at hand
 */
export function goroutineProfileOf(
	{ reading, stacks }: Observation,
	options: Pick<GoroutineProfileOptions, "details" | "maxFrames" | "system"> = {},
	mappings: readonly ProfiledMapping[] = plainCodeMappings(reading.mappings),
): OutsideGoroutineProfile | Unavailable {
	if (stacks === undefined) return { unavailable: "this capture holds no goroutines" };
	if (isUnavailable(stacks)) return stacks;
	const timeNanos = BigInt(Math.trunc(reading.at)) * 1_000_000n;
	const profile = goroutineProfile(stacks, { ...options, mappings, timeNanos });
	const [counts] = profile.samples.values;
	let goroutines = 0;
	for (let i = 0; i < profile.samples.count; i++) goroutines += counts?.numbers[i] ?? 0;
	return {
		profile,
		goroutines,
		running: stacks.stack.reduce((n, one, row) => n + (one < 0 && !isSystem(stacks, row) ? 1 : 0), 0),
		labelsUnread: stacks.labels?.unread ?? 0,
		cost: { wallMs: reading.cost.wallMs, bytesRead: reading.cost.bytesRead },
	};
}

/** The heap profile that a capture holds of a reading. */
export async function recordedHeapProfile({ heapProfile }: Partial<Observation>): Promise<Profile | Unavailable> {
	const bytes = (await heapProfile?.()) ?? { unavailable: "this capture holds no heap profile" };
	if (isUnavailable(bytes)) return bytes;
	try {
		return readProfile(bytes, { inflate }).profile;
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `the heap profile in this capture cannot be read: ${error.message}` };
	}
}
