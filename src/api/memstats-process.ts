import { ParseError } from "../bytes/parse-error.ts";
import { boundsOf } from "../capture/limit.ts";
import { goneProcess } from "../capture/linux/gone.ts";
import { hostFacts } from "../capture/linux/host-facts.ts";
import { preparePause } from "../capture/linux/pause.ts";
import { readEnvironment, readProcText } from "../capture/linux/proc-files.ts";
import { type Observation, ObservedProcess } from "../capture/process.ts";
import { whilePaused } from "../capture/while-paused.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { stoodStill } from "../evidence/reading.ts";
import { parseStat } from "../formats/procfs/stat.ts";
import { type RuntimeCounters, readCounters } from "../goruntime/memstats.ts";
import { type RuntimeView, readGlobal } from "../goruntime/runtime-view.ts";
import { GomemError } from "./errors.ts";
import { type MemStatsSource, type Taken, takenFromRuntime } from "./memstats-reading.ts";
import { goneError, notOpened } from "./observe.ts";
import { runtimeUnreadable } from "./runtime-unreadable.ts";
import { unreadable } from "./shapes.ts";
import { processSummary } from "./summaries.ts";

type Part = Unavailable & { readonly part: string };

/** Readings of a live process: its counters only, which are a few KiB, so that many a second cost it nothing. */
export async function openProcess(target: string, pid: number, pauseMs: number | undefined): Promise<MemStatsSource> {
	const observed = await ObservedProcess.open(pid);
	if (isUnavailable(observed)) throw notOpened(observed);
	const { attached } = observed;
	if (attached === undefined) {
		observed.close();
		assertAlive(observed);
		throw runtimeUnreadable(`${target}: its Go runtime cannot be read`, observed.problems);
	}
	const summary = summaryOf(observed);
	return {
		live: true,
		close: () => observed.close(),
		async next() {
			const bytes = () => (observed.memory?.bytesRead ?? 0) + (observed.memory?.pagemapBytes ?? 0);
			const before = bytes();
			const started = performance.now();
			const at = Date.now();
			const look = await lookAt(observed, attached.view, pauseMs);
			assertAlive(observed);
			const { first, second, pausedMs, parts } = look;
			const paused = stoodStill({ cost: { wallMs: 0, pausedMs, bytesRead: 0 }, unavailable: parts });
			return takenFromRuntime(first, at, {
				target,
				source: "runtime",
				how: `read from outside in the runtime's memory, the program ${paused ? "paused" : pausedMs > 0 ? "paused for a part of it" : "not paused"}`,
				process: { ...summary.process, uptimeSeconds: Math.max(0, Math.round(at / 1000 - summary.started)) },
				...(summary.process.goVersion === undefined ? {} : { goVersion: summary.process.goVersion }),
				blur: {
					heapBytes: Math.abs(second.memStats.HeapAlloc - first.memStats.HeapAlloc),
					collections: second.memStats.NumGC - first.memStats.NumGC,
					paused,
				},
				unavailable: unreadable(parts),
				cost: {
					wallMs: Math.round((performance.now() - started) * 10) / 10,
					pausedMs: Math.round(pausedMs * 10) / 10,
					bytesRead: bytes() - before,
				},
			});
		},
	};
}

interface Look {
	readonly first: RuntimeCounters;
	/** read directly after: how far it moved meanwhile */
	readonly second: RuntimeCounters;
	readonly pausedMs: number;
	readonly parts: readonly Part[];
}

async function lookAt(observed: ObservedProcess, view: RuntimeView, pauseMs: number | undefined): Promise<Look> {
	const both = () => ({ first: counters(view), second: counters(view) });
	try {
		if (pauseMs === undefined) return { ...both(), pausedMs: 0, parts: [] };
		const pause = preparePause(observed.pid, { maxMs: pauseMs, startTime: observed.startTime });
		const { value, pausedMs, problems } = await whilePaused(pause, both);
		return { ...value, pausedMs, parts: problems };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		assertAlive(observed);
		throw new GomemError({
			code: "runtime-unreadable",
			message: `the runtime of process ${observed.pid} cannot be read now`,
			hint: "start the command again, if the process executed another program; with --pause, if it is busy",
			cause: error,
		});
	}
}

function counters(view: RuntimeView): RuntimeCounters {
	const look = view.memory.look();
	return readCounters(view, look, readGlobal(view, look, "mheap_", "mheap"));
}

/** The process under the pid is still the one that was opened, and has not ended. */
function assertAlive({ pid, startTime }: ObservedProcess): void {
	const gone = goneProcess(pid, startTime);
	if (gone !== undefined) throw goneError(gone);
}

function summaryOf(observed: ObservedProcess): { process: ReturnType<typeof processSummary>; started: number } {
	const text = readProcText(observed.pid, "stat");
	if (typeof text !== "string") throw notOpened(text);
	const stat = parseStat(text);
	const host = hostFacts();
	const environment = readEnvironment(observed.pid);
	const { program } = observed;
	const process = processSummary({
		pid: observed.pid,
		at: Date.now(),
		host,
		stat,
		exe: observed.exe?.path ?? "",
		exeDeleted: observed.exe?.deleted ?? false,
		container: boundsOf(observed.pid).container,
		...(isUnavailable(environment) ? {} : { environment: environment as Readonly<Record<string, string>> }),
		...(program === undefined ? {} : { program }),
	});
	return { process, started: host.bootTime + stat.startTime / host.ticksPerSecond };
}

/** One reading of a capture or a core. */
export function takenFromObservation(target: string, { reading, runtime }: Observation): Taken {
	if (runtime === undefined) throw runtimeUnreadable(`${target}: its Go runtime cannot be read`, reading.unavailable);
	const process = processSummary(reading);
	return takenFromRuntime(runtime.counters, reading.at, {
		target,
		source: "runtime",
		how:
			reading.core === undefined
				? "read from outside in the runtime's memory, when the capture was made"
				: "read in the runtime's memory as the core holds it",
		process,
		...(process.goVersion === undefined ? {} : { goVersion: process.goVersion }),
		blur: {
			heapBytes: runtime.blur.heapBytes,
			collections: runtime.blur.collections,
			paused: stoodStill(reading),
		},
		unavailable: unreadable(reading.unavailable),
	});
}
