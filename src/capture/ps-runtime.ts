import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { LayoutUse, Program } from "../evidence/reading.ts";
import { attachRuntime } from "../goruntime/attach.ts";
import { countGoroutines, type GoroutineCount } from "../goruntime/goroutine-count.ts";
import { type RuntimeCounters, readCounters } from "../goruntime/memstats.ts";
import type { ProgramFile } from "../goruntime/program.ts";
import { optional } from "../goruntime/runtime-state.ts";
import { type GlobalName, type RuntimeView, readGlobal } from "../goruntime/runtime-view.ts";
import { processLayoutSources } from "./layout-sources.ts";
import { openSafeMemory, type SafeMemory, zeroWhereAbsent } from "./linux/safe-memory.ts";
import { readMaps } from "./mappings.ts";
import { loadBias } from "./program.ts";
import { type Deadline, DeadlinePassed, TimedMemory } from "./ps-deadline.ts";
import { outOfTime } from "./ps-programs.ts";

/** The counters lie all over: with larger blocks most of what is read is not used. */
const SCATTERED = { blockBytes: 8192, maxBlocks: 2048 };

/** Of a program whose release is not known, its DWARF is read: once, and in about a second for that much. */
const MAX_DWARF_BYTES = 64 << 20;

/** A light look at a Go runtime: its counters, and no table of it. */
export interface RuntimeGlance {
	readonly counters: RuntimeCounters;
	/** undefined where they could not be counted */
	readonly goroutines: GoroutineCount | undefined;
	readonly layout: LayoutUse | undefined;
}

/** What counting takes. */
const NEEDED: readonly GlobalName[] = ["mheap_", "memstats", "gcController", "allgs", "allp", "sched"];

/** The runtime of one process, found once and then read round after round. Close it. */
export class RuntimeGlances {
	readonly #memory: SafeMemory;
	readonly #timed: TimedMemory;
	readonly #view: RuntimeView;
	readonly #program: Program;

	private constructor(memory: SafeMemory, timed: TimedMemory, view: RuntimeView, program: Program) {
		this.#memory = memory;
		this.#timed = timed;
		this.#view = view;
		this.#program = program;
	}

	/** Where the variables stand in the executable, for its other processes; undefined where some were not found. */
	get linked(): ReadonlyMap<GlobalName, number> | undefined {
		const { globals } = this.#view;
		if (!NEEDED.every((name) => globals.has(name))) return undefined;
		return new Map([...globals].map(([name, address]) => [name, address - this.#program.bias]));
	}

	get bytesRead(): number {
		return this.#memory.bytesRead + this.#memory.pagemapBytes;
	}

	/** Finds the runtime's variables, or says why that cannot be done. */
	static async open(
		pid: number,
		path: string,
		file: ProgramFile,
		deadline: Deadline,
	): Promise<RuntimeGlances | Unavailable> {
		const maps = readMaps(pid);
		if (isUnavailable(maps)) return maps;
		const bias = loadBias(maps, path, file);
		if (bias === undefined) return { unavailable: "the executable's mappings were not found" };
		const memory = openSafeMemory(pid, { zeroWhereAbsent: zeroWhereAbsent(maps) });
		if (isUnavailable(memory)) return memory;
		const sources = processLayoutSources(pid, MAX_DWARF_BYTES);
		try {
			const timed = new TimedMemory(memory, deadline);
			const attached = await attachRuntime(file, bias, timed, sources);
			if (!isUnavailable(attached)) {
				return new RuntimeGlances(memory, timed, attached.view, attached.program);
			}
			memory.close();
			return attached;
		} catch (error) {
			memory.close();
			if (error instanceof DeadlinePassed) return outOfTime(deadline, "the runtime's variables were looked for");
			throw error;
		} finally {
			sources.close();
		}
	}

	/** The counters now, or why they could not be read. */
	read(deadline: Deadline): RuntimeGlance | Unavailable {
		this.#timed.deadline = deadline;
		try {
			const look = this.#view.memory.look(SCATTERED);
			const mheap = readGlobal(this.#view, look, "mheap_", "mheap");
			return {
				counters: readCounters(this.#view, look, mheap),
				goroutines: optional(() => countGoroutines(this.#view, look)),
				layout: this.#program.layout,
			};
		} catch (error) {
			if (error instanceof DeadlinePassed) return outOfTime(deadline, "the runtime's counters were read");
			if (!(error instanceof ParseError)) throw error;
			return { unavailable: error.message, wouldHelp: "reading again; its pages may have been swapped out" };
		}
	}

	close(): void {
		this.#memory.close();
	}
}
