import type { TargetMemory } from "../bytes/block-reader.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { CoreEvidence, Program, Reading, ReadingCost } from "../evidence/reading.ts";
import type { CoreFile } from "../formats/core/model.ts";
import type { AuxiliaryVector } from "../formats/procfs/auxv.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { ProcessStat } from "../formats/procfs/stat.ts";
import type { ProcessStatus } from "../formats/procfs/status.ts";

type Part = Unavailable & { readonly part: string };

export interface CoreReadingSource {
	readonly core: CoreFile;
	readonly auxv: AuxiliaryVector | undefined;
	/** unix milliseconds */
	readonly at: number;
	readonly exe: { readonly path: string; readonly deleted: boolean };
	readonly program: Program | undefined;
	readonly environment?: Readonly<Record<string, string>>;
	readonly mappings: readonly SmapsEntry[];
	readonly residency: Residency | undefined;
	readonly memory: TargetMemory | undefined;
	readonly evidence: CoreEvidence;
	readonly parts: readonly Part[];
	readonly cost: ReadingCost;
}

/** A core in the form of a reading of a process. What no core holds is 0 in it, and named in `unavailable`. */
export function coreReading(source: CoreReadingSource): Reading {
	const { core, auxv, evidence } = source;
	const virtualBytes = source.mappings.reduce((n, m) => n + (m.end - m.start), 0);
	return {
		pid: core.process?.pid ?? core.threads[0]?.tid ?? 0,
		at: source.at,
		core: evidence,
		host: {
			kernel: "",
			pageSize: auxv?.pageSize ?? 4096,
			ticksPerSecond: auxv?.clockTicks ?? 100,
			bootTime: 0,
			memTotal: 0,
		},
		exe: source.exe.path,
		exeDeleted: source.exe.deleted,
		stat: statOf(core, virtualBytes),
		status: statusOf(core, virtualBytes),
		container: undefined,
		limit: { bytes: Number.POSITIVE_INFINITY, source: "machine" },
		...(source.environment === undefined ? {} : { environment: source.environment }),
		mappings: source.mappings,
		...(source.residency === undefined ? {} : { residency: source.residency }),
		threads: core.threads.map((t) => ({ tid: t.tid, sp: t.registers?.sp })),
		...(source.program === undefined ? {} : { program: source.program }),
		...(source.memory === undefined ? {} : { memory: source.memory }),
		unavailable: [...source.parts, ...notInCore(core, evidence)],
		cost: source.cost,
	};
}

/** What is missing of this core, then what every core lacks. */
function notInCore(core: CoreFile, evidence: CoreEvidence): Part[] {
	const parts: Part[] = core.problems.map((problem) => ({ part: "core", unavailable: problem }));
	if (evidence.cutBytes > 0) {
		const cut = core.segments.filter((s) => s.present < s.dumped);
		const from = cut[0] === undefined ? "" : `, from 0x${(cut[0].start + cut[0].present).toString(16)} on`;
		parts.push({
			part: "core",
			unavailable: `the file ends early: ${evidence.cutBytes.toLocaleString("en-US")} bytes of ${cut.length} segments are missing${from}`,
			wouldHelp: "a whole core: room on its disk, and a size limit that lets it pass",
		});
	}
	if (core.threads.length === 0) {
		parts.push({ part: "threads", unavailable: "the core has no notes on its threads: where they stand is unknown" });
	}
	if (evidence.uncheckedBytes > 0) {
		parts.push({
			part: "zero pages",
			unavailable: `${evidence.uncheckedBytes.toLocaleString("en-US")} bytes are counted as they are in the file, zero pages too: looking at all would take too long`,
		});
	}
	parts.push({
		part: "time",
		unavailable: "a core does not hold when it was made: the file's modification time stands in, and ages rest on it",
	});
	parts.push({
		part: "rss, pss, swap, limit",
		unavailable: "a core does not hold them: it is said what is in the core",
	});
	return parts;
}

function statOf(core: CoreFile, virtualBytes: number): ProcessStat {
	const { process } = core;
	return {
		pid: process?.pid ?? 0,
		comm: process?.name ?? "",
		state: process?.state ?? "?",
		ppid: process?.ppid ?? 0,
		processGroup: 0,
		session: 0,
		tty: 0,
		minorFaults: 0,
		childrenMinorFaults: 0,
		majorFaults: 0,
		childrenMajorFaults: 0,
		userTicks: 0,
		systemTicks: 0,
		childrenUserTicks: 0,
		childrenSystemTicks: 0,
		nice: 0,
		threads: core.threads.length,
		startTime: 0,
		virtualBytes,
		rssPages: 0,
		rssLimit: undefined,
		startCode: 0,
		endCode: 0,
		startStack: 0,
		processor: 0,
		blockIoDelayTicks: undefined,
		startData: undefined,
		endData: undefined,
		startBrk: undefined,
	};
}

function statusOf(core: CoreFile, virtualBytes: number): ProcessStatus {
	const { process } = core;
	const pid = process?.pid ?? 0;
	const uid = process?.uid ?? 0;
	const gid = process?.gid ?? 0;
	return {
		name: process?.name ?? "",
		state: process?.state ?? "?",
		tgid: pid,
		pid,
		ppid: process?.ppid ?? 0,
		tracerPid: 0,
		uid: [uid, uid, uid, uid],
		gid: [gid, gid, gid, gid],
		fdSize: undefined,
		nsPid: [],
		vmPeak: undefined,
		vmSize: virtualBytes,
		vmLck: undefined,
		vmPin: undefined,
		vmHwm: undefined,
		vmRss: undefined,
		rssAnon: undefined,
		rssFile: undefined,
		rssShmem: undefined,
		vmData: undefined,
		vmStk: undefined,
		vmExe: undefined,
		vmLib: undefined,
		vmPte: undefined,
		vmSwap: undefined,
		hugetlbPages: undefined,
		coreDumping: undefined,
		thpEnabled: undefined,
		threads: core.threads.length,
		capEff: undefined,
		seccomp: undefined,
		voluntaryContextSwitches: undefined,
		involuntaryContextSwitches: undefined,
	};
}
