import { type Static, Type } from "typebox";
import { type GoProcess, ProcessTable, type Round, type UnknownProcess, uptimeOf } from "../capture/ps.ts";
import { NO_MEMORY_LIMIT } from "../goruntime/pacer.ts";
import {
	ByteCount,
	beats,
	Count,
	Duration,
	defineOperation,
	Milliseconds,
	Moment,
	type OperationContext,
} from "./operation.ts";
import { Unreadable, unreadable } from "./shapes.ts";

const GoProcessShape = Type.Object({
	pid: Type.Integer(),
	ppid: Type.Integer(),
	name: Type.String({ description: "the command's name, 15 bytes at most" }),
	uid: Type.Integer({ description: "effective user id" }),
	exe: Type.String({ description: "path of the executable in the process's own mount namespace" }),
	exeDeleted: Type.Optional(Type.Boolean({ description: "the file was replaced or removed since" })),
	goVersion: Type.String({ description: "as the linker wrote it" }),
	module: Type.Optional(Type.String({ description: "main module" })),
	version: Type.Optional(Type.String({ description: "its version" })),
	package: Type.Optional(Type.String({ description: "import path of package main" })),
	container: Type.Optional(Type.String({ description: "short container id, or systemd unit" })),
	uptimeSeconds: Type.Number(),
	rssBytes: ByteCount({
		description: "VmRSS of /proc/PID/status: cheap, and up to some MiB off; gomem why has it exactly",
	}),
	vszBytes: ByteCount({ description: "VmSize of /proc/PID/status: address space" }),
	swapBytes: Type.Optional(ByteCount({ description: "VmSwap of /proc/PID/status" })),
	limit: Type.Optional(
		Type.Object({
			bytes: ByteCount({}),
			source: Type.String({ description: "the cgroup that has it, or the machine" }),
			usedBytes: Type.Optional(ByteCount({ description: "what that cgroup uses" })),
		}),
	),
	heapLiveBytes: Type.Optional(ByteCount({ description: "what the last GC marked live; 0 before the first" })),
	heapAllocBytes: Type.Optional(
		ByteCount({ description: "MemStats.HeapAlloc: live objects and garbage not yet swept" }),
	),
	nextGcBytes: Type.Optional(
		ByteCount({ description: "heap size at which the next GC is due; absent when GOGC and GOMEMLIMIT are off" }),
	),
	numGC: Type.Optional(Count({})),
	goroutines: Type.Optional(
		Count({ description: "as runtime.NumGoroutine counts, unless goroutinesFrom says otherwise" }),
	),
	goroutinesFrom: Type.Optional(
		Type.Enum(["scheduler", "states"], {
			description:
				"scheduler: without the runtime's own; states: with them, where the scheduler's counts were not found",
		}),
	),
	gogc: Type.Optional(Type.Integer({ description: "GOGC in force; -1 is off" })),
	memoryLimitBytes: Type.Optional(ByteCount({ description: "GOMEMLIMIT in force; absent when there is none" })),
	environment: Type.Optional(
		Type.Record(Type.String(), Type.String(), {
			description: "GOGC, GOMEMLIMIT, GODEBUG and their like at start; only where the runtime could not be read",
		}),
	),
	layout: Type.Optional(
		Type.String({ description: "the runtime layout that the numbers were read with, and how sure it is" }),
	),
	missing: Type.Array(Unreadable, { description: "what could not be read of it" }),
});

const UnknownShape = Type.Object({
	pid: Type.Integer(),
	ppid: Type.Integer(),
	name: Type.String(),
	uid: Type.Optional(Type.Integer()),
	rssBytes: Type.Optional(ByteCount({})),
	why: Type.String(),
	wouldHelp: Type.Optional(Type.String()),
});

const result = Type.Object({
	at: Moment({ description: "when the reading began" }),
	processes: Type.Array(GoProcessShape),
	unreadable: Type.Array(UnknownShape, {
		description: "processes that may be Go's: their executables could not be looked at",
	}),
	looked: Count({ description: "processes looked at; kernel threads, zombies and gomem itself are not among them" }),
	cost: Type.Object({
		wallMs: Milliseconds({}),
		bytesRead: ByteCount({ description: "of executables and memory; the text of /proc is not counted" }),
	}),
});

export type PsResult = Static<typeof result>;
type Row = PsResult["processes"][number];

const sorts = ["rss", "pid", "heap", "goroutines", "uptime"] as const;
type Sort = (typeof sorts)[number];

const inputs = Type.Object({
	sort: Type.Enum([...sorts], {
		description: "largest first; pid: smallest first; heap: live at the last GC",
		default: "rss",
	}),
	name: Type.Optional(
		Type.String({
			description: "only those whose name, executable, module or package contains this",
			placeholder: "text",
			minLength: 1,
		}),
	),
	timeout: Duration({ description: "longest time to spend on one process", default: "5s" }),
});

export const operation = defineOperation({
	name: "ps",
	summary: "Go processes of this machine: what they are, hold, and may hold",
	description:
		"Tells Go programs by their executables and reads the runtime's counters from outside, without pausing anything. " +
		"Without root it shows what /proc lets it see, and says what is missing and why.\n\n" +
		"A terminal gets the columns that fit. A pipe or a file gets all, a process a line, as with ps(1); COLUMNS limits that.",
	group: "Find processes",
	kind: "query",
	effect: "read",
	target: "none",
	input: inputs,
	result,
	examples: [
		{ command: "gomem ps", says: "all Go processes, the largest first" },
		{ command: "gomem ps --sort goroutines --watch", says: "who has the most goroutines, again every 2 s" },
		{ command: "gomem ps --name orders --json", says: "one service's processes, for a script" },
	],
	async run(ctx, input) {
		using table = new ProcessTable();
		return take(table, ctx, input);
	},
	async *watch(ctx, input) {
		using table = new ProcessTable();
		for await (const _ of beats(ctx)) yield await take(table, ctx, input);
	},
});

async function take(table: ProcessTable, ctx: OperationContext, input: Static<typeof inputs>): Promise<PsResult> {
	const round = await table.read({ timeoutMs: input.timeout, signal: ctx.signal, name: input.name?.toLowerCase() });
	return describe(round, input.sort);
}

function describe(round: Round, sort: Sort): PsResult {
	return {
		at: new Date(round.at).toISOString(),
		processes: round.processes.map((process) => row(process, round.at)).sort(order(sort)),
		unreadable: round.unknown.map(unknownRow),
		looked: round.looked,
		cost: { wallMs: Math.round(round.cost.wallMs), bytesRead: round.cost.bytesRead },
	};
}

/** What a row is sorted by; rows without it come last, equal ones by pid. */
const keys: Readonly<Record<Sort, (row: Row) => number | undefined>> = {
	rss: (row) => row.rssBytes,
	pid: (row) => -row.pid,
	heap: (row) => row.heapLiveBytes,
	goroutines: (row) => row.goroutines,
	uptime: (row) => row.uptimeSeconds,
};

function order(sort: Sort): (a: Row, b: Row) => number {
	const key = keys[sort];
	const last = Number.MIN_SAFE_INTEGER;
	return (a, b) => (key(b) ?? last) - (key(a) ?? last) || a.pid - b.pid;
}

function row(process: GoProcess, at: number): Row {
	const { stat, status, file, bounds } = process;
	return {
		pid: stat.pid,
		ppid: stat.ppid,
		name: stat.comm,
		uid: status.uid[1],
		exe: process.exe,
		...(process.exeDeleted ? { exeDeleted: true } : {}),
		goVersion: file.goVersion,
		...(file.module === undefined ? {} : { module: file.module.path, version: file.module.version }),
		...(file.package === undefined ? {} : { package: file.package }),
		...(bounds?.container === undefined ? {} : { container: bounds.container }),
		uptimeSeconds: uptimeOf(stat, at),
		rssBytes: status.vmRss ?? 0,
		vszBytes: status.vmSize ?? 0,
		...(status.vmSwap === undefined ? {} : { swapBytes: status.vmSwap }),
		...(bounds === undefined ? {} : { limit: bounds.limit }),
		...runtimeColumns(process),
		...(process.environment === undefined ? {} : { environment: process.environment }),
		missing: unreadable(process.missing),
	};
}

function runtimeColumns({ runtime }: GoProcess): Partial<Row> {
	if (runtime === undefined) return {};
	const { counters, goroutines, layout } = runtime;
	const { memStats, pacer } = counters;
	return {
		heapLiveBytes: pacer.heapMarked,
		heapAllocBytes: memStats.HeapAlloc,
		...(typeof memStats.NextGC === "number" ? { nextGcBytes: memStats.NextGC } : {}),
		numGC: memStats.NumGC,
		...(goroutines === undefined ? {} : { goroutines: goroutines.count, goroutinesFrom: goroutines.from }),
		gogc: pacer.gcPercent,
		...(isLimit(pacer.memoryLimit) ? { memoryLimitBytes: Number(pacer.memoryLimit) } : {}),
		...(layout === undefined ? {} : { layout: `${layout.label} (${layout.certainty})` }),
	};
}

/** A limit beyond 2^53 bytes limits nothing. */
function isLimit(bytes: bigint): boolean {
	return bytes < NO_MEMORY_LIMIT && bytes <= BigInt(Number.MAX_SAFE_INTEGER);
}

function unknownRow({ stat, status, missing }: UnknownProcess): PsResult["unreadable"][number] {
	return {
		pid: stat.pid,
		ppid: stat.ppid,
		name: stat.comm,
		...(status === undefined ? {} : { uid: status.uid[1] }),
		...(status?.vmRss === undefined ? {} : { rssBytes: status.vmRss }),
		why: missing.unavailable,
		...(missing.wouldHelp === undefined ? {} : { wouldHelp: missing.wouldHelp }),
	};
}
