import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { readBuildIds } from "../formats/elf/notes.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { Profile } from "../formats/pprof/model.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import { heapProfile, type ProfiledMapping } from "../goruntime/heap-profile.ts";
import { type MemProfileRecords, readMemProfile } from "../goruntime/memprofile.ts";
import { rateByCode } from "../goruntime/profile-rate-code.ts";
import { type MemProfileRate, readMemProfileRate } from "../goruntime/profile-state.ts";
import { openProgramCode } from "../goruntime/symbols.ts";
import { openFile } from "./linux/executable.ts";
import { readMaps } from "./mappings.ts";
import { ObservedProcess } from "./process.ts";

/** The heap profile of a process that serves none, read from its memory. */
export interface OutsideHeapProfile {
	readonly profile: Profile;
	readonly rate: MemProfileRate;
	readonly records: Pick<MemProfileRecords, "count" | "state" | "cycle" | "torn" | "cut">;
	readonly cost: { readonly wallMs: number; readonly bytesRead: number };
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
		const found = fromMemory(observed);
		if (isUnavailable(found)) return found;
		return { ...found, cost: { wallMs: performance.now() - started, bytesRead: observed.memory?.bytesRead ?? 0 } };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return {
			unavailable: `the memory profile of process ${pid} cannot be read: ${error.message}`,
			wouldHelp: "reading again, if the process is busy",
		};
	} finally {
		observed.close();
	}
}

function fromMemory(observed: ObservedProcess): Omit<OutsideHeapProfile, "cost"> | Unavailable {
	const { attached, code: exe, pid } = observed;
	if (attached === undefined || exe === undefined) {
		const [first] = observed.problems;
		return first ?? { unavailable: `process ${pid} has no Go runtime that gomem can read` };
	}
	const { view, program } = attached;
	const look = view.memory.look();
	const elf = parseElf(exe.file);
	const code = openProgramCode({
		elf,
		layout: view.layout,
		globals: view.globals,
		bias: program.bias,
		data: program.data,
		look,
	});
	if (isUnavailable(code)) return code;
	const rate = readMemProfileRate(view, look) ?? rateByCode(code, elf, look, program.bias);
	const records = readMemProfile(view, look);
	if (records === undefined || records.count === 0) return nothingSampled(pid, rate);
	if (rate === undefined) {
		return {
			unavailable: "runtime.MemProfileRate, by which samples are scaled, was not found in this stripped executable",
			wouldHelp: "an executable with a symbol table, or the program's own /debug/pprof/heap",
		};
	}
	const { count, state, cycle, torn, cut } = records;
	const profile = heapProfile({
		records,
		rate: rate.rate,
		code,
		mappings: mappingsOf(pid, exe.path),
		timeNanos: BigInt(Date.now()) * 1_000_000n,
	});
	return {
		profile,
		rate,
		records: { count, state, cycle, torn, cut },
	};
}

function nothingSampled(pid: number, rate: MemProfileRate | undefined): Unavailable {
	if (rate?.rate === 0) {
		return {
			unavailable:
				`process ${pid} takes no samples of its allocations: runtime.MemProfileRate is 0. The linker switches the ` +
				"memory profile off in programs that do not refer to runtime.MemProfile, such as those without net/http/pprof",
			wouldHelp: 'import _ "net/http/pprof" or runtime/pprof in the program, and start it anew',
		};
	}
	return {
		unavailable: `process ${pid} has sampled no allocation yet`,
		wouldHelp: "a sample is taken every 512 KiB allocated on average: try again later",
	};
}

/** Executable mappings as runtime/pprof lists them (proto.go: parseProcSelfMaps), with the GNU build ids of their files. */
function mappingsOf(pid: number, exe: string): ProfiledMapping[] {
	const maps = readMaps(pid);
	if (isUnavailable(maps)) return [];
	return maps
		.filter((one) => one.permissions.execute && !(one.inode === 0 && one.path === ""))
		.map((one) => ({
			start: one.start,
			end: one.end,
			offset: one.offset,
			file: one.path,
			buildId: one.inode === 0 ? "" : buildIdOf(pid, one, exe),
		}));
}

/** Read through the process's own root folder: its files may have other names here. "" where there is none. */
function buildIdOf(pid: number, mapping: Mapping, exe: string): string {
	const path = mapping.path === exe ? `/proc/${pid}/exe` : `/proc/${pid}/root${mapping.path}`;
	const file = openFile(path);
	if (isUnavailable(file)) return "";
	try {
		return readBuildIds(parseElf(file)).gnu ?? "";
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return "";
	} finally {
		file.close();
	}
}
