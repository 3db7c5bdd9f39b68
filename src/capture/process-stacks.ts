import { readFileSync } from "node:fs";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { GoroutineStacks } from "../evidence/stacks.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { Attached } from "../goruntime/attach.ts";
import type { GoroutineTable } from "../goruntime/goroutines.ts";
import { stacksEvidence, type WalkedStacks, walkGoroutines } from "../goruntime/stack-walk-goroutines.ts";
import { openProgramCode, type ProgramCode } from "../goruntime/symbols.ts";
import type { Executable } from "./linux/executable.ts";
import type { SafeMemory } from "./linux/safe-memory.ts";
import type { ModuleFiles } from "./module-files.ts";
import { LiveMemory } from "./target-memory.ts";

/**
 * The goroutines' stacks of a process under observation. What it reads is never recorded: stacks hold the program's data,
 * and only the places in the code that they pass through go on from here.
 */
export class ProcessStacks {
	readonly #attached: Attached;
	readonly #memory: SafeMemory;
	readonly #looks: LiveMemory;
	readonly #code: ProgramCode;
	readonly #pid: number;

	private constructor(pid: number, attached: Attached, memory: SafeMemory, code: ProgramCode) {
		this.#pid = pid;
		this.#attached = attached;
		this.#memory = memory;
		this.#looks = new LiveMemory(memory);
		this.#code = code;
	}

	/** Opens the executable's table of functions; once for all readings. */
	static open(
		pid: number,
		exe: Executable,
		attached: Attached,
		memory: SafeMemory,
		modules: ModuleFiles,
	): ProcessStacks | Unavailable {
		const { view, program } = attached;
		const look = new LiveMemory(memory).look();
		const code = openProgramCode({
			elf: parseElf(exe.file),
			layout: view.layout,
			globals: view.globals,
			bias: program.bias,
			data: program.data,
			look,
			fileAt: modules.at,
		});
		return isUnavailable(code) ? code : new ProcessStacks(pid, attached, memory, code);
	}

	/**
	 * Reads and walks. `goroutines` where they were read before and the process has stood still since.
	 *
	 * @param labels also read the labels of runtime/pprof
	 */
	walk(
		goroutines: GoroutineTable | undefined,
		labels = false,
	): { readonly walked: WalkedStacks; readonly nanotime: number } | Unavailable {
		try {
			const walked = walkGoroutines({
				view: this.#attached.view,
				code: this.#code,
				memory: this.#looks,
				bytes: this.#memory,
				goroutines,
				labels,
			});
			return { walked, nanotime: nanotimeOf(this.#pid) };
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			return {
				unavailable: `the goroutines could not be read: ${error.message}`,
				wouldHelp: "reading again, or --pause, if the process is busy",
			};
		}
	}

	/** Names and sizes, which need no more of the process. */
	evidence(
		read: { readonly walked: WalkedStacks; readonly nanotime: number },
		residency: Residency | undefined,
	): GoroutineStacks {
		return stacksEvidence(read.walked, read.nanotime, residency);
	}
}

/**
 * What runtime.nanotime would say in the process now: CLOCK_MONOTONIC (runtime/sys_linux_amd64.s: nanotime1), which
 * process.hrtime reads as well, plus the offset of the process's time namespace (time_namespaces(7)). 0 where that is unknown.
 */
function nanotimeOf(pid: number): number {
	const now = Number(process.hrtime.bigint());
	try {
		const [own, its] = ["self", String(pid)].map((who) => readFileSync(`/proc/${who}/timens_offsets`, "latin1"));
		return now + monotonicOffset(its ?? "") - monotonicOffset(own ?? "");
	} catch (error) {
		// before Linux 5.6, or built without: there is one clock for all
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return now;
		return 0;
	}
}

/** Nanoseconds of the line "monotonic SECONDS NANOSECONDS". */
function monotonicOffset(offsets: string): number {
	const found = /^monotonic\s+(-?\d+)\s+(\d+)/m.exec(offsets);
	return found === null ? 0 : Number(found[1]) * 1e9 + Number(found[2]);
}
